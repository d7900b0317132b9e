/**
 * The event store in the SQLite of a Durable Object: the same tables and statements as `sqlite`.
 *
 * Place: hands the object's storage to `sql-event-store`, which does the rest.
 * Holds: durable by the object's output gate: no answer and no frame leaves the object before what was written is confirmed, and
 * where that fails the object is reset with its answers unsent. A write takes `transactionSync` (BEGIN is refused there). A read
 * needs no transaction: nothing runs between its statements.
 */
import type { EventStore } from "./event-store.ts";
import { sqlEventStore } from "./sql-event-store.ts";
import type { Sql, SqlRow, SqlValue } from "./sql.ts";

/** What is used of `ctx.storage`, so that no types of Workers are needed here. */
export type DurableObjectSqlStorage = {
  readonly sql: { exec(query: string, ...values: SqlValue[]): Iterable<object> };
  transactionSync<Result>(work: () => Result): Result;
};

/**
 * Logs in the storage of a Durable Object with SQLite.
 *
 * @example
 * class Log extends DurableObject {
 *   readonly store = durableObjectStore(this.ctx.storage);
 * }
 */
export function durableObjectStore(storage: DurableObjectSqlStorage): EventStore {
  const sql: Sql = {
    rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // The caller's word for what his query gives: see the port.
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
