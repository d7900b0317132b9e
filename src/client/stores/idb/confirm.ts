/**
 * Writes what the server said of the log and of own commits: one transaction (L4).
 *
 * Holds: the row of a commit that has ended stays in `pending`, noted as ended in the head, until no tab needs it to see that it is not up to date
 * (`place.ts`). The last number ever used always keeps its row, so no number is used twice.
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
  sweepable: number,
): Promise<boolean> {
  const { batch, settled, rejected, forgetSentBefore } = confirmation;
  const [head, numbers] = await Promise.all([readHead(tx), tx.objectStore("pending").getAllKeys()]);
  if (head.generation !== expected.generation || !sameCursor(head.cursor, expected.cursor)) return false;
  if (batch) checkFollows(batch, head.cursor);
  if (forgetSentBefore !== null) await forgetSent(tx, forgetSentBefore);

  const standing = new Set(notInRanges(numbers, head.ended));
  const ending = [...settled, ...rejected].flatMap(({ n }) => (standing.has(n) ? n : []));
  const ended = withNumbers(head.ended, ending);
  const swept = Math.min(sweepable, (numbers.at(-1) ?? 0) - 1);
  for (const [first, last] of rangesUpTo(ended, swept)) remove(tx, "pending", IDBKeyRange.bound(first, last));
  for (const entry of settled) {
    put(tx, "sent", entry.n, sentText(entry));
    // Refused here before, or withdrawn in a tab that this one has not heard of.
    remove(tx, "rejections", entry.commit.id);
  }
  // One that has ended meanwhile may have been discarded by the app: it must not come back.
  for (const entry of rejected) if (standing.has(entry.n)) put(tx, "rejections", entry.commit.id, rejectionText(entry));
  if (batch) put(tx, "tail", batch.cursor.position, batchRow(batch));

  const cursor = batch ? batch.cursor : head.cursor;
  put(
    tx,
    "meta",
    "head",
    headText({
      ...head,
      cursor,
      ended: rangesAbove(ended, swept),
      dropped: stillDropped(head.dropped, cursor),
      tailLength: head.tailLength + (batch?.text.length ?? 0),
    }),
  );
  return true;
}

/** Walks from the oldest on and stops at the first that is kept: nearly all were settled in the order of their numbers, and one that was not keeps a few for longer. */
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
