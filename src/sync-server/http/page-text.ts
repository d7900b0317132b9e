/**
 * Pages of records as text. It joins the stored texts and does not parse them.
 *
 * Guarantees: a page ends at the end of a record, and contains the cursor from which its reader continues (P2, P14).
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

/** The fields of a page, without the braces around them. */
export function pageFields({ after, records, head }: PageFacts): string {
  const cursor = records.at(-1)?.cursor ?? after;
  const more = positionOf(cursor) < head;
  return `"after":${cursorJson(after)},"records":[${records.map(({ text }) => text).join(",")}],"cursor":${cursorJson(cursor)},"head":${head},"more":${more}`;
}

/** Splits records into runs. Each run stays within the limit, unless a single record is larger. */
export function splitRecords(records: readonly StoredRecord[], limit: ReadLimit): readonly (readonly StoredRecord[])[] {
  // Three bytes for each UTF-16 unit is an upper bound in UTF-8. If that fits, no exact count is needed.
  const bytesUpperBound = records.reduce((sum, { text }) => sum + text.length * 3, 0);
  if (records.length > 0 && bytesUpperBound <= limit.bytes && eventsOf(records) <= limit.events) return [records];
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

export function cursorJson(cursor: Cursor | null): string {
  return cursor === null ? "null" : `"${encodeCursor(cursor)}"`;
}
