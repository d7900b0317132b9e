/**
 * What a store asks of SQLite, so that one dialect serves `node:sqlite` and Durable Objects.
 *
 * Place: `sqlite` and `durable-object` implement it in a few lines each; `sql-event-store` speaks through it alone.
 * Holds: everything is synchronous, so nothing can come between two statements of a transaction. A statement has at most 100
 * parameters (a Durable Object's limit), written as plain `?`: a list of any length goes in as one, through `json_each(?)`.
 */
export type SqlValue = string | number | null;

export type SqlRow = { readonly [column: string]: SqlValue };

export interface Sql {
  /**
   * The rows of a query, fetched as they are asked for: leave the loop and the rest is never read. The row's type is the
   * caller's word for what his query gives; STRICT tables keep it true.
   */
  rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]): Iterable<Row>;
  run(statement: string, ...values: readonly SqlValue[]): void;
  /** `write` commits all or nothing; `read` sees one snapshot. Neither nests. */
  transaction<Result>(mode: "read" | "write", work: () => Result): Result;
  /** Runs it once what has already come in was looked at: until then, writes gather for one commit. Absent: each write commits alone. */
  readonly soon?: (run: () => void) => void;
  close(): void;
}

/** The only row of a query, or undefined. */
export function firstRow<Row extends SqlRow>(rows: Iterable<Row>): Row | undefined {
  for (const row of rows) return row;
  return undefined;
}
