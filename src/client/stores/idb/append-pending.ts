/**
 * Appends commits to `pending`, the one write that a person waits for.
 *
 *   lease is current ────────────► add the rows under the next numbers ──► a number has a row: false, nothing stored
 *   no lease ──► read the tail's keys, and add the rows meanwhile ───────► the tail moved: false, nothing stored
 *
 * Guarantees:
 * - One transaction adds one row for each commit. If a number has a row already, another tab was faster, and the
 *   transaction aborts (L2).
 * - Without a current lease (`tail-lease.ts`) that row may have been removed, so the append reads the tail too. The
 *   last number that was ever used always has a row, so the keys from the known tail on show whether the tail moved
 *   (L2).
 * - The entries are decided while the browser reads the keys, and their rows are sent before the keys arrive. This
 *   saves a round trip.
 * - A single row is committed early. Several rows are committed only after the browser confirmed each of them
 *   (test/unit/client/stores/append-pending.early-commit.test.ts).
 * - A connection can die after the commit and before the report. The commit ids then show that the rows are stored,
 *   also after other tabs moved them (L2).
 */
import { peekCommitId, pendingText } from "../entry-text.ts";
import type { PendingEntry } from "../log-store.ts";
import type { Connection } from "./connection.ts";
import { requestResult } from "./delete-database.ts";
import { named } from "./failure.ts";
import { type ReadTransaction, requireRowLength, type StoreName } from "./layout.ts";
import type { TailLease } from "./tail-lease.ts";
import { Aborted, commitEarly } from "./transaction.ts";

const STORES: readonly StoreName[] = ["pending", "rejections"];
const ENTRY_STORES: readonly StoreName[] = ["pending", "sent", "rejections"];

export async function appendPending(
  connection: Connection,
  lease: TailLease,
  tail: number,
  entries: Iterable<Omit<PendingEntry, "n">>,
  endRejections: Iterable<string>,
): Promise<boolean> {
  let last = tail;
  const append = async (tx: IDBTransaction): Promise<boolean | Aborted<boolean>> => {
    const pending = tx.objectStore("pending");
    const { held } = lease;
    let keys = lease.isCurrent(tail) ? null : lastKeys(pending, tail);
    const rows = Array.from(entries, pendingText);
    for (const row of rows) requireRowLength("pending", row.length);
    rows.forEach((row, index) => pending.add(row, tail + index + 1));
    const ended = Array.from(endRejections);
    for (const id of ended) tx.objectStore("rejections").delete(id);
    last = tail + rows.length;
    // If the domain refused all commands, perhaps on an old state, no row can fail. So read the keys.
    if (rows.length === 0) keys ??= lastKeys(pending, tail);
    if (keys !== null) {
      if (!isLast(await keys, tail)) return new Aborted(false);
      lease.confirmTail(tail, held);
    }
    if (rows.length + ended.length <= 1) commitEarly(tx);
    return true;
  };
  const appended = await lease
    .keepDuring(() => connection.writeBare(STORES, "strict", append))
    .catch(falseIfNumberIsUsed);
  if (appended) lease.advanceTo(last);
  return appended || (await connection.read(ENTRY_STORES, (tx) => isAppended(tx, tail, entries)));
}

/** Returns false for a number that has a row already, because that is no failure: another tab was faster. */
function falseIfNumberIsUsed(error: unknown): false {
  if (named(error).name === "ConstraintError") return false;
  throw error;
}

function lastKeys(pending: IDBObjectStore, tail: number): Promise<readonly IDBValidKey[]> {
  const keys = requestResult(pending.getAllKeys(IDBKeyRange.lowerBound(tail), 2));
  // The append may throw before it awaits the keys. Then the store reports that error, or the transaction's own.
  keys.catch(() => {});
  return keys;
}

function isLast(keys: readonly IDBValidKey[], tail: number): boolean {
  return tail === 0 ? keys.length === 0 : keys.length === 1 && keys[0] === tail;
}

/**
 * Whether an earlier append wrote these commits. It wrote all of them with numbers above the tail, so one of them is
 * enough. They may have settled since.
 */
async function isAppended(
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
  const commitIds = new Set([...pending, ...sent].map(peekCommitId));
  return ids.some((id, index) => commitIds.has(id) || refused[index] !== undefined);
}
