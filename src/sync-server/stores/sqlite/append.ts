/**
 * The statements of one append, inside the transaction of its caller.
 *
 * Guarantees:
 * - A refused append changes nothing (S1), because every check comes before the first write.
 * - Outcomes are forgotten by age and by the share of their actor, oldest first (S9).
 */
import { BugError, StorageFullError } from "../../../core/values/errors.ts";
import type { AppendResult } from "../event-store.ts";
import { jsonParameters } from "../sql/json-parameters.ts";
import { refuseAppend } from "../refuse-append.ts";
import type { AppendPlan } from "../sql/plan-append.ts";
import { ModelChange } from "./model-write.ts";
import { findLog, headOf, isRecordEnd, POSITIONS, recordKey } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function appendTo(sql: Sql, name: string, plan: AppendPlan): AppendResult {
  const found = findLog(sql, name);
  const isOpen = found?.state === "open";
  const models = plan.models && new ModelChange(sql, plan.models);
  const refusal = refuseAppend(found && { isOpen, head: isOpen ? headOf(sql, found.id) : null }, plan, {
    known: () => (found ? knownCommits(sql, found.id, plan) : []),
    isRecordEnd: (at) => found !== undefined && isRecordEnd(sql, found.id, at),
    movedFollowers: (isEnd) => models?.moved(found?.id ?? null, isEnd) ?? [],
  });
  if (refusal) return refusal;
  assertPosition(name, plan);
  const log = found?.id ?? createLog(sql, name);
  insertRecords(sql, log, plan);
  insertOutcomes(sql, log, plan);
  forgetOutcomes(sql, log, plan);
  models?.apply(log);
  return { kind: "ok" };
}

function createLog(sql: Sql, name: string): number {
  sql.run("insert into dacapo_logs (name, state) values (?, 'open')", name);
  const created = findLog(sql, name);
  if (!created) throw new BugError(`The log ${name} is missing right after its creation`, { log: name });
  return created.id;
}

/** Refuses a position that the key of a record has no room for (`recordKey`). */
function assertPosition(name: string, { records }: AppendPlan): void {
  const position = records.at(-1)?.last ?? 0;
  if (position < POSITIONS) return;
  throw new StorageFullError({
    message: `The log ${name} cannot have an event at position ${position}, because ${POSITIONS - 1} is the last one`,
    fix: "Continue in a new log.",
    details: { log: name, position },
  });
}

/** The ids of a batch that the log knows already: as a record, or as an outcome of the same actor. */
function knownCommits(sql: Sql, log: number, { records, outcomes }: AppendPlan): string[] {
  const ids = [...records, ...outcomes].map(({ commit_id, actor }) => [commit_id, actor]);
  return jsonParameters(ids).flatMap((commits) => {
    const rows = sql.rows<{ id: string }>(
      `select i.value ->> 0 as id from json_each(?) i
       where exists (select 1 from dacapo_records where log = ? and commit_id = i.value ->> 0)
          or exists (
            select 1 from dacapo_outcomes
            where log = ? and commit_id = i.value ->> 0 and actor = i.value ->> 1)`,
      commits,
      log,
      log,
    );
    return Array.from(rows, ({ id }) => id);
  });
}

const INSERT_RECORD =
  "insert into dacapo_records (id, first, mark, commit_id, actor, streams, text) " +
  `values (${recordKey("?", "?")}, ?, ?, ?, ?, ?, ?)`;
const INSERT_STREAM = "insert into dacapo_stream_records (log, stream, version, record) values (?, ?, ?, ?)";

/** A statement for each row. All rows in one parameter of JSON took half as long again in Node. */
function insertRecords(sql: Sql, log: number, { records, streams }: AppendPlan): void {
  for (const { last, first, mark, commit_id, actor, streams, text } of records)
    sql.run(INSERT_RECORD, log, last, first, mark, commit_id, actor, streams, text);
  for (const { stream, version, record } of streams()) sql.run(INSERT_STREAM, log, stream, version, record);
}

function insertOutcomes(sql: Sql, log: number, { outcomes }: AppendPlan): void {
  for (const rows of jsonParameters(outcomes)) {
    sql.run(
      `insert into dacapo_outcomes (log, commit_id, actor, received, text)
       select cast(? as integer), value ->> 'commit_id', value ->> 'actor', value ->> 'received', value ->> 'text'
       from json_each(?)`,
      log,
      rows,
    );
  }
}

/** Only an actor with a new outcome can exceed its share, so the other actors need no check. */
function forgetOutcomes(sql: Sql, log: number, plan: AppendPlan): void {
  const { outcomes, forgetOutcomesBefore, outcomesPerActorMax } = plan;
  sql.run("delete from dacapo_outcomes where log = ? and received < ?", log, forgetOutcomesBefore);
  for (const actor of new Set(outcomes.map((outcome) => outcome.actor))) {
    sql.run(
      `delete from dacapo_outcomes where id in (
         select id from dacapo_outcomes where log = ? and actor = ? order by received desc, id desc limit -1 offset ?)`,
      log,
      actor,
      outcomesPerActorMax,
    );
  }
}
