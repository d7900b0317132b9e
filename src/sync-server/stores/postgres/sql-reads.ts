/**
 * The reads of the SQL tables of apps in Postgres.
 *
 * Guarantees (sql-rules.ts, sql-model.postgres.test.ts):
 * - Each call sees one snapshot, with its follower (M4). Its transaction is read-only, so it changes nothing.
 */
import { DacapoError, ValidationError } from "../../../core/values/errors.ts";
import { type Json, parseOwnJson } from "../../../core/values/json.ts";
import type { Follower } from "../model-store.ts";
import {
  type KeyedRow,
  physicalName,
  type SqlLimit,
  type SqlPage,
  type SqlParam,
  type SqlReads,
  type SqlRow,
  sqlTable,
  withPhysicalNames,
} from "../sql-tables.ts";
import { numberedMarks } from "../sql/tokens.ts";
import { isRefusedStatement, reasonText } from "./failure.ts";
import type { Statements } from "./pool.ts";

/** Rows that Postgres sends first, and the most that it sends at once. Each may be large. */
const FETCH_ROWS = { first: 50, max: 200 };

/** A follower and the ids of its tables, by name. */
export type FoundTables = { readonly follower: Follower; readonly ids: ReadonlyMap<string, number> };

/** Runs a read in one transaction. */
export type ReadTransaction = <Result>(place: string, work: (sql: Statements) => Promise<Result>) => Promise<Result>;

export class PostgresSqlReads implements SqlReads {
  readonly #schema: string;
  readonly #transaction: ReadTransaction;
  readonly #find: (sql: Statements, log: string, follower: string) => Promise<FoundTables | null>;

  constructor(
    schema: string,
    transaction: ReadTransaction,
    find: (sql: Statements, log: string, follower: string) => Promise<FoundTables | null>,
  ) {
    this.#schema = schema;
    this.#transaction = transaction;
    this.#find = find;
  }

  query(
    log: string,
    follower: string,
    { sql: text, params }: { readonly sql: string; readonly params: readonly SqlParam[] },
    limit: SqlLimit,
  ): Promise<SqlPage<SqlRow> | null> {
    return this.#read(log, follower, async (sql, found) => {
      const missing: string[] = [];
      const query = withPhysicalNames(text, (name) => {
        const id = found.ids.get(sqlTable(name));
        if (id === undefined) missing.push(name);
        return id ?? 0;
      });
      if (missing.length > 0) return null;
      try {
        return { follower: found.follower, ...(await firstRows(sql, numberedMarks(query), params, limit, plainRow)) };
      } catch (error) {
        throw refusedQuery(error);
      }
    });
  }

  keyColumns(log: string, follower: string, table: string): Promise<readonly string[] | null> {
    return this.#read(log, follower, async (sql, { ids }) => {
      const id = ids.get(sqlTable(table));
      return id === undefined ? null : keyOf(sql, this.#schema, physicalName(table, id));
    });
  }

  page(
    log: string,
    follower: string,
    table: string,
    { after, to, limit }: { readonly after: string | null; readonly to: string | null; readonly limit: SqlLimit },
  ): Promise<SqlPage<KeyedRow> | null> {
    return this.#read(log, follower, async (sql, found) => {
      const id = found.ids.get(sqlTable(table));
      if (id === undefined) return null;
      const physical = physicalName(table, id);
      const columns = (await keyOf(sql, this.#schema, physical)).map((column) => `"${column.replaceAll('"', '""')}"`);
      const key = columns.join(", ");
      const values = [after, to].flatMap((one) => (one === null ? [] : parseOwnJson<SqlParam[]>(one)));
      const marks = (first: number): string => columns.map((_, n) => `$${first + n}`).join(", ");
      const bounds = [
        ...(after === null ? [] : [`(${key}) > (${marks(1)})`]),
        ...(to === null ? [] : [`(${key}) <= (${marks(after === null ? 1 : columns.length + 1)})`]),
      ];
      const query = `select jsonb_build_array(${key})::text as key, to_jsonb(t)::text as row
         from ${this.#schema}.${physical} t ${bounds.length > 0 ? `where ${bounds.join(" and ")}` : ""}
         order by ${key} limit ${limit.rows + 1}`;
      const keyed = (row: { key: string; row: string }): KeyedRow => [
        JSON.stringify(parseOwnJson<Json>(row.key)),
        row.row,
      ];
      return { follower: found.follower, ...(await firstRows(sql, query, values, limit, keyed)) };
    });
  }

  #read<Result>(
    log: string,
    follower: string,
    work: (sql: Statements, found: FoundTables) => Promise<Result | null>,
  ): Promise<Result | null> {
    return this.#transaction("SQL tables", async (sql) => {
      await sql.run("set transaction isolation level repeatable read, read only");
      await sql.run(`set local search_path to ${this.#schema}`);
      const found = await this.#find(sql, log, follower);
      return found && work(sql, found);
    });
  }
}

async function keyOf(sql: Statements, schema: string, table: string): Promise<readonly string[]> {
  const rows = await sql.rows<{ name: string }>(
    `select a.attname as name from pg_index i
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
     where i.indrelid = $1::regclass and i.indisprimary
     order by array_position(i.indkey::int2[], a.attnum)`,
    [`${schema}.${table}`],
  );
  return rows.map(({ name }) => name);
}

/** Reads the rows of a query up to a limit. It needs a cursor, because Postgres sends all rows of a plain query. */
async function firstRows<Found extends object, Row>(
  sql: Statements,
  query: string,
  params: readonly SqlParam[],
  { rows: rowsMax, bytes: bytesMax }: SqlLimit,
  rowOf: (found: Found) => Row,
): Promise<{ readonly rows: readonly Row[]; readonly more: boolean }> {
  await sql.rows(`declare dacapo_query no scroll cursor for ${query}`, params);
  const rows: Row[] = [];
  let bytes = 0;
  for (;;) {
    // Each fetch is a round trip, so it takes more rows if those before were small. Later ones may be large.
    const fitting = rows.length === 0 ? FETCH_ROWS.first : Math.ceil(((bytesMax - bytes) * rows.length) / bytes);
    const wanted = Math.max(1, Math.min(fitting, FETCH_ROWS.max, rowsMax + 1 - rows.length));
    const found = await sql.rows<Found>(`fetch ${wanted} from dacapo_query`, []);
    for (const row of found.map(rowOf)) {
      bytes += JSON.stringify(row).length;
      if (rows.length >= rowsMax || (rows.length > 0 && bytes > bytesMax)) return { rows, more: true };
      rows.push(row);
    }
    if (found.length < wanted) return { rows, more: false };
  }
}

/** A row as JSON, because the driver makes objects of times. */
function plainRow(row: object): SqlRow {
  return parseOwnJson<SqlRow>(JSON.stringify(row));
}

/** The query changes something, such as by a function. */
function isReadOnly(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "25006";
}

function refusedQuery(error: unknown): unknown {
  if (error instanceof DacapoError || !(isRefusedStatement(error) || isReadOnly(error))) return error;
  const message = `Postgres refused the query: ${reasonText(error)}`;
  return new ValidationError({ message, fix: "Correct the statement or its params.", cause: error });
}
