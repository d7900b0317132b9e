/**
 * The statements that drop a log. The name is gone at once, and the rows go in steps, each in a transaction of its
 * caller.
 *
 * Guarantees:
 * - A dropped name stays `gone` (S10), because its row in `dacapo_logs` stays.
 * - A crash leaves the state `dropping`, and the next opening continues the drop (sqlite.test.ts).
 *
 *     open, or no row ── markDropping ──> dropping ── deleteStep returns false ──> gone
 */
import { dropModelStep } from "./models.ts";
import { findLog, OF_LOG } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** Rows that one step deletes from each table, so that the store serves other logs in between. */
const DROP_STEP_ROWS = 500;

export function markDropping(sql: Sql, name: string): void {
  sql.run(
    `insert into dacapo_logs (name, state) values (?, 'dropping')
     on conflict (name) do update set state = 'dropping'`,
    name,
  );
}

/** Deletes some rows of a dropped log. Returns false when no row is left. */
export function deleteStep(sql: Sql, name: string): boolean {
  const log = findLog(sql, name)?.id ?? null;
  const step = "where log = ? limit ?";
  sql.run(
    `delete from dacapo_records where id in (select id from dacapo_records where ${OF_LOG} order by id limit ?)`,
    log,
    log,
    DROP_STEP_ROWS,
  );
  sql.run(`delete from dacapo_outcomes where id in (select id from dacapo_outcomes ${step})`, log, DROP_STEP_ROWS);
  sql.run(
    `delete from dacapo_stream_records where (log, stream, version) in
       (select log, stream, version from dacapo_stream_records ${step})`,
    log,
    DROP_STEP_ROWS,
  );
  const hasModels = log !== null && dropModelStep(sql, log, DROP_STEP_ROWS);
  const isLeft =
    hasModels ||
    ["dacapo_records", "dacapo_outcomes", "dacapo_stream_records"].some(
      (table) => sql.first<{ log: number }>(`select log from ${table} where log = ? limit 1`, log) !== undefined,
    );
  if (!isLeft) sql.run("update dacapo_logs set state = 'gone' where name = ?", name);
  return isLeft;
}
