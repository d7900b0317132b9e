/**
 * The tables of a SQL event store, and the steps from each layout to the next. docs/storage-server.md shows each field.
 *
 * Guarantees:
 * - A released step never changes. A new layout is a new step (sql-layout.test.ts).
 * - The version is in a table, because a Durable Object has no `PRAGMA user_version`.
 * - The names of tables begin with `dacapo_`, because an app may keep its own tables beside them.
 */
import { DacapoError } from "../../core/values/errors.ts";
import { firstRow, type Sql } from "./sql.ts";

const PART = "event-store";

/** Step n leads from layout n to layout n + 1, counted from 0. */
const STEPS: readonly (readonly string[])[] = [
  [
    `create table dacapo_logs (
      id integer primary key,
      name text not null unique,
      position integer not null,
      mark text,
      state text not null check (state in ('open', 'dropping', 'gone'))
    ) strict`,
    // The table has rowids. Clustered by its key, rows of a kilobyte would leave room for few of them in an inner page.
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
  [
    "create table dacapo_server (id text not null) strict",
    "insert into dacapo_server (id) values (lower(hex(randomblob(16))))",
  ],
];

/** True if the database has tables of a store, of any layout. Reading it writes nothing. */
export function hasLayout(sql: Sql): boolean {
  const tables = sql.rows<{ name: string }>("select name from sqlite_master where name = 'dacapo_layout'");
  return firstRow(tables) !== undefined;
}

/** Upgrades the tables to the layout of this code. Throws `storage-newer` if a newer Dacapo wrote them. */
export function prepareLayout(sql: Sql): void {
  sql.transaction("write", () => {
    sql.run(
      "create table if not exists dacapo_layout (part text primary key, version integer not null) " +
        "strict, without rowid",
    );
    const stored =
      firstRow(sql.rows<{ version: number }>("select version from dacapo_layout where part = ?", PART))?.version ?? 0;
    if (stored > STEPS.length) throw newerLayout(stored);
    if (stored === STEPS.length) return;
    for (const step of STEPS.slice(stored)) for (const statement of step) sql.run(statement);
    sql.run(
      "insert into dacapo_layout (part, version) values (?, ?) " +
        "on conflict (part) do update set version = excluded.version",
      PART,
      STEPS.length,
    );
  });
}

function newerLayout(stored: number): DacapoError {
  return new DacapoError("storage-newer", "after-fix", {
    message:
      `The event store has layout ${stored}, written by a newer Dacapo. ` +
      `This version knows layouts up to ${STEPS.length}.`,
    fix: "Run the version of Dacapo that wrote it, or a later one. Nothing was changed.",
    details: { stored, known: STEPS.length },
  });
}
