/**
 * The SQL tables of an app in the port `model-store`: their names, the statements that change them, and their reads.
 *
 *     «invoice» in a statement ── physical name ──> invoice__17   one table for each log and follower
 *     invoice_v1 ── view ──> the shown tables of all logs, with a column `log`
 *
 * Place: a part of the port `model-store`, for stores that have SQL.
 */
import { DefinitionError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import { messageOf } from "../../core/values/reason.ts";
import type { Follower } from "./follower.ts";

/** A value of a statement's parameter. */
export type SqlParam = string | number | null;

/** A SQL table of a follower. Its name in `tables` of the follower is `sqlTable(name)`. */
export type SqlTable = {
  /** The statements that create it and its indexes, with placeholders. */
  readonly create: readonly string[];
  /** The view that shows it, such as `invoice_v1`. */
  readonly view: string;
  /** True: the view shows this table for the log from this write on. False: the view stays as it is. */
  readonly isShown: boolean;
};

/** The rejection of a commit whose statement the database refuses. */
export type SqlVeto = {
  /** The code of the rejection, such as `number-taken`. */
  readonly code: string;
  /** The message, for people. */
  readonly message: string;
};

/** A statement on SQL tables of a follower of the same write. */
export type SqlStatement = {
  /** The name of the follower. */
  readonly follower: string;
  /** The id of the event that it belongs to. */
  readonly event: string;
  /** One statement, with a placeholder for each table (`placeholder`) and `?` for each parameter. */
  readonly sql: string;
  readonly params: readonly SqlParam[];
  /** A store returns it in `Vetoed`. */
  readonly veto?: SqlVeto;
};

/** The statements of each event of a follower, in order. */
export function byEvent(statements: readonly SqlStatement[]): readonly (readonly SqlStatement[])[] {
  const events: SqlStatement[][] = [];
  let last: SqlStatement | undefined;
  for (const statement of statements) {
    if (statement.event === last?.event && statement.follower === last.follower) events.at(-1)?.push(statement);
    else events.push([statement]);
    last = statement;
  }
  return events;
}

/** A row of a query: plain JSON, if the query returns no blob. */
export type SqlRow = { readonly [column: string]: Json };

/** Rows of a query, with the follower of the same moment. */
export type SqlPage<Row> = {
  readonly follower: Follower;
  readonly rows: readonly Row[];
  /** True: there are more rows than these. */
  readonly more: boolean;
};

/** A row of a table: JSON of its primary key as an array, and JSON of the whole row. */
export type KeyedRow = readonly [key: string, row: string];

/** The most rows and bytes of a page. Bytes are those of the rows as JSON, in UTF-16 units. */
export type SqlLimit = { readonly rows: number; readonly bytes: number };

/** The reads of SQL tables. */
export interface SqlReads {
  /**
   * Runs a query on the SQL tables of a follower, in one snapshot. Null: there is no such follower. The caller checks
   * that the query changes nothing.
   *
   * @throws DacapoError (`invalid`) if the database refuses the query.
   */
  query(
    log: string,
    follower: string,
    query: { readonly sql: string; readonly params: readonly SqlParam[] },
    limit: SqlLimit,
  ): Promise<SqlPage<SqlRow> | null>;
  /** The columns of the primary key of a SQL table. Empty: it has none. Null: there is no such table. */
  keyColumns(log: string, follower: string, table: string): Promise<readonly string[] | null>;
  /**
   * Returns rows in the order of the primary key, after the key `after` and up to the key `to`, both as in `KeyedRow`.
   * Null for the beginning and the end.
   */
  page(
    log: string,
    follower: string,
    table: string,
    range: { readonly after: string | null; readonly to: string | null; readonly limit: SqlLimit },
  ): Promise<SqlPage<KeyedRow> | null>;
}

const PREFIX = "sql/";

/** The name of a SQL table among the tables of a follower. */
export function sqlTable(name: string): string {
  return `${PREFIX}${name}`;
}

/** The name of a SQL table in the app. Null: it is no SQL table. */
export function sqlNameOf(table: string): string | null {
  return table.startsWith(PREFIX) ? table.slice(PREFIX.length) : null;
}

/** The placeholder of a table in a statement. */
export function placeholder(name: string): string {
  return `«${name}»`;
}

const PLACEHOLDER = /«([a-z0-9_]+)»/g;

/** The names of the tables that a statement has placeholders of. */
export function placeholdersIn(sql: string): readonly string[] {
  return Array.from(sql.matchAll(PLACEHOLDER), ([, name = ""]) => name);
}

/** The name of a table in the database. */
export function physicalName(name: string, id: number): string {
  return `${name}__${id}`;
}

/** The statement with the names of the database. */
export function withPhysicalNames(sql: string, idOf: (name: string) => number): string {
  return sql.replaceAll(PLACEHOLDER, (_, name: string) => physicalName(name, idOf(name)));
}

/** The error of a statement in `tables` of a model that the database refuses, such as for its syntax. */
export function refusedTable(table: string, sql: string, cause: unknown): DefinitionError {
  const reason = messageOf(cause);
  return new DefinitionError({
    message: `The database refused to create the table ${table} of a SQL model: ${reason}`,
    fix: "Correct the statement in `tables` of the model, and start the server again.",
    details: { table, sql },
    cause,
  });
}

/** A table that a view shows. */
export type ShownTable = { readonly name: string; readonly id: number; readonly log: number };

/** SQLite accepts 500 queries in one union. */
const ARMS_MAX = 250;

/** The query of a view: the rows of all its tables, with the name of their log. A dropped log is left out at once. */
export function viewQuery(tables: readonly ShownTable[]): string {
  const arms = tables.map(
    ({ name, id, log }) =>
      `select l.name as log, t.* from dacapo_logs l cross join ${physicalName(name, id)} t ` +
      `where l.id = ${log} and l.state = 'open'`,
  );
  if (arms.length <= ARMS_MAX) return arms.join(" union all ");
  const parts: string[] = [];
  for (let n = 0; n < arms.length; n += ARMS_MAX) parts.push(arms.slice(n, n + ARMS_MAX).join(" union all "));
  return parts.map((part, n) => `select * from (${part}) part${n}`).join(" union all ");
}
