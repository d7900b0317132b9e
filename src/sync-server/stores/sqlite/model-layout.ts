/**
 * The tables of read models in a SQL store. The first write of a model creates them, so a server without models has
 * none. docs/read-models.md shows each field.
 *
 * Guarantees:
 * - A released step never changes. A new layout is a new step.
 */
import { DacapoError } from "../../../core/values/errors.ts";
import type { Sql } from "./sql.ts";

const PART = "models";

/** Step n leads from layout n to layout n + 1, counted from 0. */
const STEPS: readonly (readonly string[])[] = [
  [
    `create table dacapo_followers (
      log integer not null,
      name text not null,
      revision integer not null,
      position integer not null,
      mark text,
      wake integer,
      holder text,
      held_until integer not null,
      text text not null,
      primary key (log, name)
    ) strict, without rowid`,
    "create index dacapo_followers_by_wake on dacapo_followers (wake) where wake is not null",
    `create table dacapo_tables (
      id integer primary key autoincrement,
      log integer not null,
      follower text,
      name text not null,
      unique (log, follower, name)
    ) strict`,
    "create index dacapo_tables_orphaned on dacapo_tables (id) where follower is null",
    // The table has rowids, because rows of a kilobyte would leave room for few keys in an inner page.
    `create table dacapo_rows (
      tbl integer not null,
      key text not null,
      row text,
      primary key (tbl, key)
    ) strict`,
  ],
  // The view that shows a SQL table of an app.
  [
    "alter table dacapo_tables add column view text",
    "create index dacapo_tables_by_view on dacapo_tables (view) where view is not null",
  ],
];

/** True if the database has the tables of models. Reading it writes nothing. */
export function hasModelTables(sql: Sql): boolean {
  // Not from `sqlite_master`, because each of its rows is a read row that an operator of an object pays for.
  return sql.first("select name from pragma_table_info('dacapo_followers') limit 1") !== undefined;
}

/** Creates or upgrades the tables, inside the transaction of its caller. The layout table must be there already. */
export function prepareModelTables(sql: Sql): void {
  const stored = sql.first<{ version: number }>("select version from dacapo_layout where part = ?", PART)?.version ?? 0;
  if (stored > STEPS.length) {
    throw new DacapoError("storage-newer", "after-fix", {
      message:
        `The read models have layout ${stored}, written by a newer Dacapo. ` +
        `This version knows layouts up to ${STEPS.length}.`,
      fix: "Run the version of Dacapo that wrote it, or a later one. Nothing was changed.",
      details: { stored, known: STEPS.length },
    });
  }
  if (stored === STEPS.length) return;
  for (const step of STEPS.slice(stored)) for (const statement of step) sql.run(statement);
  sql.run(
    "insert into dacapo_layout (part, version) values (?, ?) " +
      "on conflict (part) do update set version = excluded.version",
    PART,
    STEPS.length,
  );
}
