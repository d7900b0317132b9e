/**
 * The write side of `sql-event-store`: the statements of one append, inside the transaction of its caller.
 *
 * Guarantees:
 * - A refused append changes nothing (S1), because every check comes before the first write.
 * - Outcomes are forgotten by age and by the share of their actor, oldest first (S9).
 */
import { BugError, StorageFullError } from "../../../core/values/errors.ts";
import { type Cursor, sameCursor } from "../../../core/history/record.ts";
import type { Append, AppendResult, StoredRecord } from "../event-store.ts";
import { jsonParameters } from "../sql/json-parameters.ts";
import { applyModelWrite, movedFollowers } from "./model-write.ts";
import { findLog, headOf, isRecordEnd, POSITIONS, recordKey, streamsText } from "./rows.ts";
import type { Sql } from "./sql.ts";

export function appendTo(sql: Sql, name: string, append: Append): AppendResult {
  const found = findLog(sql, name);
  if (found && found.state !== "open") return { kind: "gone" };
  const head = found ? headOf(sql, found.id) : null;
  if (!sameCursor(head, append.expected)) return { kind: "moved", head };
  if (append.records.length + append.outcomes.length === 0 && !found) return { kind: "ok" };
  const commits = found ? knownCommits(sql, found.id, append) : [];
  if (commits.length > 0) return { kind: "known", commits };
  const { models } = append;
  const isEnd = (at: Cursor): boolean =>
    append.records.some(({ cursor }) => sameCursor(cursor, at)) ||
    (found !== undefined && isRecordEnd(sql, found.id, at));
  const followers = models ? movedFollowers(sql, found?.id ?? null, models, isEnd) : [];
  if (followers.length > 0) return { kind: "model-moved", followers };
  assertPosition(name, append);
  const log = found?.id ?? createLog(sql, name);
  for (const record of append.records) insertRecord(sql, log, record);
  insertStreams(sql, log, append);
  insertOutcomes(sql, log, append);
  forgetOutcomes(sql, log, append);
  if (models) applyModelWrite(sql, log, models);
  return { kind: "ok" };
}

function createLog(sql: Sql, name: string): number {
  sql.run("insert into dacapo_logs (name, state) values (?, 'open')", name);
  const created = findLog(sql, name);
  if (!created) throw new BugError(`The log ${name} is missing right after its creation`, { log: name });
  return created.id;
}

/** Refuses a position that the key of a record has no room for (`recordKey`). */
function assertPosition(name: string, { records }: Append): void {
  const position = records.at(-1)?.cursor.position ?? 0;
  if (position < POSITIONS) return;
  throw new StorageFullError({
    message: `The log ${name} cannot have an event at position ${position}, because ${POSITIONS - 1} is the last one`,
    fix: "Continue in a new log.",
    details: { log: name, position },
  });
}

/** The ids of a batch that the log knows already: as a record, or as an outcome of the same actor. */
function knownCommits(sql: Sql, log: number, { records, outcomes }: Append): string[] {
  return jsonParameters([...records, ...outcomes].map(({ commit, actor }) => [commit, actor])).flatMap((commits) => {
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

/** One statement a record, because its text is large. As JSON in one parameter it took half as long again in Node. */
function insertRecord(sql: Sql, log: number, { position, cursor, commit, actor, streams, text }: StoredRecord): void {
  sql.run(
    "insert into dacapo_records (id, first, mark, commit_id, actor, streams, text) " +
      `values (${recordKey("?", "?")}, ?, ?, ?, ?, ?, ?)`,
    log,
    cursor.position,
    position,
    cursor.mark,
    commit,
    actor,
    streamsText(streams),
    text,
  );
}

function insertStreams(sql: Sql, log: number, { records }: Append): void {
  const rows = records.flatMap(({ cursor, streams }) =>
    streams.map(({ stream, last }) => [stream, last, cursor.position]),
  );
  for (const part of jsonParameters(rows)) {
    sql.run(
      `insert into dacapo_stream_records (log, stream, version, record)
       select cast(? as integer), value ->> 0, value ->> 1, value ->> 2 from json_each(?)`,
      log,
      part,
    );
  }
}

function insertOutcomes(sql: Sql, log: number, { outcomes }: Append): void {
  for (const part of jsonParameters(
    outcomes.map(({ commit, actor, received, text }) => [commit, actor, received, text]),
  )) {
    sql.run(
      `insert into dacapo_outcomes (log, commit_id, actor, received, text)
       select cast(? as integer), value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?)`,
      log,
      part,
    );
  }
}

/** Only an actor with a new outcome can exceed its share, so the other actors need no check. */
function forgetOutcomes(sql: Sql, log: number, append: Append): void {
  const { outcomes, forgetOutcomesBefore, outcomesPerActorMax } = append;
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
