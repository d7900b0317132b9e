/** Finds the streams that have an event, of many at once. One statement looks each of them up in the index. */
import { jsonParameters } from "../sql/json-parameters.ts";
import type { Sql } from "./sql.ts";

export function writtenAmong(sql: Sql, log: number, streams: readonly string[]): readonly string[] {
  return jsonParameters(streams).flatMap((names) => {
    const rows = sql.rows<{ stream: string }>(
      `select i.value as stream from json_each(?) i
       where exists (select 1 from dacapo_stream_records s where s.log = ? and s.stream = i.value)`,
      names,
      log,
    );
    return Array.from(rows, ({ stream }) => stream);
  });
}
