/**
 * The statements that give a log another name and a store another id, inside a transaction of their caller.
 *
 * Guarantees:
 * - Both names are locked before the checks. An append that waits for a name reads the log that has it afterwards.
 * - A refused rename or id changes nothing (S17, S18), because every check comes before the first write.
 */
import type { RenameResult } from "../event-store.ts";
import { deleteModels } from "./model-queries.ts";
import type { Statements } from "./pool.ts";

type NamedLog = { readonly id: number; readonly name: string; readonly mark: string | null; readonly state: string };

export async function renameLog(sql: Statements, schema: string, name: string, to: string): Promise<RenameResult> {
  // A row to lock. Without it, another node could create a log of the new name meanwhile.
  const [made] = await sql.rows<{ id: number }>(
    `insert into ${schema}.dacapo_logs (name, position, mark, state) values ($1, 0, null, 'open')
     on conflict (name) do nothing returning id`,
    [to],
  );
  const logs = await sql.rows<NamedLog>(
    `select id, name, mark, state from ${schema}.dacapo_logs where name in ($1, $2) order by name for update`,
    [name, to],
  );
  const log = logs.find((one) => one.name === name);
  const other = logs.find((one) => one.name === to);
  const refusal = await refusalOf(sql, schema, log, other);
  if (refusal === null) {
    // Written again, so that of two outcomes with the same time the renamed log's own is the older one in every store.
    await sql.rows(
      `insert into ${schema}.dacapo_outcomes (log, commit_id, actor, received, text)
       select $1, commit_id, actor, received, text from ${schema}.dacapo_outcomes where log = $2 order by id`,
      [log?.id, other?.id],
    );
    await sql.rows(`delete from ${schema}.dacapo_outcomes where log = $1`, [other?.id]);
  }
  if (refusal === null) for (const statement of deleteModels(schema)) await sql.rows(statement, [other?.id]);
  if (refusal === null || made) await sql.rows(`delete from ${schema}.dacapo_logs where id = $1`, [other?.id]);
  if (refusal === null) await sql.rows(`update ${schema}.dacapo_logs set name = $2 where id = $1`, [log?.id, to]);
  return { kind: refusal ?? "ok" };
}

async function refusalOf(
  sql: Statements,
  schema: string,
  log: NamedLog | undefined,
  other: NamedLog | undefined,
): Promise<"absent" | "gone" | "taken" | null> {
  if ([log, other].some((one) => one && one.state !== "open")) return "gone";
  if (!log) return "absent";
  if (!other || other.mark !== null || other.id === log.id) return "taken";
  return (await sharesCommit(sql, schema, log.id, other.id)) ? "taken" : null;
}

/** True if an outcome of `other` has the commit id and the actor of a record or an outcome of `log` (S8). */
async function sharesCommit(sql: Statements, schema: string, log: number, other: number): Promise<boolean> {
  const rows = await sql.rows(
    `select from ${schema}.dacapo_outcomes o
     where o.log = $2 and (
       exists (select from ${schema}.dacapo_records r
         where r.log = $1 and r.commit_id = o.commit_id and r.actor = o.actor)
       or exists (select from ${schema}.dacapo_outcomes k
         where k.log = $1 and k.commit_id = o.commit_id and k.actor = o.actor))
     limit 1`,
    [log, other],
  );
  return rows.length > 0;
}

export async function adoptId(sql: Statements, schema: string, id: string): Promise<boolean> {
  // The lock keeps a log from being created between the check and the write.
  await sql.run(`lock table ${schema}.dacapo_logs in share row exclusive mode`);
  const updated = await sql.rows(
    `update ${schema}.dacapo_server set id = $1
     where id = $1 or not exists (select from ${schema}.dacapo_logs) returning id`,
    [id],
  );
  return updated.length > 0;
}
