/**
 * The reads of the SQL tables of apps in SQLite.
 *
 * Guarantees (sql-rules.ts): each call sees one snapshot, with its follower (M4).
 */
import { type DacapoError, ValidationError } from "../../../core/values/errors.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
import { messageOf } from "../../../core/values/reason.ts";
import type { Follower } from "../model-store.ts";
import {
  type KeyedRow,
  physicalName,
  type SqlLimit,
  type SqlPage,
  type SqlParam,
  type SqlReads,
  sqlTable,
  withPhysicalNames,
} from "../sql-tables.ts";
import { wholeMarks } from "../sql/tokens.ts";
import { classifySqlError } from "./failure.ts";
import { tableId } from "./rows.ts";
import type { Sql, SqlRow, SqlValue } from "./sql.ts";

/** A log with its follower, in one snapshot. */
export type FoundFollower = { readonly log: number; readonly follower: Follower };

/** Runs a read of a follower in one snapshot. Null: there is no such follower. */
export type ReadFollower = <Result>(
  log: string,
  follower: string,
  work: (found: FoundFollower) => Result | null,
) => Promise<Result | null>;

export class SqliteSqlReads implements SqlReads {
  readonly #sql: Sql;
  readonly #read: ReadFollower;

  constructor(sql: Sql, read: ReadFollower) {
    this.#sql = sql;
    this.#read = read;
  }

  query(
    name: string,
    follower: string,
    { sql, params }: { readonly sql: string; readonly params: readonly SqlParam[] },
    limit: SqlLimit,
  ): Promise<SqlPage<SqlRow> | null> {
    return this.#read(name, follower, (found) => {
      const missing: string[] = [];
      const text = withPhysicalNames(sql, (table) => {
        const id = tableId(this.#sql, found.log, follower, sqlTable(table));
        if (id === undefined) missing.push(table);
        return id ?? 0;
      });
      if (missing.length > 0) return null;
      try {
        return {
          follower: found.follower,
          ...takeRows(
            this.#sql.rows(`select * from (${wholeMarks(text, params)}\n) limit ${limit.rows + 1}`, ...params),
            limit,
          ),
        };
      } catch (error) {
        throw refusedQuery(error);
      }
    });
  }

  keyColumns(name: string, follower: string, table: string): Promise<readonly string[] | null> {
    return this.#read(name, follower, ({ log }) => {
      const id = tableId(this.#sql, log, follower, sqlTable(table));
      return id === undefined ? null : this.#keyOf(physicalName(table, id));
    });
  }

  page(
    name: string,
    follower: string,
    table: string,
    { after, to, limit }: { readonly after: string | null; readonly to: string | null; readonly limit: SqlLimit },
  ): Promise<SqlPage<KeyedRow> | null> {
    return this.#read(name, follower, (found) => {
      const id = tableId(this.#sql, found.log, follower, sqlTable(table));
      if (id === undefined) return null;
      const physical = physicalName(table, id);
      const columns = this.#keyOf(physical);
      const key = columns.map(quoted).join(", ");
      const marks = columns.map(() => "?").join(", ");
      const bounds = [
        after === null ? [] : `(${key}) > (${marks})`,
        to === null ? [] : `(${key}) <= (${marks})`,
      ].flat();
      const where = bounds.length > 0 ? `where ${bounds.join(" and ")}` : "";
      const values = [after, to].flatMap((one) => (one === null ? [] : parseOwnJson<SqlValue[]>(one)));
      const rows = this.#sql.rows<SqlRow>(
        `select * from ${physical} ${where} order by ${key} limit ${limit.rows + 1}`,
        ...values,
      );
      const { rows: taken, more } = takeRows(rows, limit);
      const keyed = taken.map((row): KeyedRow => [jsonOf(columns.map((column) => row[column])), jsonOf(row)]);
      return { follower: found.follower, rows: keyed, more };
    });
  }

  #keyOf(physical: string): readonly string[] {
    const query = "select name from pragma_table_info(?) where pk > 0 order by pk";
    return Array.from(this.#sql.rows<{ name: string }>(query, physical), ({ name }) => name);
  }
}

function takeRows(
  found: Iterable<SqlRow>,
  { rows: rowsMax, bytes: bytesMax }: SqlLimit,
): { readonly rows: readonly SqlRow[]; readonly more: boolean } {
  const rows: SqlRow[] = [];
  let bytes = 0;
  let more = false;
  for (const row of found) {
    bytes += jsonOf(row).length;
    more ||= rows.length >= rowsMax || (rows.length > 0 && bytes > bytesMax);
    // It reads to the end, because a Durable Object cannot close a cursor.
    if (!more) rows.push({ ...row });
  }
  return { rows, more };
}

/** The error for the caller of a refused query. The store itself is not affected. */
function refusedQuery(error: unknown): DacapoError {
  const { error: failure } = classifySqlError(error, "query");
  if (failure.code !== "bug") return failure;
  const message = `SQLite refused the query: ${messageOf(error)}`;
  return new ValidationError({ message, fix: "Correct the statement or its params.", cause: error });
}

function quoted(column: string): string {
  return `"${column.replaceAll('"', '""')}"`;
}

/** JSON in which the bytes of a blob are an array, in Node and in a Durable Object. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof ArrayBuffer) return Array.from(new Uint8Array(one));
    return one instanceof Uint8Array ? Array.from(one) : one;
  });
}
