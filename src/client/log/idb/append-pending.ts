/**
 * Appends commits to what is pending: the one write that a person waits for (L2, L3).
 *
 * Holds: one transaction, one read, one row a commit. The last number ever used always has a row in `pending` (a commit, or a generation
 * mark), so the keys from the known tail on tell everything: that one alone, and nobody was faster.
 */
import type { Connection } from "./connection.ts";
import { put, type ReadTransaction, remove } from "./layout.ts";

export function appendPending(connection: Connection, tail: number, rows: readonly string[], endRejections: readonly string[]): Promise<boolean> {
  return connection.write(endRejections.length > 0 ? ["pending", "rejections"] : ["pending"], "strict", async (tx, attempt) => {
    const keys = await tx.objectStore("pending").getAllKeys(IDBKeyRange.lowerBound(tail), 2);
    const isLast = keys.length === (tail === 0 ? 0 : 1) && (tail === 0 || keys[0] === tail);
    if (!isLast) return attempt > 0 && rows.length > 0 && (await stand(tx, tail, rows));
    rows.forEach((row, index) => put(tx, "pending", tail + index + 1, row));
    for (const id of endRejections) remove(tx, "rejections", id);
    return true;
  });
}

/** Whether an earlier attempt wrote these rows before its connection died, and could not say so. */
async function stand(tx: ReadTransaction, tail: number, rows: readonly string[]): Promise<boolean> {
  const found: readonly unknown[] = await tx.objectStore("pending").getAll(IDBKeyRange.bound(tail + 1, tail + rows.length));
  return rows.every((row, index) => found[index] === row);
}
