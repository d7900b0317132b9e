/** The event store of a duo's server: the one in memory, whose appends this browser keeps over a reload of the page. */
import { memory } from "dacapo/memory";
import type { EventStore } from "dacapo/sync-server";
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

type Append = Parameters<EventStore["append"]>[1];
type Schema = DBSchema & { appends: { key: number; value: { readonly log: string; readonly append: Append } } };

export function storeNameOf(duo: string): string {
  return `${duo} server`;
}

/** An append is kept before its result is known, because a side keeps what the server answered. */
export async function keptStore(duo: string): Promise<EventStore> {
  const store = memory();
  const db = await openKept(duo);
  if (!db) return store;
  for (const { log, append } of await db.getAll("appends")) await store.append(log, append);
  const append: EventStore["append"] = store.append.bind(store);
  return Object.assign(store, {
    append: async (log: string, change: Append) => {
      const result = await append(log, change);
      // Without space the duo continues, and the next reload begins with the first cards.
      if (result.kind === "ok") await db.add("appends", { log, append: change }).catch(() => db.clear("appends"));
      return result;
    },
  });
}

/** Null where the browser keeps nothing, such as in a private window. */
async function openKept(duo: string): Promise<IDBPDatabase<Schema> | null> {
  try {
    return await openDB<Schema>(storeNameOf(duo), 1, {
      upgrade: (db) => void db.createObjectStore("appends", { autoIncrement: true }),
      // A later visit may delete it.
      blocking: (_current, _blocked, event) => event.target instanceof IDBDatabase && event.target.close(),
    });
  } catch {
    return null;
  }
}
