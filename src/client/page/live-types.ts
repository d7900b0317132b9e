/**
 * The values of a handle that change: a live value, and live rows.
 *
 * Guarantees:
 * - Everything here is readonly and plain JSON.
 * - A `Live` value calls its listeners after it changed, so `get()` inside a listener returns the new value.
 */
import type { RowEntry } from "../../core/fold/rows.ts";

/**
 * A value that changes.
 *
 * @example
 * const unsubscribe = log.status.subscribe(({ pending }) => console.log(pending));
 * unsubscribe();
 */
export interface Live<Value> {
  /** Returns the present value. */
  readonly get: () => Value;
  /** Calls `listener` after each change, and returns a function that ends this. */
  readonly subscribe: (listener: (value: Value) => void) => () => void;
}

/**
 * A live row table: the confirmed rows, with the changes of pending commits over them.
 *
 * @example
 * const rows = log.rows(board);
 * await rows.ready;
 * const done = rows.all().filter(({ row }) => row.done);
 */
export interface LiveRows<Row> extends Live<readonly TypedRowEntry<Row>[]> {
  /** Returns the row with a key, or undefined. */
  row(key: string): TypedRowEntry<Row> | undefined;
  /** Returns all rows in the order of their keys. The array is the same until a row changes. */
  all(): readonly TypedRowEntry<Row>[];
  /**
   * Resolves once the worker sent the rows for the first time. Until then, there are no rows.
   *
   * Rejects with `invalid` where the worker's domain lacks the projection, and with `log-closed`.
   */
  readonly ready: Promise<void>;
}

/**
 * A row with its key. `pending` is true while a pending commit changes the row.
 *
 * @example
 * const title = ({ row, pending }: TypedRowEntry<RowOf<typeof board>>) => (pending ? `${row.title} …` : row.title);
 */
export type TypedRowEntry<Row> = Omit<RowEntry, "row"> & { readonly row: Row };
