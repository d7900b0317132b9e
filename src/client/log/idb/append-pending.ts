/**
 * Appends commits to what is pending: the one write that a person waits for (L2, L3).
 *
 * Holds: one transaction, one read, one row a commit. The last number ever used always has a row in `pending` (a commit, or a generation
 * mark), so the keys from the known tail on tell everything: that one alone, and nobody was faster. The rows are on their way before the
 * keys have come back, and are withdrawn where somebody was: the read costs no round trip of its own.
 */
import { type Connection, Withdrawn } from "./connection.ts";
import { requireRowLength, type StoreName } from "./layout.ts";

export function appendPending(connection: Connection, tail: number, rows: readonly string[], endRejections: readonly string[]): Promise<boolean> {
  const stores: readonly StoreName[] = endRejections.length > 0 ? ["pending", "rejections"] : ["pending"];
  return connection.writeBare(stores, "strict", async (tx, attempt) => {
    for (const row of rows) requireRowLength("pending", row.length);
    const pending = tx.objectStore("pending");
    const keys = resultOf(pending.getAllKeys(IDBKeyRange.lowerBound(tail), 2));
    const write = () => {
      rows.forEach((row, index) => pending.put(row, tail + index + 1));
      for (const id of endRejections) tx.objectStore("rejections").delete(id);
    };
    if (attempt === 0) write();
    if (isLast(await keys, tail)) {
      if (attempt > 0) write();
      return true;
    }
    return attempt > 0 && rows.length > 0 ? await stand(pending, tail, rows) : new Withdrawn(false);
  });
}

function isLast(keys: readonly IDBValidKey[], tail: number): boolean {
  return tail === 0 ? keys.length === 0 : keys.length === 1 && keys[0] === tail;
}

/** Whether an earlier attempt wrote these rows before its connection died, and could not say so. */
async function stand(pending: IDBObjectStore, tail: number, rows: readonly string[]): Promise<boolean> {
  const found: readonly unknown[] = await resultOf(pending.getAll(IDBKeyRange.bound(tail + 1, tail + rows.length)));
  return rows.every((row, index) => found[index] === row);
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    // The transaction fails with it, and its error is the one that is told.
    request.onerror = () => reject(request.error ?? new DOMException("The request failed", "AbortError"));
  });
}
