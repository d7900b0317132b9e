/** Rows of the SQL tables, and their conversion to the values of the port and back. */
import { StorageLostError } from "../../core/values/errors.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { StoredRecord } from "./event-store.ts";
import { RESTORE_FIX } from "./sql-failure.ts";
import { firstRow, type Sql } from "./sql.ts";
import type { SizedRecord } from "./take-page.ts";
import { parseOwnJson } from "../../core/values/json.ts";

export type LogRow = {
  readonly id: number;
  readonly position: number;
  readonly mark: string | null;
  /** A `dropping` log is gone for every caller. Only some of its rows are still there. */
  readonly state: "open" | "dropping" | "gone";
};

export type RecordRow = {
  readonly first: number;
  readonly last: number;
  readonly mark: string;
  readonly commit_id: string;
  readonly actor: string;
  readonly streams: string;
  readonly text: string;
  readonly bytes: number;
};

/** The columns of a RecordRow, from `dacapo_records` under the name `r`. */
export const RECORD = "r.first, r.last, r.mark, r.commit_id, r.actor, r.streams, r.text, octet_length(r.text) as bytes";

export function findLog(sql: Sql, name: string): LogRow | undefined {
  return firstRow(sql.rows<LogRow>("select id, position, mark, state from dacapo_logs where name = ?", name));
}

export function headOf({ position, mark }: Pick<LogRow, "position" | "mark">): Cursor | null {
  return mark === null ? null : { position, mark };
}

/** True if a record of the log ends at this cursor. */
export function isRecordEnd(sql: Sql, log: number, { position, mark }: Cursor): boolean {
  const query = "select mark from dacapo_records where log = ? and last = ?";
  return firstRow(sql.rows<{ mark: string }>(query, log, position))?.mark === mark;
}

/** `[["task/t1",1,2]]`: the stream, and the versions of its first and last event in the record. */
export function streamsText(streams: StoredRecord["streams"]): string {
  return JSON.stringify(streams.map(({ stream, first, last }) => [stream, first, last]));
}

export function* sizedRecords(rows: Iterable<RecordRow>): Generator<SizedRecord> {
  for (const { first, last, mark, commit_id, actor, streams, text, bytes } of rows) {
    const record: StoredRecord = {
      position: first,
      cursor: { position: last, mark },
      commit: commit_id,
      actor,
      streams: parseStreams(streams, last),
      text,
    };
    yield { record, bytes };
  }
}

/** Parses the text of `streamsText`. Only that function writes it, but a disk may have damaged it. */
function parseStreams(streams: string, last: number): StoredRecord["streams"] {
  try {
    const spans = parseOwnJson<[string, number, number][]>(streams);
    return spans.map(([stream, first, last]) => ({ stream, first, last }));
  } catch (cause) {
    throw new StorageLostError({
      message: `The stored record that ends at position ${last} is damaged`,
      fix: RESTORE_FIX,
      details: { position: last },
      cause,
    });
  }
}
