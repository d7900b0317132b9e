/**
 * Reads the records after a position and the entries above a number, in one snapshot.
 *
 * Guarantees:
 * - Head, records, pending entries and rejections are of one time, because one transaction reads them (L6).
 * - If a batch was sealed, its segment comes instead, cut at the requested position. The reader gets the same records
 *   (L9).
 */
import { positionOf } from "../../../core/history/record.ts";
import { batchBehind, REFRESH_LENGTH_MAX } from "../batches.ts";
import { readPending } from "../entry-text.ts";
import type { ConfirmedBatch, Refresh } from "../log-store.ts";
import { type HeadRow, readBatch, readHead, type ReadTransaction, type StoreName } from "./layout.ts";
import { notInRanges } from "./number-ranges.ts";

export const REFRESH_STORES: readonly StoreName[] = ["meta", "pending", "rejections", "tail", "segments"];

/** Rows in one request if each row may have megabytes. */
const LARGE_ROWS_AHEAD = 4;
/**
 * A tail of up to this many characters is read with one request, because it may have hundreds of rows with one record
 * each.
 */
const SMALL_TAIL_LENGTH_MAX = 2 * REFRESH_LENGTH_MAX;

export async function refresh(
  tx: ReadTransaction,
  known: { readonly position: number; readonly pendingTail: number },
): Promise<Refresh> {
  const pending = tx.objectStore("pending");
  const [head, numbers, rows, rejectionIds] = await Promise.all([
    readHead(tx),
    pending.getAllKeys(),
    pending.getAll(IDBKeyRange.lowerBound(known.pendingTail, true)),
    tx.objectStore("rejections").getAllKeys(),
  ]);
  const read = await readLog(tx, head, Math.max(known.position, positionOf(head.base)));
  const { client, generation, rebuilds, cursor, dropped, base } = head;
  const unsettled = notInRanges(numbers, head.ended);
  const skipped = numbers.length - rows.length;
  const newRows = new Map(rows.map((row, index) => [numbers[skipped + index], row]));
  const end = read.at(-1)?.cursor;
  return {
    head: { client, generation, rebuilds, cursor, droppedEnd: dropped, pendingTail: numbers.at(-1) ?? 0 },
    base,
    batches: read.flatMap((batch) => batchBehind(batch, known.position) ?? []),
    more: end !== undefined && end.position < positionOf(cursor),
    pending: unsettled.flatMap((n) => (newRows.has(n) ? readPending(n, newRows.get(n)) : [])),
    pendingNumbers: unsettled,
    rejectionIds,
  };
}

/** Reads the batches that end after a position, segments first, then the tail. */
async function readLog(tx: ReadTransaction, head: HeadRow, position: number): Promise<ConfirmedBatch[]> {
  const sealed = positionOf(head.sealed);
  const segments =
    position < sealed ? await readBatches(tx, "segments", position, LARGE_ROWS_AHEAD, REFRESH_LENGTH_MAX) : [];
  const left = REFRESH_LENGTH_MAX - segments.reduce((sum, { text }) => sum + text.length, 0);
  const at = segments.at(-1)?.cursor.position ?? position;
  if (at < sealed || at >= positionOf(head.cursor) || (segments.length > 0 && left <= 0)) return segments;
  return [...segments, ...(await readBatches(tx, "tail", at, tailRowsAhead(head), left, segments.length > 0))];
}

export function tailRowsAhead({ tailLength }: HeadRow): number | undefined {
  return tailLength > SMALL_TAIL_LENGTH_MAX ? LARGE_ROWS_AHEAD : undefined;
}

/** Reads batches of one store after a position, up to a sum of lengths. The first may be longer, unless `strict`. */
export async function readBatches(
  tx: ReadTransaction,
  store: "segments" | "tail",
  position: number,
  ahead: number | undefined,
  lengthMax: number,
  strict = false,
): Promise<ConfirmedBatch[]> {
  const read: ConfirmedBatch[] = [];
  let length = 0;
  for (let at = position; ;) {
    const rows = await tx.objectStore(store).getAll(IDBKeyRange.lowerBound(at, true), ahead);
    for (const row of rows) {
      const batch = readBatch(store, at, row);
      length += batch.text.length;
      if (length > lengthMax && (strict || read.length > 0)) return read;
      read.push(batch);
      at = batch.cursor.position;
    }
    if (ahead === undefined || rows.length < ahead) return read;
  }
}
