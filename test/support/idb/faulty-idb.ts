// IndexedDB that fails on demand, as browsers fail connections and transactions. It is built on fake-indexeddb.
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import { type IDBPDatabase, openDB } from "idb";
import { openIdbLogStore } from "../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../src/client/stores/database-name.ts";
import type { LogStore } from "../../../src/client/stores/log-store.ts";

export const newClientId = (): string => crypto.randomUUID();

/** Opens a store for a test. Returns the name of its database and the waits that it requested, too. */
export async function openStore(
  options: { readonly user?: string; readonly timer?: (callback: () => void, ms: number) => () => void } = {},
) {
  const user = options.user ?? newClientId();
  const waits: number[] = [];
  const timer = (callback: () => void, ms: number) => {
    if (ms >= 1_000) return () => {};
    waits.push(ms);
    queueMicrotask(callback);
    return () => {};
  };
  const open = (): Promise<LogStore> =>
    openIdbLogStore({ log: "faults", user, newClientId, timer: options.timer ?? timer });
  return { store: await open(), open, name: databaseName("faults", user), user, waits };
}

/** Replaces a method until the returned function is called. `call` is the original method. */
export function replace<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  by: (call: Owner[Key]) => Owner[Key],
): () => void {
  const before = owner[key];
  owner[key] = by(before);
  return () => void (owner[key] = before);
}

/** Returns the connections that opened a transaction while `run` ran. */
export async function connectionsOf(run: () => Promise<unknown>): Promise<ReadonlySet<IDBDatabase>> {
  const seen = new Set<IDBDatabase>();
  const restore = replace(
    IDBDatabase.prototype,
    "transaction",
    (call) =>
      function (this: IDBDatabase, ...args) {
        seen.add(this);
        return call.apply(this, args);
      },
  );
  await run().finally(restore);
  return seen;
}

/**
 * Closes a store's connection, as a browser does when memory is short or its storage process died. `told` resolves
 * after the close event, which comes later.
 */
export async function killConnection(store: LogStore): Promise<{ readonly told: Promise<unknown> }> {
  const databases = [...(await connectionsOf(() => store.head()))];
  const told = Promise.all(
    databases.map((database) => new Promise((resolve) => database.addEventListener("close", resolve))),
  );
  // The cast is needed, because its type names the class although it accepts an instance.
  for (const database of databases) forceCloseDatabase(database as unknown as typeof IDBDatabase);
  return { told };
}

/** Aborts a transaction with its own error, as a full disk does. No request gets an error event before. */
export function abortWith(tx: IDBTransaction, errorName: string): void {
  // The cast is needed, because fake-indexeddb has no public way to set the error.
  (tx as unknown as { _abort(name: string): void })._abort(errorName);
}

/** The next transaction completes, but the store gets an abort event, as if its connection died. */
export function loseNextEnd(): () => void {
  let isLost = false;
  return replace(
    IDBDatabase.prototype,
    "transaction",
    (call) =>
      function (this: IDBDatabase, ...args) {
        const tx = call.apply(this, args);
        if (isLost) return tx;
        isLost = true;
        const listen = tx.addEventListener.bind(tx);
        tx.addEventListener = (type: string, listener: EventListenerOrEventListenerObject) => {
          if (type !== "complete") listen(type === "abort" ? "complete" : type, listener);
        };
        return tx;
      },
  );
}

/**
 * Commits early as Firefox does. If the last request fails after an early commit, the transaction aborts without its
 * reason. If another request fails, Firefox commits the rest.
 */
export function commitAsFirefox(): () => void {
  return replace(
    IDBTransaction.prototype,
    "commit",
    (call) =>
      function (this: IDBTransaction) {
        // The cast is needed, because fake-indexeddb has no public list of open requests.
        const { _requests: requests } = this as unknown as {
          readonly _requests: readonly { readonly request: IDBRequest }[];
        };
        const last = requests.at(-1)?.request;
        for (const { request } of requests) {
          request.addEventListener("error", (event) => {
            event.preventDefault();
            if (request === last) abortWith(this, "AbortError");
          });
        }
        call.call(this);
      },
  );
}

/** Reads or changes rows without the store. */
export async function behindItsBack<T>(name: string, work: (database: IDBPDatabase) => Promise<T>): Promise<T> {
  const database = await openDB(name);
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

/** All rows of all stores, as `[key, value]`. */
export function layoutOf(
  name: string,
): Promise<{ readonly [store: string]: readonly (readonly [IDBValidKey, unknown])[] }> {
  return behindItsBack(name, async (database) => {
    const stores: { [store: string]: [IDBValidKey, unknown][] } = {};
    for (const store of database.objectStoreNames) {
      const [keys, rows] = [await database.getAllKeys(store), await database.getAll(store)];
      stores[store] = keys.map((key, index) => [key, rows[index]]);
    }
    return stores;
  });
}
