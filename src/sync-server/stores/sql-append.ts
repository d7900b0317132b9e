/**
 * The write side of `sql-event-store`: the statements of one append, inside the transaction of its caller.
 *
 * Guarantees:
 * - A refused append changes nothing (S1), because every check comes before the first write.
 * - Outcomes are forgotten by age and by the share of their actor, oldest first (S9).
 */
import { BugError } from "../../core/values/errors.ts";
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { Append, AppendResult, StoredRecord } from "./event-store.ts";
import { applyModelWrite, movedFollowers } from "./sql/model-write.ts";
import { findLog, headOf, isRecordEnd, streamsText } from "./sql-rows.ts";
import type { Sql } from "./sql.ts";

/**
 * Ids in one parameter. A Durable Object allows 2 MB for it, and an id with the longest actor takes up to 560 bytes.
 */
const IDS_MAX = 2_500;

export function appendTo(sql: Sql, name: string, append: Append): AppendResult {
  const found = findLog(sql, name);
  if (found && found.state !== "open") return { kind: "gone" };
  const head = found ? headOf(found) : null;
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
  const log = found?.id ?? createLog(sql, name);
  for (const record of append.records) insertRecord(sql, log, record);
  const end = append.records.at(-1)?.cursor;
  if (end) sql.run("update dacapo_logs set position = ?, mark = ? where id = ?", end.position, end.mark, log);
  insertOutcomes(sql, log, append);
  forgetOutcomes(sql, log, append);
  if (models) applyModelWrite(sql, log, models);
  return { kind: "ok" };
}

function createLog(sql: Sql, name: string): number {
  sql.run("insert into dacapo_logs (name, position, mark, state) values (?, 0, null, 'open')", name);
  const created = findLog(sql, name);
  if (!created) throw new BugError(`The log ${name} is missing right after its creation`, { log: name });
  return created.id;
}

/** The ids of a batch that the log knows already: as a record, or as an outcome of the same actor. */
function knownCommits(sql: Sql, log: number, { records, outcomes }: Append): string[] {
  const commits = [...records, ...outcomes].map(({ commit, actor }) => [commit, actor]);
  const known: string[] = [];
  for (let start = 0; start < commits.length; start += IDS_MAX)
    known.push(...knownAmong(sql, log, JSON.stringify(commits.slice(start, start + IDS_MAX))));
  return known;
}

function knownAmong(sql: Sql, log: number, commits: string): string[] {
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
}

function insertRecord(sql: Sql, log: number, { position, cursor, commit, actor, streams, text }: StoredRecord): void {
  sql.run(
    "insert into dacapo_records (log, last, first, mark, commit_id, actor, streams, text) " +
      "values (?, ?, ?, ?, ?, ?, ?, ?)",
    log,
    cursor.position,
    position,
    cursor.mark,
    commit,
    actor,
    streamsText(streams),
    text,
  );
  for (const { stream, last } of streams) {
    sql.run(
      "insert into dacapo_stream_records (log, stream, version, record) values (?, ?, ?, ?)",
      log,
      stream,
      last,
      cursor.position,
    );
  }
}

function insertOutcomes(sql: Sql, log: number, { outcomes }: Append): void {
  for (const { commit, actor, received, text } of outcomes) {
    sql.run(
      "insert into dacapo_outcomes (log, commit_id, actor, received, text) values (?, ?, ?, ?, ?)",
      log,
      commit,
      actor,
      received,
      text,
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
