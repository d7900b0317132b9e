/** Rows of the SQL tables, and their conversion to the values of the port and back. */
import { StorageLostError } from "../../../core/values/errors.ts";
import type { Cursor } from "../../../core/history/record.ts";
import type { StoredRecord } from "../event-store.ts";
import { RESTORE_FIX } from "./failure.ts";
import { firstRow, type Sql } from "./sql.ts";
import type { SizedRecord } from "../take-page.ts";
import { parseOwnJson } from "../../../core/values/json.ts";

/**
 * The key of a record is one number: the log's id times this, plus the position of the record's last event. Its decimal
 * digits show both. It leaves room for 90 million logs, and is computed by SQLite, because it may exceed 2^53.
 */
export const POSITIONS = 100_000_000_000;

/** The key of the record of a log that ends at a position, for two parameters or columns. */
export function recordKey(log: string, position: string): string {
  return `cast(${log} as integer) * ${POSITIONS} + cast(${position} as integer)`;
}

/** The records of a log, for two parameters that are both the log's id. */
export const OF_LOG = `id > ${recordKey("?", "0")} and id < ${recordKey("? + 1", "0")}`;

/** The position of the head of the log `l`, or 0. */
export const HEAD_POSITION =
  `(select coalesce(max(id) % ${POSITIONS}, 0) from dacapo_records ` +
  `where id > l.id * ${POSITIONS} and id < (l.id + 1) * ${POSITIONS})`;

export type LogRow = {
  readonly id: number;
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
  return firstRow(sql.rows<LogRow>("select id, state from dacapo_logs where name = ?", name));
}

/** The head of a log: the end of its last record. No row holds it, because each append would write that row. */
export function headOf(sql: Sql, log: number): Cursor | null {
  const last = firstRow(
    sql.rows<{ last: number; mark: string }>(
      `select last, mark from dacapo_records where ${OF_LOG} order by id desc limit 1`,
      log,
      log,
    ),
  );
  return last ? { position: last.last, mark: last.mark } : null;
}

/** True if a record of the log ends at this cursor. */
export function isRecordEnd(sql: Sql, log: number, { position, mark }: Cursor): boolean {
  // The key of a larger position would be the key of a record of another log.
  if (position >= POSITIONS) return false;
  const query = `select mark from dacapo_records where id = ${recordKey("?", "?")}`;
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
