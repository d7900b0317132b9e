/**
 * Writes a whole log from another store into an empty store, in one transaction.
 *
 * Guarantees:
 * - The transaction writes nothing if generation, cursor or tail moved (L5).
 * - The last number has a row in `pending`, a waiting commit or a generation mark. So no number is used twice (L3).
 * - The first number has a row too. Otherwise a tab that has not read the new log could append under it (L2).
 */
import { checkFollows } from "../batches.ts";
import { generationMarkText, pendingText, rejectionText, sentText } from "../entry-text.ts";
import { type ExpectedHead, type Filling, isUnmoved, stillDropped } from "../log-store.ts";
import { batchRow, headText, put, readHead, type StoreName, type WriteTransaction } from "./layout.ts";
import { withNumbers } from "./number-ranges.ts";

export const FILL_STORES: readonly StoreName[] = ["meta", "pending", "sent", "rejections", "tail"];

export async function fillEmpty(
  tx: WriteTransaction,
  expected: ExpectedHead,
  { batch, settled, rejected, pending }: Filling,
): Promise<boolean> {
  const [head, numbers] = await Promise.all([readHead(tx), tx.objectStore("pending").getAllKeys()]);
  const tail = numbers.at(-1) ?? 0;
  if (!isUnmoved({ ...head, pendingTail: tail }, expected)) return false;
  if (batch) checkFollows(batch, head.cursor);

  for (const entry of settled) put(tx, "sent", entry.n, sentText(entry));
  for (const entry of rejected) put(tx, "rejections", entry.commit.id, rejectionText(entry));
  const ended = tail + settled.length + rejected.length;
  pending.forEach((entry, index) => put(tx, "pending", ended + index + 1, pendingText(entry)));
  if (ended > tail)
    for (const n of new Set([tail + 1, ended])) put(tx, "pending", n, generationMarkText(head.generation));
  if (batch) put(tx, "tail", batch.cursor.position, batchRow(batch));
  const cursor = batch ? batch.cursor : head.cursor;
  put(
    tx,
    "meta",
    "head",
    headText({
      ...head,
      cursor,
      ended: withNumbers(head.ended, numbersBetween(tail, ended)),
      dropped: stillDropped(head.dropped, cursor),
      tailLength: head.tailLength + (batch?.text.length ?? 0),
    }),
  );
  return true;
}

function numbersBetween(above: number, last: number): readonly number[] {
  return Array.from({ length: last - above }, (_, index) => above + index + 1);
}
