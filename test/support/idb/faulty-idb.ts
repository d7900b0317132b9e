// IndexedDB that fails on demand: what browsers do to a connection or a transaction, done to fake-indexeddb.
import "fake-indexeddb/auto";
import { forceCloseDatabase } from "fake-indexeddb";
import { type IDBPDatabase, openDB } from "idb";
import { openIdbLogStore } from "../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../src/client/stores/idb/layout.ts";
import type { LogStore } from "../../../src/client/stores/log-store.ts";

export const newClientId = (): string => crypto.randomUUID();

/** A store of its own for a test, with the name of its database and the waits that it asked for. */
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

/** Replaces a method until the function that it gives is called. `call` is the true one. */
export function replace<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  by: (call: Owner[Key]) => Owner[Key],
): () => void {
  const before = owner[key];
  owner[key] = by(before);
  return () => void (owner[key] = before);
}

/** The connections that transactions were asked of, while `run` ran. */
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

/** Ends a store's connection as a browser does that is short of memory or lost its storage process. `told`: the browser has told of it, which it does later. */
export async function killConnection(store: LogStore): Promise<{ readonly told: Promise<unknown> }> {
  const databases = [...(await connectionsOf(() => store.head()))];
  const told = Promise.all(
    databases.map((database) => new Promise((resolve) => database.addEventListener("close", resolve))),
  );
  // Its type names the class; what it takes is one of it.
  for (const database of databases) forceCloseDatabase(database as unknown as typeof IDBDatabase);
  return { told };
}

/** Aborts a transaction with an error of its own, as a full disk does: no request hears of it first. */
export function abortWith(tx: IDBTransaction, errorName: string): void {
  // fake-indexeddb has no other way to say why.
  (tx as unknown as { _abort(name: string): void })._abort(errorName);
}

/** The next transaction completes, and what the store hears is that its connection died. */
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
 * A commit that is asked for early, as Firefox makes it: a request that fails after that takes the transaction with it only where it is the last one
 * of all, and what the transaction tells then is that it was aborted, not why. Otherwise the rest is committed.
 */
export function commitAsFirefox(): () => void {
  return replace(
    IDBTransaction.prototype,
    "commit",
    (call) =>
      function (this: IDBTransaction) {
        // fake-indexeddb does not say otherwise what is on its way.
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

/** Reads or changes rows behind the store's back. */
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
