/**
 * The SQL tables of apps in SQLite: the part of a write that creates, shows and changes them, inside the transaction of
 * its caller.
 *
 * Guarantees (M8 in sql-rules.ts):
 * - A statement that SQLite refuses throws a `StatementVeto`, so that the caller undoes the write.
 * - `findAllRefused` undoes each refused event alone, so that the next events find the tables without it.
 * - An error that says nothing about the statement, such as a full disk, stays as it is.
 * - A table that SQLite refuses to create is an error of the app's definition, with the statement.
 */
import { BugError } from "../../../core/values/errors.ts";
import { messageOf } from "../../../core/values/reason.ts";
import type { ModelWrite, Vetoed } from "../model-store.ts";
import {
  byEvent,
  physicalName,
  refusedTable,
  type ShownTable,
  sqlNameOf,
  type SqlStatement,
  sqlTable,
  viewQuery,
  withPhysicalNames,
} from "../sql-tables.ts";
import { wholeMarks } from "../sql/tokens.ts";
import { classifySqlError } from "./failure.ts";
import { tableId } from "./rows.ts";
import type { Sql } from "./sql.ts";

class StatementVeto extends Error {
  readonly vetoed: Vetoed;

  constructor(vetoed: Vetoed) {
    super(vetoed.message);
    this.vetoed = vetoed;
  }
}

/**
 * Runs a write whose statements may be refused. Then this write alone is undone, and the result is `vetoed` (M8). The
 * writes of other logs may share the transaction.
 */
export function undoneIfVetoed<Result>(sql: Sql, { statements = [] }: ModelWrite, work: () => Result): Result | Vetoed {
  if (statements.length === 0) return work();
  try {
    return sql.savepoint(work);
  } catch (error) {
    if (error instanceof StatementVeto) return error.vetoed;
    throw error;
  }
}

/**
 * Finds all events whose statements SQLite refuses, and throws a `StatementVeto` that names them, so that the write is
 * undone. `vetoed` is the one that the write without savepoints found.
 */
export function findAllRefused(sql: Sql, log: number, write: ModelWrite, vetoed: Vetoed): never {
  const refused: Vetoed[] = [];
  for (const statements of byEvent(write.statements ?? [])) {
    const result = undoneIfVetoed(sql, { ...write, statements }, () => runStatements(sql, log, statements));
    if (result) refused.push(result);
  }
  const [first = vetoed, ...others] = refused;
  throw new StatementVeto({ ...first, others });
}

/** Creates and shows tables, and runs the statements, after the followers and their tables changed. */
export function applySqlWrite(sql: Sql, log: number, { followers, statements = [] }: ModelWrite): void {
  const changed = new Set<string>();
  const change = (view: string | null | undefined): void => void (view && changed.add(view));
  for (const { name: follower, next } of followers) {
    if (next === null || next === "check") continue;
    for (const [name, { create }] of Object.entries(next.sql ?? {})) {
      const id = requireTable(sql, log, follower, name);
      if (hasTable(sql, physicalName(name, id))) continue;
      for (const statement of create)
        createTable(
          sql,
          name,
          withPhysicalNames(statement, () => id),
        );
    }
  }
  const hidden = "select distinct view from dacapo_tables where log = ? and follower is null and view is not null";
  for (const { view } of sql.rows<{ view: string }>(hidden, log)) change(view);
  sql.run("update dacapo_tables set view = null where log = ? and follower is null and view is not null", log);
  for (const { name: follower, next } of followers) {
    if (next === null || next === "check") continue;
    for (const [name, { view, isShown }] of Object.entries(next.sql ?? {}))
      if (isShown && showTable(sql, log, requireTable(sql, log, follower, name), view)) change(view);
  }
  for (const view of changed) refreshView(sql, view);
  runStatements(sql, log, statements);
}

function createTable(sql: Sql, name: string, statement: string): void {
  try {
    sql.run(statement);
  } catch (error) {
    throw isOfFile(error) ? error : refusedTable(name, statement, error);
  }
}

/** True: the error says nothing about the statement. */
function isOfFile(error: unknown): boolean {
  return !(classifySqlError(error, "a statement").error instanceof BugError);
}

/**
 * Removes a SQL table that has no follower any more. False: the table is empty, but it stays for now, because a Durable
 * Object still reads something. It frees an unfinished cursor at some later time.
 */
export function dropSqlTable(sql: Sql, name: string, id: number): boolean {
  try {
    sql.run(`drop table if exists ${physicalName(name, id)}`);
    return true;
  } catch (error) {
    const { details } = classifySqlError(error, "sweep").error;
    if (details["result"] !== "LOCKED") throw error;
    sql.run(`delete from ${physicalName(name, id)}`);
    return false;
  }
}

/** Removes the SQL tables of a log, from their views first. Tables that stay for now are orphans. */
export function dropSqlTables(sql: Sql, log: number): void {
  type Table = { readonly id: number; readonly name: string; readonly view: string | null };
  const tables = [...sql.rows<Table>("select id, name, view from dacapo_tables where log = ?", log)];
  sql.run("update dacapo_tables set view = null where log = ?", log);
  for (const view of new Set(tables.map(({ view }) => view))) if (view !== null) refreshView(sql, view);
  for (const { id, name } of tables) {
    const own = sqlNameOf(name);
    if (own === null || dropSqlTable(sql, own, id)) sql.run("delete from dacapo_tables where id = ?", id);
    else sql.run("update dacapo_tables set follower = null where id = ?", id);
  }
}

/** Returns true if the view changes. */
function showTable(sql: Sql, log: number, id: number, view: string): boolean {
  const shown = sql.first("select id from dacapo_tables where id = ? and view = ?", id, view);
  if (shown) return false;
  sql.run("update dacapo_tables set view = null where log = ? and view = ?", log, view);
  sql.run("update dacapo_tables set view = ? where id = ?", view, id);
  return true;
}

function refreshView(sql: Sql, view: string): void {
  const query = "select id, log, name from dacapo_tables where view = ? order by log";
  const tables = Array.from(sql.rows<ShownTable>(query, view), (table) => ({
    ...table,
    name: sqlNameOf(table.name) ?? table.name,
  }));
  sql.run(`drop view if exists ${view}`);
  if (tables.length > 0) sql.run(`create view ${view} as ${viewQuery(tables)}`);
}

function runStatements(sql: Sql, log: number, statements: readonly SqlStatement[]): void {
  const ids = new Map<string, number>();
  for (const { follower, event, sql: text, params, veto } of statements) {
    const idOf = (name: string): number => {
      const key = `${follower} ${name}`;
      const id = ids.get(key) ?? requireTable(sql, log, follower, name);
      ids.set(key, id);
      return id;
    };
    const statement = wholeMarks(withPhysicalNames(text, idOf), params);
    try {
      sql.run(statement, ...params);
    } catch (error) {
      if (isOfFile(error)) throw error;
      throw new StatementVeto({ kind: "vetoed", follower, event, message: messageOf(error), ...(veto && { veto }) });
    }
  }
}

function requireTable(sql: Sql, log: number, follower: string, name: string): number {
  const id = tableId(sql, log, follower, sqlTable(name));
  if (id !== undefined) return id;
  throw new BugError(`The follower ${follower} has no SQL table ${name}`, { follower, table: name });
}

export function hasTable(sql: Sql, table: string): boolean {
  return sql.first("select name from pragma_table_info(?) limit 1", table) !== undefined;
}
