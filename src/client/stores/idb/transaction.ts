/**
 * One transaction of the connection: its begin, its work and its end.
 *
 * Guarantees (test/unit/client/stores/connection.test.ts): a write resolves only after its transaction is complete, and
 * rejects with the first reason of the browser (L1). A write whose work fails stores nothing.
 */
import { type IDBPDatabase, unwrap } from "idb";
import type { Layout, ReadTransaction, StoreName, WriteTransaction } from "./layout.ts";

export type Database = IDBPDatabase<Layout>;

/** The result of a write whose transaction must be aborted, so that it stores nothing. */
export class Aborted<T> {
  readonly result: T;

  constructor(result: T) {
    this.result = result;
  }
}

export async function readIn<T>(
  database: Database,
  stores: readonly StoreName[],
  work: (tx: ReadTransaction) => Promise<T>,
): Promise<T> {
  const tx = database.transaction([...stores], "readonly");
  tx.done.catch(() => {});
  return await work(tx);
}

export function writeIn<T>(
  database: Database,
  stores: readonly StoreName[],
  durability: "strict" | "relaxed",
  work: (tx: WriteTransaction) => Promise<T>,
): Promise<T> {
  const tx = database.transaction([...stores], "readwrite", { durability });
  tx.done.catch(() => {});
  return completed(unwrap(tx), () => work(tx));
}

export function writeBareIn<T>(
  database: Database,
  stores: readonly StoreName[],
  durability: "strict" | "relaxed",
  work: (tx: IDBTransaction) => Promise<T | Aborted<T>>,
): Promise<T> {
  const tx = unwrap(database).transaction([...stores], "readwrite", { durability });
  return completed(tx, () => work(tx));
}

/** Runs `work` in a transaction that just began, and waits for its end. */
async function completed<T>(tx: IDBTransaction, work: () => Promise<T | Aborted<T>>): Promise<T> {
  let failed: DOMException | null = null;
  tx.addEventListener("error", ({ target }) => {
    const error = target instanceof IDBRequest ? target.error : null;
    if (error?.name !== "AbortError") failed ??= error;
  });
  // If a request fails after an early commit, Firefox reports only that the transaction was aborted, and WebKit reports
  // no reason. So use the request's error then.
  const reason = () => (failed !== null && (tx.error === null || tx.error.name === "AbortError") ? failed : tx.error);
  // Not idb's `done`, because that rejects at the request's error. The transaction's own error comes later and says
  // that the disk is full.
  const ended = new Promise<void>((resolve, reject) => {
    tx.addEventListener("complete", () => (failed ? reject(failed) : resolve()));
    tx.addEventListener("abort", () =>
      reject(reason() ?? new DOMException("The transaction was aborted", "AbortError")),
    );
  });
  ended.catch(() => {});
  try {
    const result = await work();
    if (result instanceof Aborted) {
      abort(tx);
      await ended.catch(() => {});
      return result.result;
    }
    await ended;
    return result;
  } catch (error) {
    abort(tx);
    throw reason() ?? error;
  }
}

/**
 * Commits before the requests are done, which saves the browser a round trip (0.25 ms of 1.4 ms in Chromium). Call it
 * only if at most one request writes, because Firefox then aborts for the last request only, and commits the rows of
 * the other requests.
 */
export function commitEarly(tx: IDBTransaction): void {
  try {
    tx.commit();
  } catch {
    // The transaction is complete or aborted already, and its event reports which.
  }
}

export function abort(tx: IDBTransaction): void {
  try {
    tx.abort();
  } catch {
    // The transaction is complete or aborted already.
  }
}
