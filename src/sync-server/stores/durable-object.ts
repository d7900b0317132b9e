/**
 * The event store in the SQLite of a Durable Object, with the same tables and statements as `sqlite`.
 *
 * Guarantees:
 * - A commit is durable by the object's output gate (S2). No response and no frame leaves the object before the write
 *   is confirmed. If the write fails, the runtime resets the object, and its responses are not sent.
 * - A write uses `transactionSync`, because the runtime refuses BEGIN. A read needs no transaction, because nothing
 *   runs between its statements.
 */
import type { EventStore } from "./event-store.ts";
import { sqlEventStore } from "./sql-event-store.ts";
import type { Sql, SqlRow, SqlValue } from "./sql.ts";

/** The used part of `ctx.storage`, so that this file needs no types of Workers. */
export type DurableObjectSqlStorage = {
  readonly sql: { exec(query: string, ...values: SqlValue[]): Iterable<object> };
  transactionSync<Result>(work: () => Result): Result;
};

/**
 * An event store in the storage of a Durable Object with SQLite.
 *
 * @example
 * class Log extends DurableObject {
 *   readonly store = durableObjectStore(this.ctx.storage);
 * }
 */
export function durableObjectStore(storage: DurableObjectSqlStorage): EventStore {
  const sql: Sql = {
    rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // The caller names the row's type. STRICT tables keep it true (`sql.ts`).
      return storage.sql.exec(query, ...values) as Iterable<Row>;
    },
    run(statement, ...values) {
      storage.sql.exec(statement, ...values);
    },
    transaction: (mode, work) => (mode === "write" ? storage.transactionSync(work) : work()),
    close() {},
  };
  return sqlEventStore(sql);
}
