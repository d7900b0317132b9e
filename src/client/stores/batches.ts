/**
 * Batches of confirmed records as text, and functions that cut a batch between two records.
 *
 * Guarantees:
 * - An uncut batch keeps its text byte for byte (L7).
 * - A cut batch gets a new text from its records, whose JSON has the same values (L7).
 * - No function cuts inside a record (L1).
 */
import { BugError } from "../../core/values/errors.ts";
import {
  type CommitRecord,
  type Cursor,
  cursorOf,
  lastPosition,
  positionOf,
  sameCursor,
} from "../../core/history/record.ts";
import type { ConfirmedBatch } from "./log-store.ts";
import { corruptRow } from "./storage-errors.ts";
import { parseOwnJson } from "../../core/values/json.ts";

/** Characters of confirmed text that one `refresh` returns at most, unless a single batch is longer. */
export const REFRESH_LENGTH_MAX = 4 * 1024 * 1024;

/**
 * Reads the records of a batch. It checks only what cutting needs, because each record was checked before it was
 * stored.
 */
export function recordsOf({ after, cursor, text }: ConfirmedBatch): readonly CommitRecord[] {
  const corrupt = (problem: string) => corruptRow("confirmed", cursor.position, problem);
  let value: { readonly records?: unknown } | null;
  try {
    // The code below reads only `records` and checks it.
    value = parseOwnJson(text);
  } catch {
    throw corrupt("is not JSON");
  }
  if (!Array.isArray(value?.records)) throw corrupt("has no records");
  // The cast is safe because the loop checks every field that cutting reads.
  const records = value.records as readonly CommitRecord[];
  let position = positionOf(after);
  for (const record of records) {
    if (record?.position !== position + 1 || !Array.isArray(record.events) || record.events.length === 0)
      throw corrupt(`has no record after position ${position}`);
    position = lastPosition(record);
  }
  if (position !== cursor.position || records.at(-1)?.mark !== cursor.mark) throw corrupt("does not end at its cursor");
  return records;
}

export function batchOf(after: Cursor | null, records: readonly CommitRecord[]): ConfirmedBatch | null {
  const last = records.at(-1);
  return last ? { after, cursor: cursorOf(last), text: JSON.stringify({ records }) } : null;
}

/** Returns the part of a batch after a position, or the batch itself if all of it is after the position. */
export function batchBehind(batch: ConfirmedBatch, position: number): ConfirmedBatch | null {
  if (positionOf(batch.after) >= position) return batch;
  const records = recordsOf(batch);
  const first = records.findIndex((record) => lastPosition(record) > position);
  if (first === -1) return null;
  const before = records[first - 1];
  return batchOf(before ? cursorOf(before) : batch.after, records.slice(first));
}

/** Returns the part of a batch up to a cursor, which must be the end of a record in it. */
export function batchUpTo(batch: ConfirmedBatch, keep: Cursor): ConfirmedBatch {
  if (sameCursor(batch.cursor, keep)) return batch;
  const records = recordsOf(batch);
  const kept = batchOf(
    batch.after,
    records.slice(0, records.findIndex((record) => sameCursor(cursorOf(record), keep)) + 1),
  );
  if (!kept) throw notInLog(keep);
  return kept;
}

export function notInLog(keep: Cursor): BugError {
  return new BugError(`The log cannot be cut at position ${keep.position}, because no record ends there`, {
    position: keep.position,
    mark: keep.mark,
  });
}

/** Throws a `BugError` if a batch does not follow `after`. */
export function checkFollows(batch: ConfirmedBatch, after: Cursor | null): void {
  if (sameCursor(batch.after, after) && batch.cursor.position > positionOf(after)) return;
  throw new BugError("Confirmed records do not follow the log's cursor", {
    after: positionOf(after),
    from: positionOf(batch.after),
    to: batch.cursor.position,
  });
}
