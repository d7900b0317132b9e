/**
 * The statements of one write of read models, inside the transaction of its caller.
 *
 * Guarantees:
 * - `moved` comes before the first write, so a refused write changes nothing (M1).
 * - A table that is no longer named loses its follower in the same transaction (M7). `sweep` deletes its rows later.
 */
import type { Cursor } from "../../../core/history/record.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
import type { FollowerNext, FollowerWrite, ModelWrite, RowChange } from "../model-store.ts";
import { storedKey } from "../row-keys.ts";
import { tableId } from "./rows.ts";
import { applySqlWrite } from "./sql-write.ts";
import type { Sql } from "./sql.ts";

/** A follower as it is stored. */
type StoredFollower = {
  /** 0: there is no such follower. */
  readonly revision: number;
  /** The ids of its tables, by name. */
  readonly tables: ReadonlyMap<string, number>;
};

const NONE: StoredFollower = { revision: 0, tables: new Map() };

/** One write, and its followers as they were before it. Each is read once. */
export class ModelChange {
  readonly #sql: Sql;
  readonly #write: ModelWrite;
  readonly #stored = new Map<string, StoredFollower>();

  constructor(sql: Sql, write: ModelWrite) {
    this.#sql = sql;
    this.#write = write;
  }

  /** The followers that have another revision, or whose next cursor is not in the log (M1, M3). Null: no log yet. */
  moved(log: number | null, isRecordEnd: (cursor: Cursor) => boolean): readonly string[] {
    return this.#write.followers
      .filter(({ name, revision, next }) => {
        const stored = log === null ? NONE : storedFollower(this.#sql, log, name);
        this.#stored.set(name, stored);
        if (stored.revision !== revision) return true;
        return next !== null && next !== "check" && next.at !== null && !isRecordEnd(next.at);
      })
      .map(({ name }) => name);
  }

  /** Applies the write, after `moved` returned no follower. */
  apply(log: number): void {
    const [sql, write] = [this.#sql, this.#write];
    const { followers, rows } = write;
    // The rows of most models change with every append, and their tables with none.
    const hasNewTables = followers.some(changesTables);
    // A table may move between two followers of one write.
    if (hasNewTables) this.#stored.clear();
    for (const { name, next } of hasNewTables ? followers : [])
      if (next !== null && next !== "check") takeTables(sql, log, name, next);
    for (const { name, revision, next } of followers) {
      if (next === "check") continue;
      if (next === null) removeFollower(sql, log, name);
      else writeFollower(sql, log, name, revision, next);
      if (next !== null && !this.#keepsAll(name, next)) writeTables(sql, log, name, next);
    }
    for (const change of rows) {
      const { follower, table } = change;
      const id = this.#stored.get(follower)?.tables.get(table) ?? tableId(sql, log, follower, table);
      writeRows(sql, id ?? null, change);
    }
    if (write.statements?.length || hasNewTables) applySqlWrite(sql, log, write);
  }

  /** True if a follower keeps exactly its tables, as in most writes. */
  #keepsAll(follower: string, { tables }: FollowerNext): boolean {
    const stored = this.#stored.get(follower)?.tables;
    const names = Object.keys(tables);
    return stored?.size === names.length && names.every((name) => stored.has(name));
  }
}

/** The revision and the tables in one row, because each further row costs as much as the write of a row. */
function storedFollower(sql: Sql, log: number, name: string): StoredFollower {
  const row = sql.first<{ readonly revision: number; readonly tables: string }>(
    `select revision, (
       select json_group_object(t.name, t.id) from dacapo_tables t where t.log = f.log and t.follower = f.name
     ) as tables from dacapo_followers f where log = ? and name = ?`,
    log,
    name,
  );
  if (!row) return NONE;
  return { revision: row.revision, tables: new Map(Object.entries(parseOwnJson<Record<string, number>>(row.tables))) };
}

function changesTables({ next }: FollowerWrite): boolean {
  if (next === "check") return false;
  return next === null || next.sql !== undefined || Object.values(next.tables).some((change) => change !== "keep");
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

function writeFollower(sql: Sql, log: number, name: string, revision: number, { at, text, wake }: FollowerNext): void {
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
}

function writeTables(sql: Sql, log: number, name: string, { tables }: FollowerNext): void {
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

function removeFollower(sql: Sql, log: number, name: string): void {
  sql.run("update dacapo_tables set follower = null where log = ? and follower = ?", log, name);
  sql.run("delete from dacapo_followers where log = ? and name = ?", log, name);
}

function orphan(sql: Sql, log: number, follower: string, table: string): void {
  sql.run("update dacapo_tables set follower = null where log = ? and follower = ? and name = ?", log, follower, table);
}

function writeRows(sql: Sql, table: number | null, { set, remove }: RowChange): void {
  for (const [key, text] of set) {
    sql.run(
      `insert into dacapo_rows (tbl, key, row) values (?, ?, ?)
       on conflict (tbl, key) do update set row = excluded.row`,
      table,
      storedKey(key),
      text,
    );
  }
  for (const key of remove) sql.run("delete from dacapo_rows where tbl = ? and key = ?", table, storedKey(key));
}
