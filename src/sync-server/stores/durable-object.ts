/**
 * The event store in the SQLite of a Durable Object, with the same tables and statements as `sqlite`.
 *
 * Guarantees:
 * - A commit is durable by the object's output gate (S2). No response and no frame leaves the object before the write
 *   is confirmed. If the write fails, the runtime resets the object, and its responses are not sent.
 * - A write uses `transactionSync`, because the runtime refuses BEGIN. A read needs no transaction, because nothing
 *   runs between its statements.
 * - Without a write the database has no table, because an object with stored data costs money for ever
 *   (cloudflare.guard.test.ts).
 * - If there is no room, appends are refused and reads continue (durable-object.full.test.ts). Followers have some room
 *   more, in which they store what they did and when they try again (cloudflare.full.test.ts).
 * - A ticket opens one socket, also if the object loses its memory (cloudflare.sync.test.ts).
 */
import { StorageFullError } from "../../core/values/errors.ts";
import type { EventStore } from "./event-store.ts";
import type { ModelStore } from "./model-store.ts";
import { sqlEventStore } from "./sqlite/tables.ts";
import { hasLayout } from "./sqlite/layout.ts";
import type { Sql, SqlRow, SqlValue } from "./sqlite/sql.ts";

/** The used part of `ctx.storage`, so that this file needs no types of Workers. */
export type DurableObjectSqlStorage = {
  readonly sql: {
    exec(query: string, ...values: SqlValue[]): Iterable<object>;
    /** Bytes of the database. */
    readonly databaseSize: number;
  };
  transactionSync<Result>(work: () => Result): Result;
};

/** The store of an object. */
export type DurableObjectStore = EventStore & {
  /** When the oldest kept outcome of a log was received, or null. Milliseconds since the epoch. */
  readonly oldestOutcome: (log: string) => Promise<number | null>;
};

export type DurableObjectStoreOptions = {
  /** Bytes of the database from which on appends are refused. */
  readonly bytesMax?: number;
  /**
   * Called right after the transaction of an append with records. Its writes are durable together with the append,
   * because the runtime confirms all writes of one turn of the event loop at once.
   */
  readonly onAppend?: () => void;
  /**
   * True: no other node uses the storage, so a lease is granted without a write.
   *
   * @default false
   */
  readonly isOnlyNode?: boolean;
  /** Called before an append if the database uses more than 80 % of `bytesMax`, once for each store. */
  readonly onNearlyFull?: (error: StorageFullError) => void;
};

/** Cloudflare allows 10 GB for each object. The rest is for the tables' pages that an append may add. */
const BYTES_MAX = 9_900_000_000;
/**
 * Room above `bytesMax` for the rows of followers, which grow no more once appends are refused. Without it, a follower
 * of a full log could not store its attempts, and would repeat them for ever.
 */
const FOLLOWERS_BYTES = 50_000_000;
const WARN_SHARE = 0.8;
const FULL_FIX = "Continue in a new log, or move this log to another server by its export.";

/**
 * An event store in the storage of a Durable Object with SQLite.
 *
 * @example
 * class Log extends DurableObject {
 *   readonly store = durableObjectStore(this.ctx.storage);
 * }
 */
export function durableObjectStore(
  storage: DurableObjectSqlStorage,
  { bytesMax = BYTES_MAX, onNearlyFull, onAppend, isOnlyNode = false }: DurableObjectStoreOptions = {},
): DurableObjectStore {
  let hasAppended = false;
  const sql: Sql = {
    rows<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // The caller names the row's type. STRICT tables keep it true (`sql.ts`).
      return storage.sql.exec(query, ...values) as Iterable<Row>;
    },
    first<Row extends SqlRow>(query: string, ...values: readonly SqlValue[]) {
      // It reads all rows, because an open cursor prevents the removal of a table.
      const [first] = [...storage.sql.exec(query, ...values)];
      return first as Row | undefined;
    },
    run(statement, ...values) {
      storage.sql.exec(statement, ...values);
    },
    // It nests, because the runtime makes a savepoint for each.
    savepoint: (work) => storage.transactionSync(work),
    transaction: (mode, work) => {
      if (mode === "read") return work();
      hasAppended = false;
      const result = storage.transactionSync(work);
      if (hasAppended) onAppend?.();
      return result;
    },
    close() {},
  };
  let isWarned = false;
  const assertRoom = (bytes: number, kind: "append" | "models"): void => {
    const used = storage.sql.databaseSize;
    const details = { usedBytes: used, bytesMax };
    const roomMax = kind === "append" ? bytesMax : bytesMax + FOLLOWERS_BYTES;
    // An append without bytes only forgets outcomes.
    if (bytes > 0 && used + bytes > roomMax)
      throw new StorageFullError({ message: "The storage of this log is full", fix: FULL_FIX, details });
    if (isWarned || used < bytesMax * WARN_SHARE) return;
    isWarned = true;
    const message = `The storage of this log is ${Math.floor((used / bytesMax) * 100)} % full`;
    onNearlyFull?.(new StorageFullError({ message, fix: FULL_FIX, details }));
  };
  const store = sqlEventStore(sql, {
    isLazy: true,
    survivesFull: true,
    assertRoom,
    onAppend: () => void (hasAppended = true),
    spend: spendIn(sql),
  });
  const oldestOutcome = async (log: string): Promise<number | null> => {
    if (!hasLayout(sql)) return null;
    const row = sql.first<{ oldest: number | null }>(
      "select min(received) as oldest from dacapo_outcomes where log = (select id from dacapo_logs where name = ?)",
      log,
    );
    return row?.oldest ?? null;
  };
  const lease: ModelStore["lease"] = async (_log, _follower, _holder, ms) => ms > 0;
  if (isOnlyNode && store.models) Object.assign(store.models, { lease });
  return Object.assign(store, { oldestOutcome });
}

function spendIn(sql: Sql) {
  return (nonce: string, until: number, now: number): boolean =>
    sql.transaction("write", () => {
      sql.run(
        "create table if not exists dacapo_spent_tickets (nonce text primary key, until integer not null) " +
          "strict, without rowid",
      );
      sql.run("delete from dacapo_spent_tickets where until <= ?", now);
      const spent = sql.rows(
        "insert into dacapo_spent_tickets (nonce, until) values (?, ?) on conflict do nothing returning nonce",
        nonce,
        until,
      );
      return [...spent].length > 0;
    });
}
