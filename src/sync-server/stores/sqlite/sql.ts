/**
 * The small interface of SQLite that the stores use, so that one dialect serves `node:sqlite` and Durable Objects.
 *
 * Place: a port. `node-sqlite` and `durable-object` implement it.
 *
 * Guarantees:
 * - Every call is synchronous, so nothing runs between two statements of a transaction.
 * - A statement has at most 100 parameters, the limit of a Durable Object. So a list of any length is one parameter,
 *   read by `json_each(?)`. Parameters are plain `?`.
 */
export type SqlValue = string | number | null;

export type SqlRow = { readonly [column: string]: SqlValue };

export interface Sql {
  /**
   * Returns the rows of a query lazily: a caller that leaves the loop early reads no further rows. The caller names the
   * type of the row, and STRICT tables keep it true.
   */
  rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]): Iterable<Row>;
  /** Returns the first row of a query with few rows, or undefined. It costs less than `rows`. */
  first<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]): Row | undefined;
  run(statement: string, ...values: readonly SqlValue[]): void;
  /** `write` commits all or nothing. `read` sees one snapshot. Transactions do not nest. */
  transaction<Result>(mode: "read" | "write", work: () => Result): Result;
  /** Runs `work` inside a write transaction. If it throws, only its own changes are undone. */
  savepoint<Result>(work: () => Result): Result;
  /**
   * Calls `run` after the events that have already arrived were handled, so that their writes share one commit. Without
   * it, each write commits alone.
   */
  readonly soon?: (run: () => void) => void;
  close(): void;
}
