/**
 * The tables of a SQL event store, and the way from one layout to the next.
 *
 * Place: every opening of a store passes through here. Field by field, with an example: docs/storage-server.md.
 * Holds: the layout's version stands in a table (a Durable Object has no `PRAGMA user_version`). Steps are never changed once
 * released: a new layout is a new step. Tables begin with `dacapo_`, for an app may keep its own beside them.
 */
import { DacapoError } from "../../core/values/errors.ts";
import { firstRow, type Sql } from "./sql.ts";

const PART = "event-store";

/** The n-th step leads from layout n to n + 1. */
const STEPS: readonly (readonly string[])[] = [
  [
    `create table dacapo_logs (
      id integer primary key,
      name text not null unique,
      position integer not null,
      mark text,
      state text not null check (state in ('open', 'dropping', 'gone'))
    ) strict`,
    // With rowids, not clustered by its key: rows of a kilobyte would make an index's inner pages hold only a few of them.
    `create table dacapo_records (
      log integer not null,
      last integer not null,
      first integer not null,
      mark text not null,
      commit_id text not null,
      actor text not null,
      streams text not null,
      text text not null,
      primary key (log, last),
      unique (log, commit_id)
    ) strict`,
    `create table dacapo_stream_records (
      log integer not null,
      stream text not null,
      version integer not null,
      record integer not null,
      primary key (log, stream, version)
    ) strict, without rowid`,
    `create table dacapo_outcomes (
      id integer primary key,
      log integer not null,
      commit_id text not null,
      actor text not null,
      received integer not null,
      text text not null,
      unique (log, commit_id, actor)
    ) strict`,
    "create index dacapo_outcomes_by_age on dacapo_outcomes (log, received)",
    "create index dacapo_outcomes_by_actor on dacapo_outcomes (log, actor, received)",
  ],
];

/** Brings the tables to the layout of this code, or says that they are of a newer one. */
export function prepareLayout(sql: Sql): void {
  sql.transaction("write", () => {
    sql.run(
      "create table if not exists dacapo_layout (part text primary key, version integer not null) strict, without rowid",
    );
    const stored =
      firstRow(sql.rows<{ version: number }>("select version from dacapo_layout where part = ?", PART))?.version ?? 0;
    if (stored > STEPS.length) throw newerLayout(stored);
    if (stored === STEPS.length) return;
    for (const step of STEPS.slice(stored)) for (const statement of step) sql.run(statement);
    sql.run(
      "insert into dacapo_layout (part, version) values (?, ?) on conflict (part) do update set version = excluded.version",
      PART,
      STEPS.length,
    );
  });
}

function newerLayout(stored: number): DacapoError {
  return new DacapoError("storage-newer", "after-fix", {
    message: `The event store has layout ${stored}, written by a newer Dacapo; this one knows layouts up to ${STEPS.length}`,
    fix: "Run the version of Dacapo that wrote it, or a later one. Nothing was changed.",
    details: { stored, known: STEPS.length },
  });
}
