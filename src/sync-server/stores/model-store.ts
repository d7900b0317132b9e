/**
 * The port of read models in a server's store: followers, the tables that they fold, and the rows of these tables.
 *
 * A follower is a durable reader of one log. It has a cursor, a revision, a text of its own and tables. The store knows
 * no projection and no event. Functions of `read-models` compute each write.
 *
 * Place: a port. It is the optional member `models` of an EventStore, in the same database. Each rule is tested for
 * every store by `modelStoreConformance` (src/testing/model-store).
 *
 * Rules
 * - M1  A write MUST name the revision of each of its followers, 0 for a follower that does not exist. Otherwise (a
 *       revision differs) it writes nothing and returns `moved` with the names. Test: M1 in write-rules.ts.
 * - M2  The followers and rows of a write MUST change in one transaction, and in an append that is the transaction of
 *       its records. Otherwise a crash could separate rows from their cursor. Test: M2 in write-rules.ts.
 * - M3  The cursor of a follower MUST be null or the end of a record of this log, with its mark. Otherwise the write
 *       writes nothing and returns `moved`. Test: M3 in write-rules.ts.
 * - M4  `rows` and `followers` MUST each read one snapshot. Otherwise a page could have rows of two revisions. Test: M4
 *       in row-rules.ts.
 * - M5  Rows MUST come in the order of the UTF-8 bytes of their keys, also those of single keys, each key once. A page
 *       has as many rows as its limits allow, and at least one if there is one. `more` is true only if a row is behind
 *       the page. A tombstone is a row of 0 bytes. Otherwise two stores return different pages. Test: M5 in
 *       row-rules.ts.
 * - M6  A store MUST return the key and the text of a row unchanged, up to 1 MiB of text. Otherwise a device and a
 *       server differ. Test: M6 in row-rules.ts.
 * - M7  A write MUST orphan each table of its followers that it does not keep, and each table that a new or moved one
 *       replaces. `sweep` deletes only rows of orphaned tables. Otherwise rows of a live table are lost. Test: M7 in
 *       write-rules.ts.
 * - M8  A statement that the database refuses MUST undo its whole write, and in an append the append. The store returns
 *       `vetoed` with the event of the statement. Otherwise a refused commit leaves rows. Only a store with the member
 *       `sql` has statements. Test: M8 in sql-rules.ts.
 * - M9  A lease MUST have at most one holder at a time, by the clock of the store. Otherwise two nodes do the same
 *       work. Test: M9 in lease-rules.ts.
 * - M10 `due` MUST name each log with a missing or late follower, or with a wake time that is over, after at most one
 *       walk over all logs. It may name more logs. A follower whose mark is not that of the head is late. Otherwise a
 *       crash or a restore of a part stops a follower until the next append. Test: M10 in lease-rules.ts, and
 *       models.due-after-restore.test.ts.
 * - M11 `drop` of the event store MUST delete the followers, tables and rows of the log, and `rename` keeps them.
 *       Otherwise deleted data stays readable. Test: M11 in lease-rules.ts.
 * - M12 A write that resolved with `ok` MUST still be there after a crash. Otherwise (it rejected) the write may be
 *       there or not, so its caller reads the revision. Test: M12 in write-rules.ts.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { Follower } from "./follower.ts";
import type { SqlReads, SqlStatement, SqlTable, SqlVeto } from "./sql-tables.ts";

export type { Follower } from "./follower.ts";

/** The largest number of bytes in the text of a row, in UTF-8 (M6). */
export const ROW_BYTES_MAX = 1024 * 1024;

/** The followers of a log and its head, as of one moment. `absent`: the log has no record or outcome yet. */
export type LogFollowers =
  | { readonly kind: "absent" }
  | { readonly kind: "gone" }
  | { readonly kind: "open"; readonly head: Cursor | null; readonly followers: readonly Follower[] };

/**
 * The change of one table of a follower. `keep`: it stays, and is created if it is missing. `new`: an empty table takes
 * its place. `from`: the table of this name of another follower takes its place. In one write, tables move first.
 */
export type TableChange = "keep" | "new" | { readonly from: string };

/** The next state of a follower. */
export type FollowerNext = {
  /** The end of the last record that the tables then contain (M3). */
  readonly at: Cursor | null;
  /** The follower's own notes, as JSON. */
  readonly text: string;
  /** The time from which on `due` names the log, in milliseconds since the epoch. Null: none. */
  readonly wake: number | null;
  /** The tables that the follower then has, by name. A table that is not named is orphaned (M7). */
  readonly tables: Readonly<Record<string, TableChange>>;
  /** The SQL tables among them, by the name of the app. Absent: the write creates and shows none. */
  readonly sql?: Readonly<Record<string, SqlTable>>;
};

/** A follower of a write: the revision that the write was computed on, and the next state. */
export type FollowerWrite = {
  /** The follower's name. */
  readonly name: string;
  /** The revision that was read. 0: there was no such follower. */
  readonly revision: number;
  /** The next state. Null: the follower is removed. `check`: only the revision is compared. */
  readonly next: FollowerNext | "check" | null;
};

/** Changed rows of one table. The write must also change the follower of the table. */
export type RowChange = {
  /** The name of the follower. */
  readonly follower: string;
  /** The name of the table. */
  readonly table: string;
  /** Keys with the new texts of their rows. A null text is a tombstone: a key whose row must stay absent. */
  readonly set: readonly (readonly [key: string, text: string | null])[];
  /** Keys whose rows are removed. */
  readonly remove: readonly string[];
};

/** One write: all of it, or nothing (M1, M2). */
export type ModelWrite = {
  /** The followers, each once. */
  readonly followers: readonly FollowerWrite[];
  /** The changed rows. */
  readonly rows: readonly RowChange[];
  /** The statements on SQL tables, in order, after all other changes (M8). */
  readonly statements?: readonly SqlStatement[];
};

/** The database refused a statement of an event, such as for a unique key. Nothing was written (M8). */
export type Vetoed = {
  readonly kind: "vetoed";
  /** The name of the follower. */
  readonly follower: string;
  /** The id of the event. */
  readonly event: string;
  /** The reason, in the words of the database. */
  readonly message: string;
  /** The rejection that the statement names. */
  readonly veto?: SqlVeto;
  /**
   * The other events of a `write` that the database refuses, in order, if the statements of all refused events are left
   * out. Their statements follow those of `event`. Absent: the store stopped at `event`, so its caller writes up to
   * there.
   */
  readonly others?: readonly Vetoed[];
};

/** The result of a write. Only `ok` wrote something. */
export type ModelWriteResult =
  /** The write is done and durable. */
  | { readonly kind: "ok" }
  | Vetoed
  /** These followers have another revision, or their next cursor is not in this log. */
  | { readonly kind: "moved"; readonly followers: readonly string[] }
  /** The log has no record or outcome yet, so it can have no follower. */
  | { readonly kind: "absent" }
  /** The log was dropped. */
  | { readonly kind: "gone" };

/** The rows to read: a page of the rows of some keys, or of a range of keys. */
export type RowRange = {
  /** The last key of the page before, not included. Null: the first page. */
  readonly after: string | null;
  /** The most rows of the page, at least 1. */
  readonly limit: number;
  /** The most bytes of the texts of the page, in UTF-8. A single row may be larger (M5). */
  readonly bytes: number;
} & (
  | {
      /** The keys. A key without a row is left out. */
      readonly keys: readonly string[];
    }
  | {
      /** The first key, included. Null: the first key of the table. */
      readonly from: string | null;
      /** The end, not included. Null: the end of the table. */
      readonly to: string | null;
    }
);

/** Rows of a table, with the follower's revision and cursor of the same moment (M4). */
export type RowPage = {
  readonly follower: Follower;
  /** In order of the UTF-8 bytes of their keys. A null text is a tombstone. */
  readonly rows: readonly (readonly [key: string, text: string | null])[];
  /** True: more rows are behind this page. Read on with the same range or keys, after the last key of the page. */
  readonly more: boolean;
};

/** The logs that may need work, and the name from which the next call continues. */
export type DuePage = {
  readonly logs: readonly string[];
  /** The last name of this page. Null: the walk over all logs is complete. */
  readonly next: string | null;
};

/**
 * The read models of a store.
 *
 * Every method rejects with a StorageFullError (`storage-full`) or a StorageLostError (`storage-lost`) if the storage
 * fails or is closed.
 *
 * @example
 * // Holds your own store to the rules of this port.
 * import { modelStoreConformance } from "dacapo/testing";
 * import { describe, it } from "vitest";
 * modelStoreConformance("my store", () => myStore(), { describe, it });
 */
export interface ModelStore {
  /** The SQL tables of apps. Absent: the store has no SQL. */
  readonly sql?: SqlReads;
  /** Returns the followers of a log, sorted by name, and the log's head. */
  followers(log: string): Promise<LogFollowers>;
  /**
   * Writes followers and rows, or nothing (M1).
   *
   * @throws BugError (`bug`) if the write names a follower twice, or rows of a table that it does not change, or a text
   *   above 1 MiB.
   */
  write(log: string, write: ModelWrite): Promise<ModelWriteResult>;
  /**
   * Returns a page of rows of a table. Null: there is no such follower, or it has no such table. A store reads no text
   * of a row far behind the page, because rows of a megabyte would fill the memory.
   */
  rows(log: string, follower: string, table: string, range: RowRange): Promise<RowPage | null>;
  /**
   * Takes or renews the lease of a follower's name for `ms` milliseconds, and returns true if `holder` has it then. 0
   * milliseconds return the lease. The follower need not exist, but its log must.
   */
  lease(log: string, follower: string, holder: string, ms: number): Promise<boolean>;
  /** Deletes up to `rowsMax` rows of orphaned tables. Returns true if more are left. */
  sweep(rowsMax: number): Promise<boolean>;
  /**
   * Examines up to `limit` logs whose names follow `after`, and returns those with work: one of `followers` is missing
   * or not at the head, or a wake time is `now` or earlier (M10).
   */
  due(followers: readonly string[], now: number, after: string | null, limit: number): Promise<DuePage>;
}
