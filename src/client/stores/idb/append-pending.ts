/**
 * Appends commits to what is pending: the one write that a person waits for (L2, L3).
 *
 * Holds: one transaction, one row a commit, under the next numbers: where one of them has a row, somebody was faster, and all is withdrawn. That is the
 * whole check for a tab that holds a place (`place.ts`). Without one, the row may have been swept since, so the tail is looked at too: the
 * last number ever used always has a row, and the keys from the known tail on tell whether that one is it. Commits are decided while the
 * browser looks, and their rows are on their way before the keys have come back. One row alone is committed early; more than one, only when
 * the browser has told that all of them are there.
 *
 * Somebody may be ourselves, before a connection died that did not tell the end; those commits stand somewhere by their ids, wherever other
 * tabs have moved them since.
 */
import { peekCommitId, pendingText } from "../entry-text.ts";
import type { PendingEntry } from "../log-store.ts";
import { commitEarly, type Connection, Withdrawn } from "./connection.ts";
import { named } from "./failure.ts";
import { type ReadTransaction, requireRowLength, type StoreName } from "./layout.ts";
import type { TailLease } from "./tail-lease.ts";

const STORES: readonly StoreName[] = ["pending", "rejections"];
const PLACES: readonly StoreName[] = ["pending", "sent", "rejections"];

export async function appendPending(
  connection: Connection,
  place: TailLease,
  tail: number,
  entries: Iterable<Omit<PendingEntry, "n">>,
  endRejections: Iterable<string>,
): Promise<boolean> {
  let last = tail;
  const append = async (tx: IDBTransaction): Promise<boolean | Withdrawn<boolean>> => {
    const pending = tx.objectStore("pending");
    const { held } = place;
    let keys = place.covers(tail) ? null : lastKeys(pending, tail);
    const rows = Array.from(entries, pendingText);
    for (const row of rows) requireRowLength("pending", row.length);
    rows.forEach((row, index) => pending.add(row, tail + index + 1));
    const ended = Array.from(endRejections);
    for (const id of ended) tx.objectStore("rejections").delete(id);
    last = tail + rows.length;
    // Refused, all of them, and perhaps on an old state: there is no row that would fail.
    if (rows.length === 0) keys ??= lastKeys(pending, tail);
    if (keys !== null) {
      if (!isLast(await keys, tail)) return new Withdrawn(false);
      place.looked(tail, held);
    }
    if (rows.length + ended.length <= 1) commitEarly(tx);
    return true;
  };
  const appended = await place.during(() => connection.writeBare(STORES, "strict", append)).catch(notWhereTaken);
  if (appended) place.appended(last);
  return appended || (await connection.read(PLACES, (tx) => standsAlready(tx, tail, entries)));
}

/** A number that has a row already is no failure, but the answer that somebody was faster. */
function notWhereTaken(error: unknown): false {
  if (named(error).name === "ConstraintError") return false;
  throw error;
}

function lastKeys(pending: IDBObjectStore, tail: number): Promise<readonly IDBValidKey[]> {
  const keys = resultOf(pending.getAllKeys(IDBKeyRange.lowerBound(tail), 2));
  // What throws before they are looked at is what is told; the transaction goes with it, and the keys too.
  keys.catch(() => {});
  return keys;
}

function isLast(keys: readonly IDBValidKey[], tail: number): boolean {
  return tail === 0 ? keys.length === 0 : keys.length === 1 && keys[0] === tail;
}

/** Whether these commits were appended before: then they went in behind that tail, all of them, and may have ended since. */
async function standsAlready(
  tx: ReadTransaction,
  tail: number,
  entries: Iterable<Pick<PendingEntry, "commit">>,
): Promise<boolean> {
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
