/**
 * The SQL tables of apps in Postgres: the part of a write that creates, shows and changes them, in the transaction of
 * the write.
 *
 * Guarantees (M8 in sql-rules.ts, sql-model.postgres.test.ts):
 * - A statement that Postgres refuses undoes the whole write, up to a savepoint before it.
 * - A table that Postgres refuses to create is an error of the app's definition, with the statement.
 * - Writes of two logs that change one view run one after the other. Otherwise the second would lose a table of the
 *   first.
 * - A write waits at most `LOCK_MS` for a report that reads the view. Then it fails, and its caller tries again.
 */
import { BugError } from "../../../core/values/errors.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
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
import { numberedMarks } from "../sql/tokens.ts";
import { isRefusedStatement, reasonText } from "./failure.ts";
import type { Statements } from "./pool.ts";

const LOCK_MS = 2_000;
/**
 * Events between two savepoints, before and after the first refused event. Each savepoint is a round trip, and after a
 * refused event the events since the last savepoint run again.
 */
const SAVEPOINT_EVENTS = { first: 64, next: 8 };
/** A number of our own for the locks of views: the first bytes of "view". */
const VIEW_LOCK = 0x7669_6577;

type TableRow = {
  readonly id: number;
  readonly follower: string | null;
  readonly name: string;
  readonly view: string | null;
  readonly is_made: boolean;
};

/** True if the write changes SQL tables. A removed follower may have some. */
export function changesSqlTables({ followers, statements = [] }: ModelWrite): boolean {
  const changes = followers.some(({ next }) => next === null || (next !== "check" && next.sql !== undefined));
  return changes || statements.length > 0;
}

/**
 * Runs `write`, and then the statements and the changes of tables. `write` returns the result as JSON. With `findsAll`,
 * the result names all refused events and not the first alone.
 */
export async function writeSqlTables<Result extends { readonly kind: string }>(
  sql: Statements,
  schema: string,
  { log, models, findsAll }: { readonly log: string; readonly models: ModelWrite; readonly findsAll: boolean },
  write: () => Promise<string>,
): Promise<Result | Vetoed> {
  await sql.run("savepoint dacapo_write");
  const result = parseOwnJson<Result>(await write());
  if (result.kind !== "ok") return result;
  await sql.run(`set local search_path to ${schema}`);
  const vetoed = await new SqlWrite(sql, schema, log, models).run(findsAll);
  if (vetoed) await sql.run("rollback to savepoint dacapo_write");
  return vetoed ?? result;
}

class SqlWrite {
  readonly #sql: Statements;
  readonly #schema: string;
  readonly #log: string;
  readonly #models: ModelWrite;
  readonly #ids = new Map<string, TableRow>();

  constructor(sql: Statements, schema: string, log: string, models: ModelWrite) {
    this.#sql = sql;
    this.#schema = schema;
    this.#log = log;
    this.#models = models;
  }

  async run(findsAll: boolean): Promise<Vetoed | null> {
    const views = new Set<string>();
    for (const row of await this.#tables()) {
      if (row.follower !== null) this.#ids.set(`${row.follower} ${row.name}`, row);
      else if (row.view !== null) {
        await this.#sql.rows(`update ${this.#schema}.dacapo_tables set view = null where id = $1`, [row.id]);
        views.add(row.view);
      }
    }
    for (const { name: follower, next } of this.#models.followers) {
      if (next === null || next === "check") continue;
      for (const [name, { create, view, isShown }] of Object.entries(next.sql ?? {})) {
        const table = this.#table(follower, name);
        if (!table.is_made)
          for (const text of create)
            await this.#create(
              name,
              withPhysicalNames(text, () => table.id),
            );
        if (!isShown || table.view === view) continue;
        await this.#show(table.id, view);
        views.add(view);
      }
    }
    await refreshViews(this.#sql, this.#schema, views);
    const { statements = [] } = this.#models;
    if (!findsAll) return this.#execute(statements);
    const [first, ...others] = await this.#refused(byEvent(statements));
    return first ? { ...first, others } : null;
  }

  /** Runs the events, and returns the refused ones. After each, the events since the last savepoint run again. */
  async #refused(events: readonly (readonly SqlStatement[])[]): Promise<readonly Vetoed[]> {
    const refused = new Map<number, Vetoed>();
    /** The events before the savepoint. */
    let kept = 0;
    if (events.length > 1) await this.#sql.run("savepoint dacapo_events");
    for (let n = 0; n < events.length; n++) {
      const vetoed = refused.has(n) ? null : await this.#execute(events[n] ?? []);
      if (vetoed) {
        refused.set(n, vetoed);
        if (events.length === 1) break;
        await this.#sql.run("rollback to savepoint dacapo_events");
        n = kept - 1;
      } else if (n + 1 - kept >= (refused.size === 0 ? SAVEPOINT_EVENTS.first : SAVEPOINT_EVENTS.next)) {
        await this.#sql.run("release savepoint dacapo_events; savepoint dacapo_events");
        kept = n + 1;
      }
    }
    return [...refused.values()];
  }

  /** The SQL tables of the followers of the write, and the shown tables that lost their follower. */
  async #tables(): Promise<readonly TableRow[]> {
    const names = this.#models.followers.map(({ name }) => name);
    return this.#sql.rows<TableRow>(
      `select t.id, t.follower, t.name, t.view, exists (
         select from pg_tables where schemaname = current_schema()
           and tablename = substr(t.name, 5) || '__' || t.id) as is_made
       from ${this.#schema}.dacapo_tables t
       where t.log = (select id from ${this.#schema}.dacapo_logs where name = $1) and t.name like 'sql/%'
         and (t.follower = any($2) or (t.follower is null and t.view is not null))`,
      [this.#log, names],
    );
  }

  #table(follower: string, name: string): TableRow {
    const found = this.#ids.get(`${follower} ${sqlTable(name)}`);
    if (found) return found;
    throw new BugError(`The follower ${follower} has no SQL table ${name}`, { follower, table: name });
  }

  async #create(name: string, statement: string): Promise<void> {
    try {
      await this.#sql.run(statement);
    } catch (error) {
      throw isRefusedStatement(error) ? refusedTable(name, statement, error) : error;
    }
  }

  async #show(id: number, view: string): Promise<void> {
    const tables = `${this.#schema}.dacapo_tables`;
    const log = `(select log from ${tables} where id = $1)`;
    await this.#sql.rows(`update ${tables} set view = null where log = ${log} and view = $2`, [id, view]);
    await this.#sql.rows(`update ${tables} set view = $2 where id = $1`, [id, view]);
  }

  /** Runs statements up to the first one that Postgres refuses. */
  async #execute(statements: readonly SqlStatement[]): Promise<Vetoed | null> {
    for (const statement of statements) {
      const vetoed = await this.#executeOne(statement);
      if (vetoed) return vetoed;
    }
    return null;
  }

  async #executeOne({ follower, event, sql, params, veto }: SqlStatement): Promise<Vetoed | null> {
    const text = withPhysicalNames(sql, (name) => this.#table(follower, name).id);
    try {
      await this.#sql.rows(numberedMarks(text), params);
      return null;
    } catch (error) {
      if (!isRefusedStatement(error)) throw error;
      return { kind: "vetoed", follower, event, message: reasonText(error), ...(veto && { veto }) };
    }
  }
}

/** Creates views again for the tables that `dacapo_tables` names. */
async function refreshViews(sql: Statements, schema: string, views: ReadonlySet<string>): Promise<void> {
  if (views.size === 0) return;
  await sql.run(`set local lock_timeout = ${LOCK_MS}`);
  // In one order, so that two writes never wait for each other.
  for (const view of [...views].sort()) {
    await sql.rows("select pg_advisory_xact_lock($1, hashtext($2))", [VIEW_LOCK, `${schema}.${view}`]);
    const found = await sql.rows<ShownTable>(
      `select id, log, name from ${schema}.dacapo_tables where view = $1 order by log`,
      [view],
    );
    const tables = found.map((table) => ({ ...table, name: sqlNameOf(table.name) ?? table.name }));
    // A replaced view keeps the rights of the roles that may read it.
    if (tables.length > 0) await sql.run(`create or replace view ${view} as ${viewQuery(tables)}`);
    else await sql.run(`drop view if exists ${view}`);
  }
  await sql.run("set local lock_timeout = 0");
}

/** Removes an orphaned SQL table. False: a report reads it, so it stays for now. */
export async function dropSqlTable(sql: Statements, schema: string, name: string, id: number): Promise<boolean> {
  await sql.run("savepoint dacapo_drop");
  try {
    await sql.run(`set local search_path to ${schema}`);
    const tables = `${schema}.dacapo_tables`;
    type Shown = { readonly view: string };
    const hidden = await sql.rows<Shown>(`select view from ${tables} where id = $1 and view is not null`, [id]);
    await sql.rows(`update ${tables} set view = null where id = $1 and follower is null`, [id]);
    await refreshViews(sql, schema, new Set(hidden.map(({ view }) => view)));
    await sql.run(`set local lock_timeout = ${LOCK_MS}`);
    await sql.run(`drop table if exists ${schema}.${physicalName(name, id)}`);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "55P03")) throw error;
    await sql.run("rollback to savepoint dacapo_drop");
    return false;
  }
  await sql.rows(`delete from ${schema}.dacapo_tables where id = $1 and follower is null`, [id]);
  return true;
}

/** Removes the SQL tables of a dropped log, from their views first. Returns true if there were some. */
export async function dropSqlTables(sql: Statements, schema: string, log: string): Promise<boolean> {
  const tables = await sql.rows<Pick<TableRow, "id" | "name" | "view">>(
    `select id, name, view from ${schema}.dacapo_tables
     where log = (select id from ${schema}.dacapo_logs where name = $1) and name like 'sql/%'`,
    [log],
  );
  if (tables.length === 0) return false;
  const ids = tables.map(({ id }) => id);
  await sql.run(`set local search_path to ${schema}`);
  await sql.rows(`update ${schema}.dacapo_tables set view = null where id = any($1)`, [ids]);
  await refreshViews(sql, schema, new Set(tables.flatMap(({ view }) => view ?? [])));
  for (const { id, name } of tables) await sql.run(`drop table if exists ${physicalName(sqlNameOf(name) ?? name, id)}`);
  await sql.rows(`delete from ${schema}.dacapo_tables where id = any($1)`, [ids]);
  return true;
}
