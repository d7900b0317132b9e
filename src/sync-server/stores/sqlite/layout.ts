/**
 * The tables of a SQL event store, and the steps from each layout to the next. docs/storage-server.md shows each field.
 *
 * Guarantees:
 * - A released step never changes. A new layout is a new step, and leads to the same tables as a new database
 *   (sqlite.layout-upgrade.test.ts).
 * - An upgrade is one transaction. If it fails, the database keeps its layout and its rows.
 * - The version is in a table, because a Durable Object has no `PRAGMA user_version`.
 * - The names of tables begin with `dacapo_`, because an app may keep its own tables beside them.
 */
import { DacapoError } from "../../../core/values/errors.ts";
import { POSITIONS } from "./rows.ts";
import type { Sql } from "./sql.ts";

const PART = "event-store";
const VERSION = 3;

/** The tables of this version, for a new database. */
const TABLES: readonly string[] = [
  `create table dacapo_logs (
      id integer primary key,
      name text not null unique,
      state text not null check (state in ('open', 'dropping', 'gone'))
    ) strict`,
  // The key is the rowid, so a record costs one row and one index row. Clustered by (log, last), rows of a kilobyte
  // would leave room for few of them in an inner page.
  `create table dacapo_records (
      id integer primary key,
      log integer as (id / ${POSITIONS}) virtual,
      last integer as (id % ${POSITIONS}) virtual,
      first integer not null,
      mark text not null,
      commit_id text not null,
      actor text not null,
      streams text not null,
      text text not null
    ) strict`,
  "create unique index dacapo_records_by_commit on dacapo_records (log, commit_id)",
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
  "create table dacapo_server (id text not null) strict",
];
const [LOGS = "", RECORDS = "", RECORDS_BY_COMMIT = "", , , , , SERVER = ""] = TABLES;

const NEW_SERVER_ID = "insert into dacapo_server (id) values (lower(hex(randomblob(16))))";

/** The head of a log leaves its row, and the key of a record becomes one number. */
const PACK_KEYS: readonly string[] = [
  "alter table dacapo_logs rename to dacapo_logs_2",
  LOGS,
  "insert into dacapo_logs (id, name, state) select id, name, state from dacapo_logs_2",
  "drop table dacapo_logs_2",
  "alter table dacapo_records rename to dacapo_records_2",
  RECORDS,
  `insert into dacapo_records (id, first, mark, commit_id, actor, streams, text)
   select log * ${POSITIONS} + last, first, mark, commit_id, actor, streams, text from dacapo_records_2
   order by log, last`,
  "drop table dacapo_records_2",
  // An index of all rows at once takes a fraction of the time of an index that grows row by row.
  RECORDS_BY_COMMIT,
];

/** Step n leads from layout n + 1 to the next one. */
const STEPS: readonly (readonly string[])[] = [[SERVER, NEW_SERVER_ID], PACK_KEYS];

/** True if the database has tables of a store, of any layout. Reading it writes nothing. */
export function hasLayout(sql: Sql): boolean {
  return sql.first("select name from sqlite_master where name = 'dacapo_layout'") !== undefined;
}

/** Upgrades the tables to the layout of this code. Throws `storage-newer` if a newer Dacapo wrote them. */
export function prepareLayout(sql: Sql): void {
  sql.transaction("write", () => {
    sql.run(
      "create table if not exists dacapo_layout (part text primary key, version integer not null) " +
        "strict, without rowid",
    );
    const stored =
      sql.first<{ version: number }>("select version from dacapo_layout where part = ?", PART)?.version ?? 0;
    if (stored > VERSION) throw newerLayout(stored);
    if (stored === VERSION) return;
    const statements = stored === 0 ? [...TABLES, NEW_SERVER_ID] : STEPS.slice(stored - 1).flat();
    for (const statement of statements) sql.run(statement);
    sql.run(
      "insert into dacapo_layout (part, version) values (?, ?) " +
        "on conflict (part) do update set version = excluded.version",
      PART,
      VERSION,
    );
  });
}

function newerLayout(stored: number): DacapoError {
  return new DacapoError("storage-newer", "after-fix", {
    message:
      `The event store has layout ${stored}, written by a newer Dacapo. ` +
      `This version knows layouts up to ${VERSION}.`,
    fix: "Run the version of Dacapo that wrote it, or a later one. Nothing was changed.",
    details: { stored, known: VERSION },
  });
}
