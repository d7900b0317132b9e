/** How the records of a log are found in the tables of SQLite. */
import type { Cursor } from "../../../core/history/record.ts";
import type { Sql } from "./sql.ts";

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

export type LogRow = {
  readonly id: number;
  /** A `dropping` log is gone for every caller. Only some of its rows are still there. */
  readonly state: "open" | "dropping" | "gone";
};

/** The columns of a RecordRow of `sql/rows`, from `dacapo_records` under the name `r`. */
export const RECORD = "r.first, r.last, r.mark, r.commit_id, r.actor, r.streams, r.text, octet_length(r.text) as bytes";

const HEAD = `select last, mark from dacapo_records where ${OF_LOG} order by id desc limit 1`;
const RECORD_END = `select mark from dacapo_records where id = ${recordKey("?", "?")}`;

export function findLog(sql: Sql, name: string): LogRow | undefined {
  return sql.first<LogRow>("select id, state from dacapo_logs where name = ?", name);
}

/** The head of a log: the end of its last record. No row holds it, because each append would write that row. */
export function headOf(sql: Sql, log: number): Cursor | null {
  const last = sql.first<{ last: number; mark: string }>(HEAD, log, log);
  return last ? { position: last.last, mark: last.mark } : null;
}

/** True if a record of the log ends at this cursor. */
export function isRecordEnd(sql: Sql, log: number, { position, mark }: Cursor): boolean {
  // The key of a larger position would be the key of a record of another log.
  if (position >= POSITIONS) return false;
  return sql.first<{ mark: string }>(RECORD_END, log, position)?.mark === mark;
}

/** The id of a table of a follower, or undefined. */
export function tableId(sql: Sql, log: number, follower: string, name: string): number | undefined {
  const query = "select id from dacapo_tables where log = ? and follower = ? and name = ?";
  return sql.first<{ id: number }>(query, log, follower, name)?.id;
}
