/**
 * Writes the server's records and outcomes in one transaction.
 *
 * Guarantees:
 * - The transaction writes nothing if generation or cursor moved (L4).
 * - The row of a settled commit stays in `pending`, and the head lists it as `ended`, until no tab needs the row
 *   (`tail-lease.ts`). Otherwise a tab with an old tail could append (L2).
 * - The last number that was ever used always keeps its row, so that no number is used twice (L3).
 */
import { sameCursor } from "../../../core/history/record.ts";
import { checkFollows } from "../batches.ts";
import { peekSettledAt, rejectionText, sentText } from "../entry-text.ts";
import { type Confirmation, stillDropped, type StoreHead } from "../log-store.ts";
import {
  batchRow,
  headText,
  put,
  readHead,
  remove,
  removeNumbers,
  type StoreName,
  type WriteTransaction,
} from "./layout.ts";
import { notInRanges, rangesAbove, rangesUpTo, withNumbers } from "./number-ranges.ts";

export const CONFIRM_STORES: readonly StoreName[] = ["meta", "pending", "sent", "rejections", "tail"];

export async function confirm(
  tx: WriteTransaction,
  expected: Pick<StoreHead, "generation" | "cursor">,
  confirmation: Confirmation,
  reclaimableUpTo: number,
): Promise<boolean> {
  const { batch, settled, rejected, forgetSentBefore } = confirmation;
  const [head, numbers] = await Promise.all([readHead(tx), tx.objectStore("pending").getAllKeys()]);
  if (head.generation !== expected.generation || !sameCursor(head.cursor, expected.cursor)) return false;
  if (batch) checkFollows(batch, head.cursor);
  if (forgetSentBefore !== null) await forgetSent(tx, forgetSentBefore);

  const unsettled = new Set(notInRanges(numbers, head.ended));
  const ending = [...settled, ...rejected].flatMap(({ n }) => (unsettled.has(n) ? n : []));
  const ended = withNumbers(head.ended, ending);
  const removedUpTo = Math.min(reclaimableUpTo, (numbers.at(-1) ?? 0) - 1);
  for (const [first, last] of rangesUpTo(ended, removedUpTo)) remove(tx, "pending", IDBKeyRange.bound(first, last));
  for (const entry of settled) {
    put(tx, "sent", entry.n, sentText(entry));
    // A tab may have stored it as rejected before its record arrived.
    remove(tx, "rejections", entry.commit.id);
  }
  // An entry that settled earlier is skipped, because the app may have discarded its rejection, which must not come
  // back.
  for (const entry of rejected)
    if (unsettled.has(entry.n)) put(tx, "rejections", entry.commit.id, rejectionText(entry));
  if (batch) put(tx, "tail", batch.cursor.position, batchRow(batch));

  const cursor = batch ? batch.cursor : head.cursor;
  put(
    tx,
    "meta",
    "head",
    headText({
      ...head,
      cursor,
      ended: rangesAbove(ended, removedUpTo),
      dropped: stillDropped(head.dropped, cursor),
      tailLength: head.tailLength + (batch?.text.length ?? 0),
    }),
  );
  return true;
}

/**
 * Reads from the oldest number on and stops at the first entry to keep. Nearly all entries settled in the order of
 * their numbers. An entry that settled late keeps a few later entries for longer.
 */
async function forgetSent(tx: WriteTransaction, before: number): Promise<void> {
  const old: number[] = [];
  for (let cursor = await tx.objectStore("sent").openCursor(); cursor; cursor = await cursor.continue()) {
    const settledAt = peekSettledAt(cursor.value);
    if (settledAt === null) continue;
    if (settledAt >= before) break;
    old.push(cursor.key);
  }
  removeNumbers(tx, "sent", old);
}
