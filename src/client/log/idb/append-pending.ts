/**
 * Appends commits to what is pending: the one write that a person waits for (L2, L3).
 *
 * Holds: one transaction, one read, one row a commit. The last number ever used always has a row in `pending` (a commit, or a generation
 * mark), so the keys from the known tail on tell everything: that one alone, and nobody was faster. The commits are decided while the
 * browser looks up the keys, and their rows are on their way before these have come back, to be withdrawn where somebody was faster: the read costs
 * no round trip of its own, and neither does deciding. Somebody may be ourselves, before a connection died that did not tell the end; those
 * commits stand somewhere by their ids, wherever other tabs have moved them since.
 */
import { peekCommitId, pendingText } from "../entry-text.ts";
import type { PendingEntry } from "../log-store.ts";
import { type Connection, Withdrawn } from "./connection.ts";
import { type ReadTransaction, requireRowLength, type StoreName } from "./layout.ts";

const STORES: readonly StoreName[] = ["pending", "rejections"];
const PLACES: readonly StoreName[] = ["pending", "sent", "rejections"];

export async function appendPending(connection: Connection, tail: number, entries: Iterable<Omit<PendingEntry, "n">>, endRejections: Iterable<string>): Promise<boolean> {
  const appended = await connection.writeBare(STORES, "strict", async (tx) => {
    const pending = tx.objectStore("pending");
    const keys = resultOf(pending.getAllKeys(IDBKeyRange.lowerBound(tail), 2));
    // What throws below is what is told; the transaction goes with it, and the keys too.
    keys.catch(() => {});
    const rows = Array.from(entries, pendingText);
    for (const row of rows) requireRowLength("pending", row.length);
    rows.forEach((row, index) => pending.put(row, tail + index + 1));
    for (const id of endRejections) tx.objectStore("rejections").delete(id);
    return isLast(await keys, tail) || new Withdrawn(false);
  });
  return appended || (await connection.read(PLACES, (tx) => standsAlready(tx, tail, entries)));
}

function isLast(keys: readonly IDBValidKey[], tail: number): boolean {
  return tail === 0 ? keys.length === 0 : keys.length === 1 && keys[0] === tail;
}

/** Whether these commits were appended before: then they went in behind that tail, all of them, and may have ended since. */
async function standsAlready(tx: ReadTransaction, tail: number, entries: Iterable<Pick<PendingEntry, "commit">>): Promise<boolean> {
  const behind = IDBKeyRange.lowerBound(tail, true);
  const ids = Array.from(entries, ({ commit }) => commit.id);
  const [pending, sent, ...refused] = await Promise.all([
    tx.objectStore("pending").getAll(behind),
    tx.objectStore("sent").getAll(behind),
    ...ids.map((id) => tx.objectStore("rejections").getKey(id)),
  ]);
  const standing = new Set([...pending, ...sent].map(peekCommitId));
  return ids.some((id, index) => standing.has(id) || refused[index] !== undefined);
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    // The transaction fails with it, and its error is the one that is told.
    request.onerror = () => reject(request.error ?? new DOMException("The request failed", "AbortError"));
  });
}
