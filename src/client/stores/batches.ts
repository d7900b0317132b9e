/**
 * Runs of confirmed records as text, and how to cut one between two records.
 *
 * Place: stores cut a batch where a reader stands in its middle, where histories part, and when they seal.
 * Holds: an uncut batch keeps its text byte for byte; a cut one is written anew from its records, whose JSON has the same
 * values. Nothing ever cuts a record.
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

/** Characters of confirmed text that one `refresh` gives, unless a single batch is longer. */
export const REFRESH_LENGTH_MAX = 4 * 1024 * 1024;

/** The records of a batch. Only what cutting needs is checked: each was read in full before it was stored. */
export function recordsOf({ after, cursor, text }: ConfirmedBatch): readonly CommitRecord[] {
  const corrupt = (problem: string) => corruptRow("confirmed", cursor.position, problem);
  let value: { readonly records?: unknown } | null;
  try {
    // Only `records` is looked at, and that is checked below.
    value = JSON.parse(text) as typeof value;
  } catch {
    throw corrupt("is not JSON");
  }
  if (!Array.isArray(value?.records)) throw corrupt("has no records");
  // What the cuts below rely on is checked in the loop.
  const records = value.records as readonly CommitRecord[];
  let position = positionOf(after);
  for (const record of records) {
    if (record?.position !== position + 1 || !Array.isArray(record.events) || record.events.length === 0)
      throw corrupt(`has no record behind position ${position}`);
    position = lastPosition(record);
  }
  if (position !== cursor.position || records.at(-1)?.mark !== cursor.mark) throw corrupt("does not end where it says");
  return records;
}

export function batchOf(after: Cursor | null, records: readonly CommitRecord[]): ConfirmedBatch | null {
  const last = records.at(-1);
  return last ? { after, cursor: cursorOf(last), text: JSON.stringify({ records }) } : null;
}

/** What of a batch lies behind a position; the batch itself where all of it does. */
export function batchBehind(batch: ConfirmedBatch, position: number): ConfirmedBatch | null {
  if (positionOf(batch.after) >= position) return batch;
  const records = recordsOf(batch);
  const first = records.findIndex((record) => lastPosition(record) > position);
  if (first === -1) return null;
  const before = records[first - 1];
  return batchOf(before ? cursorOf(before) : batch.after, records.slice(first));
}

/** What of a batch lies up to a cursor, which must be the end of one of its records. */
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
  return new BugError("The log was to be cut back to a place that is no end of a record in it", {
    position: keep.position,
    mark: keep.mark,
  });
}

/** The run that follows `after`, or a programmer's error. */
export function checkFollows(batch: ConfirmedBatch, after: Cursor | null): void {
  if (sameCursor(batch.after, after) && batch.cursor.position > positionOf(after)) return;
  throw new BugError("Confirmed records must follow the log's cursor", {
    after: positionOf(after),
    from: positionOf(batch.after),
    to: batch.cursor.position,
  });
}
