/**
 * The statements that move a log to another store or to another name, inside a transaction of their caller.
 *
 * Guarantees:
 * - A refused rename or id changes nothing (S17, S18), because every check comes before the first write.
 */
import type { OutcomeKey, RenameResult } from "../event-store.ts";
import type { OutcomeRow } from "../sql/rows.ts";
import { dropModelStep } from "./models.ts";
import { findLog, headOf } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** A page of the kept outcomes of a log, in the order of their unique index. */
export function outcomePage(sql: Sql, log: number, after: OutcomeKey | null, limit: number): readonly OutcomeRow[] {
  return [
    ...sql.rows<OutcomeRow>(
      `select commit_id, actor, received, text from dacapo_outcomes
       where log = ? and (commit_id, actor) > (?, ?) order by commit_id, actor limit ?`,
      log,
      after?.commit ?? "",
      after?.actor ?? "",
      limit,
    ),
  ];
}

/** Rows of read models that one statement deletes. A log without records has few. */
const MODEL_ROWS = 1_000;

export function renameLog(sql: Sql, name: string, to: string): RenameResult {
  const [log, other] = [findLog(sql, name), findLog(sql, to)];
  if ((log && log.state !== "open") || (other && other.state !== "open")) return { kind: "gone" };
  if (!log) return { kind: "absent" };
  if (other) {
    if (headOf(sql, other.id) || other.id === log.id || sharesCommit(sql, log.id, other.id)) return { kind: "taken" };
    // Written again, so that of two outcomes with the same time the renamed log's own is the older one in every store.
    sql.run(
      `insert into dacapo_outcomes (log, commit_id, actor, received, text)
       select ?, commit_id, actor, received, text from dacapo_outcomes where log = ? order by id`,
      log.id,
      other.id,
    );
    sql.run("delete from dacapo_outcomes where log = ?", other.id);
    while (dropModelStep(sql, other.id, MODEL_ROWS));
    sql.run("delete from dacapo_logs where id = ?", other.id);
  }
  sql.run("update dacapo_logs set name = ? where id = ?", to, log.id);
  return { kind: "ok" };
}

/** True if an outcome of `other` has the commit id and the actor of a record or an outcome of `log` (S8). */
function sharesCommit(sql: Sql, log: number, other: number): boolean {
  const shared = sql.first(
    `select o.commit_id from dacapo_outcomes o
     where o.log = ? and (
       exists (select 1 from dacapo_records r where r.log = ? and r.commit_id = o.commit_id and r.actor = o.actor)
       or exists (select 1 from dacapo_outcomes k where k.log = ? and k.commit_id = o.commit_id and k.actor = o.actor))
     limit 1`,
    other,
    log,
    log,
  );
  return shared !== undefined;
}

export function adoptId(sql: Sql, id: string): boolean {
  const hasLogs = sql.first<{ id: number }>("select id from dacapo_logs limit 1") !== undefined;
  if (!hasLogs) sql.run("update dacapo_server set id = ?", id);
  return sql.first<{ id: string }>("select id from dacapo_server")?.id === id;
}
