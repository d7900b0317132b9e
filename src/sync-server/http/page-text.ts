/**
 * Pages of records as text: the stored texts joined, never parsed and written again.
 *
 * Place: pulls, answers to pushes and live frames are all made of these.
 * Holds: a page ends at a record's end, and says where its reader stands after it.
 */
import { type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import { byteLength } from "../base/limits.ts";
import type { ReadLimit, StoredRecord } from "../stores/event-store.ts";

export type PageFacts = {
  readonly after: Cursor | null;
  readonly records: readonly StoredRecord[];
  /** Position of the log's last event. */
  readonly head: number;
};

/** The fields of a page, to stand between braces. */
export function pageFields({ after, records, head }: PageFacts): string {
  const cursor = records.at(-1)?.cursor ?? after;
  const more = positionOf(cursor) < head;
  return `"after":${cursorText(after)},"records":[${records.map(({ text }) => text).join(",")}],"cursor":${cursorText(cursor)},"head":${head},"more":${more}`;
}

/** Splits records into runs that each stay within a limit, or hold one record. */
export function splitRecords(records: readonly StoredRecord[], limit: ReadLimit): readonly (readonly StoredRecord[])[] {
  // Three bytes a UTF-16 unit are the most there can be: most runs need no counting.
  const lengthMax = records.reduce((sum, { text }) => sum + text.length * 3, 0);
  if (records.length > 0 && lengthMax <= limit.bytes && eventsOf(records) <= limit.events) return [records];
  const runs: StoredRecord[][] = [];
  let run: StoredRecord[] = [];
  let bytes = 0;
  let events = 0;
  for (const record of records) {
    const size = byteLength(record.text);
    const count = record.cursor.position - record.position + 1;
    if (run.length > 0 && (bytes + size > limit.bytes || events + count > limit.events)) {
      runs.push(run);
      run = [];
      bytes = 0;
      events = 0;
    }
    run.push(record);
    bytes += size;
    events += count;
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

function eventsOf(records: readonly StoredRecord[]): number {
  const [first] = records;
  return first ? positionOf(records.at(-1)?.cursor ?? null) - first.position + 1 : 0;
}

export function cursorText(cursor: Cursor | null): string {
  return cursor === null ? "null" : `"${encodeCursor(cursor)}"`;
}
