/**
 * The statements of one write of read models, inside the transaction of its caller.
 *
 * Guarantees:
 * - `movedFollowers` comes before the first write, so a refused write changes nothing (M1).
 * - A table that is no longer named loses its follower in the same transaction (M7). `sweep` deletes its rows later.
 */
import type { Cursor } from "../../../core/history/record.ts";
import type { FollowerNext, FollowerWrite, ModelWrite, RowChange } from "../model-store.ts";
import { storedKey } from "../row-keys.ts";
import { tableId } from "./rows.ts";
import { applySqlWrite } from "./sql-write.ts";
import { firstRow, type Sql } from "./sql.ts";

/** The followers of a write that have another revision, or whose next cursor is not in the log (M1, M3). */
export function movedFollowers(
  sql: Sql,
  log: number | null,
  { followers }: ModelWrite,
  isRecordEnd: (cursor: Cursor) => boolean,
): readonly string[] {
  return followers
    .filter(({ name, revision, next }) => {
      if (log === null ? revision !== 0 : revisionOf(sql, log, name) !== revision) return true;
      return next !== null && next !== "check" && next.at !== null && !isRecordEnd(next.at);
    })
    .map(({ name }) => name);
}

/** Applies a write that `movedFollowers` accepted. */
export function applyModelWrite(sql: Sql, log: number, write: ModelWrite): void {
  const { followers, rows } = write;
  for (const { name, next } of followers) if (next !== null && next !== "check") takeTables(sql, log, name, next);
  for (const { name, revision, next } of followers) {
    if (next === "check") continue;
    if (next === null) removeFollower(sql, log, name);
    else writeFollower(sql, log, name, revision, next);
  }
  for (const change of rows) writeRows(sql, log, change);
  // The rows of most models change with every append, and their tables with none.
  if (write.statements?.length || followers.some(changesTables)) applySqlWrite(sql, log, write);
}

function changesTables({ next }: FollowerWrite): boolean {
  if (next === "check") return false;
  return next === null || next.sql !== undefined || Object.values(next.tables).some((change) => change !== "keep");
}

function revisionOf(sql: Sql, log: number, name: string): number {
  const query = "select revision from dacapo_followers where log = ? and name = ?";
  return firstRow(sql.rows<{ revision: number }>(query, log, name))?.revision ?? 0;
}

/** Moves the tables that come from another follower, before that follower orphans the tables that it keeps. */
function takeTables(sql: Sql, log: number, follower: string, { tables }: FollowerNext): void {
  for (const [table, change] of Object.entries(tables)) {
    if (typeof change === "string") continue;
    const source = tableId(sql, log, change.from, table);
    if (change.from === follower) continue;
    orphan(sql, log, follower, table);
    if (source !== undefined) sql.run("update dacapo_tables set follower = ? where id = ?", follower, source);
  }
}

function writeFollower(sql: Sql, log: number, name: string, revision: number, next: FollowerNext): void {
  const { at, text, wake, tables } = next;
  sql.run(
    `insert into dacapo_followers (log, name, revision, position, mark, wake, held_until, text)
     values (?, ?, ?, ?, ?, ?, 0, ?)
     on conflict (log, name) do update set revision = excluded.revision, position = excluded.position,
       mark = excluded.mark, wake = excluded.wake, text = excluded.text`,
    log,
    name,
    revision + 1,
    at?.position ?? 0,
    at?.mark ?? null,
    wake,
    text,
  );
  if (keepsAll(sql, log, name, next)) return;
  sql.run(
    `update dacapo_tables set follower = null
     where log = ? and follower = ? and name not in (select value from json_each(?))`,
    log,
    name,
    JSON.stringify(Object.keys(tables)),
  );
  for (const [table, change] of Object.entries(tables)) {
    if (change === "new") orphan(sql, log, name, table);
    sql.run(
      "insert into dacapo_tables (log, follower, name) values (?, ?, ?) on conflict (log, follower, name) do nothing",
      log,
      name,
      table,
    );
  }
}

/** True if a follower keeps exactly its tables. Most writes do, and one read costs less than their statements. */
function keepsAll(sql: Sql, log: number, follower: string, { tables }: FollowerNext): boolean {
  const query = "select name from dacapo_tables where log = ? and follower = ?";
  const stored = Array.from(sql.rows<{ name: string }>(query, log, follower), ({ name }) => name);
  return stored.length === Object.keys(tables).length && stored.every((name) => tables[name] === "keep");
}

function removeFollower(sql: Sql, log: number, name: string): void {
  sql.run("update dacapo_tables set follower = null where log = ? and follower = ?", log, name);
  sql.run("delete from dacapo_followers where log = ? and name = ?", log, name);
}

function orphan(sql: Sql, log: number, follower: string, table: string): void {
  sql.run("update dacapo_tables set follower = null where log = ? and follower = ? and name = ?", log, follower, table);
}

function writeRows(sql: Sql, log: number, { follower, table, set, remove }: RowChange): void {
  const id = tableId(sql, log, follower, table) ?? null;
  for (const [key, text] of set) {
    sql.run(
      `insert into dacapo_rows (tbl, key, row) values (?, ?, ?)
       on conflict (tbl, key) do update set row = excluded.row`,
      id,
      storedKey(key),
      text,
    );
  }
  for (const key of remove) sql.run("delete from dacapo_rows where tbl = ? and key = ?", id, storedKey(key));
}
