/**
 * Writes what the server said of the log and of own commits: one transaction (L4).
 *
 * Holds: the last number of `pending` always has a row. Where its commit ends, a generation mark takes its place, so that a tab that
 * appends needs `pending` alone to see whether it is up to date, and no number is used twice.
 */
import { sameCursor } from "../../../core/record.ts";
import { checkFollows } from "../batches.ts";
import { generationMarkText, peekSettledAt, rejectionText, sentText } from "../entry-text.ts";
import { type Confirmation, stillDropped, type StoreHead } from "../log-store.ts";
import { batchRow, headText, put, readHead, remove, removeNumbers, type StoreName, type WriteTransaction } from "./layout.ts";

export const CONFIRM_STORES: readonly StoreName[] = ["meta", "pending", "sent", "rejections", "tail"];

export async function confirm(tx: WriteTransaction, expected: Pick<StoreHead, "generation" | "cursor">, confirmation: Confirmation): Promise<boolean> {
  const { batch, settled, rejected, forgetSentBefore } = confirmation;
  const [head, numbers] = await Promise.all([readHead(tx), tx.objectStore("pending").getAllKeys()]);
  if (head.generation !== expected.generation || !sameCursor(head.cursor, expected.cursor)) return false;
  if (batch) checkFollows(batch, head.cursor);
  if (forgetSentBefore !== null) await forgetSent(tx, forgetSentBefore);

  const standing = new Set(numbers);
  const ended = [...settled, ...rejected].filter(({ n }) => standing.has(n) && n !== head.mark);
  const last = numbers.at(-1) ?? 0;
  // Where the last one ends, a mark takes its place, and the mark before it goes.
  const movesMark = ended.some(({ n }) => n === last);
  removeNumbers(tx, "pending", [...(movesMark && head.mark > 0 ? [head.mark] : []), ...ended.map(({ n }) => n)]);
  if (movesMark) put(tx, "pending", last, generationMarkText(head.generation));
  for (const entry of settled) {
    put(tx, "sent", entry.n, sentText(entry));
    // Refused here before, or withdrawn in a tab that this one has not heard of.
    remove(tx, "rejections", entry.commit.id);
  }
  // One that has ended meanwhile may have been discarded by the app: it must not come back.
  for (const entry of rejected) if (standing.has(entry.n)) put(tx, "rejections", entry.commit.id, rejectionText(entry));
  if (batch) put(tx, "tail", batch.cursor.position, batchRow(batch));

  const mark = movesMark ? last : head.mark;
  const cursor = batch ? batch.cursor : head.cursor;
  put(tx, "meta", "head", headText({ ...head, cursor, mark, dropped: stillDropped(head.dropped, cursor), tailLength: head.tailLength + (batch?.text.length ?? 0) }));
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
