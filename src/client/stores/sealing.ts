/**
 * Plans how a store joins many small confirmed batches into few runs that read and parse fast. Pure functions.
 *
 *   sealIsDue ──yes──► read the tail ──► planSeal ──► write the plan in one transaction
 *
 * Guarantees (test/unit/client/stores/sealing.test.ts):
 * - The plan has the same records, in the same order, with the same cursors (L9).
 * - A run has at most 1,024 events and 1 Mi characters, unless one record alone has more.
 * - Records that do not fill a run stay in the tail.
 */
import { type CommitRecord, type Cursor, cursorOf, positionOf } from "../../core/history/record.ts";
import { batchBehind, recordsOf } from "./batches.ts";
import type { ConfirmedBatch } from "./log-store.ts";

/** By measurement (performance.md), larger runs do not read faster, and smaller runs cost more for each row. */
export const SEGMENT_EVENTS_MAX = 1_024;
export const SEGMENT_LENGTH_MAX = 1024 * 1024;

export function sealIsDue(events: number, length: number): boolean {
  return events >= SEGMENT_EVENTS_MAX || length >= SEGMENT_LENGTH_MAX;
}

export type SealPlan = {
  readonly segments: readonly ConfirmedBatch[];
  /** The end of the last segment. The store removes everything up to here from the tail. */
  readonly sealed: Cursor;
  /** The remainder of the batch that the last segment cut in two. Null if no batch was cut. */
  readonly rest: ConfirmedBatch | null;
  /** The number of characters that leave the tail. */
  readonly lengthTaken: number;
};

/** Plans the oldest batches of a tail. Null if the tail is empty. */
export function planSeal(tail: readonly ConfirmedBatch[]): SealPlan | null {
  const first = tail[0];
  if (!first) return null;
  const runs = packRuns(tail.flatMap(recordsOf));
  // A tail can be due with a single run that is not full, because the tail's length includes the text around the
  // records.
  const full =
    runs.length > 1 || runIsFull(runs[0])
      ? runs.filter((run, index) => index < runs.length - 1 || runIsFull(run))
      : runs;
  const segments = full.map((run, index) => ({
    after: full[index - 1]?.cursor ?? first.after,
    cursor: run.cursor,
    text: `{"records":[${run.texts.join(",")}]}`,
  }));
  const sealed = segments.at(-1)?.cursor;
  if (!sealed) return null;
  const touched = tail.filter((batch) => positionOf(batch.after) < sealed.position);
  const cut = touched.find((batch) => batch.cursor.position > sealed.position);
  const rest = cut ? batchBehind(cut, sealed.position) : null;
  return { segments, sealed, rest, lengthTaken: lengthOf(touched) - (rest?.text.length ?? 0) };
}

export function lengthOf(batches: readonly { readonly text: string }[]): number {
  return batches.reduce((sum, batch) => sum + batch.text.length, 0);
}

type Run = { readonly texts: string[]; cursor: Cursor; events: number; length: number };

/** `{"records":[]}` */
const ENVELOPE_LENGTH = 14;

function packRuns(records: readonly CommitRecord[]): Run[] {
  const runs: Run[] = [];
  for (const record of records) {
    const events = record.events.length;
    const text = JSON.stringify(record);
    const length = text.length + 1;
    const run = runs.at(-1);
    if (run && run.events + events <= SEGMENT_EVENTS_MAX && run.length + length <= SEGMENT_LENGTH_MAX) {
      run.texts.push(text);
      run.cursor = cursorOf(record);
      run.events += events;
      run.length += length;
    } else {
      runs.push({ texts: [text], cursor: cursorOf(record), events, length: ENVELOPE_LENGTH + length });
    }
  }
  return runs;
}

function runIsFull(run: Run | undefined): boolean {
  return run !== undefined && sealIsDue(run.events, run.length);
}
