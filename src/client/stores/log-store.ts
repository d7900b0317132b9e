/**
 * The port through which a device stores its log.
 *
 * Place: between the worker and a store (IndexedDB, memory). One store is one database of one log, for one user, on
 * one device. Every tab opens the same database. Each write reads, decides purely, and names the state that it read.
 *
 * Rules
 * - L1  A promise that resolves MUST mean that the whole write is durable, and a promise that rejects MUST mean that
 *       the store contains nothing of it. Otherwise a person loses work that seemed saved, or makes saved work twice. A
 *       full disk is `StorageFullError`. A lost database is `StorageLostError`.
 *       Test: `L1 confirm, cutBack: a failed write stores nothing`
 * - L2  `appendPending` MUST write nothing and return false if the store contains an entry or a generation mark above
 *       the tail that the caller names. Otherwise a commit is stored that was decided on an old state. It writes with
 *       durability `strict`, because this is the only copy of a person's work. If these commits are in the store
 *       already (pending, sent or rejected), it returns true and writes nothing, because an earlier append succeeded
 *       without a report. The iterables may decide the commits while the store reads its tail.
 *       Test: `L2 appendPending: a tab with a stale tail appends nothing and removes no rejection`
 * - L3  Numbers of pending entries MUST rise in the order in which all tabs made their commits, and the store MUST NOT
 *       use a number twice, also after its entry was removed. Otherwise a stale tab does not notice that the tail
 *       moved.
 *       Test: `L3 appendPending: numbers follow the tail, and a number is never used twice`
 * - L4  `confirm` MUST write nothing if the generation or the cursor differs from those that the caller names.
 *       Otherwise a former leader overwrites the log of the current leader. Records, cursor, settled commits and
 *       rejections change in one transaction.
 *       Test: `L4 confirm: returns false on an old cursor or generation, and writes nothing`
 * - L5  `cutBack` and `fill` MUST write nothing if generation, cursor or pending tail differ from those that the caller
 *       names. Otherwise commits are lost that a tab appended in between. `cutBack` keeps the log up to one cursor,
 *       replaces all pending entries by the given commits, removes these commits from `sent`, and raises the
 *       generation, all or nothing. Its argument `droppedEnd` stays in the head until the log reaches that position
 *       again. Without it, this is the cursor to keep, because a base may allow no cut there (L14).
 *       `fill` writes a whole log into an empty store, all or nothing.
 *       Test: `L5 cutBack: returns null when generation, cursor or tail moved, and writes nothing`
 * - L6  `refresh` MUST return head, records, pending entries and rejections of one snapshot. Otherwise a reader sees a
 *       commit twice or not at all.
 *       Test: `L6 refresh: shows a commit as pending or as confirmed, never as both or neither`
 * - L7  `refresh` MUST return confirmed text byte for byte, in order, without a gap or a duplicate, sealed or not.
 *       Otherwise devices compute different rows from the same log.
 *       Test: `L7 refresh: from any record on, returns exactly the later records, sealed or not`
 * - L8  `writeRows` MUST write nothing if generation or checkpoint differ from those that the caller names. Otherwise
 *       the stored rows mix two checkpoints. Rows are a cache. `readRows` returns all rows of one checkpoint or null,
 *       and never rows that are ahead of the log.
 *       Test: `L8 writeRows: writes nothing on another checkpoint or generation`
 * - L9  `seal` MUST NOT change the records that a reader gets. Otherwise reading the log depends on when it was sealed.
 *       Test: `L9 seal: joins many batches into few runs, and changes nothing else for a reader`
 * - L10 A store that the app or the browser closed MUST report `StorageLostError` or open itself again. Otherwise a
 *       call waits forever.
 *       Test: `L10 close: the closed handle reports storage-lost, and other handles continue`
 * - L11 `destroy` MUST delete nothing if the store moved from the head that the caller names. Otherwise a commit of
 *       another tab is lost.
 *       Test: `L11 destroy: deletes nothing and returns false when the store moved`
 * - L12 `setServer` MUST write nothing if the stored id differs from the one that the caller names. Otherwise a tab
 *       undoes the app's choice of a server. The id stays when the log is cut back.
 *       Test: `L12 setServer: keeps the first id until a caller names it, also after a cut`
 * - L13 `replaceRows` MUST replace all stored rows and raise `rebuilds` in one `strict` transaction, or write nothing
 *       if generation or `rebuilds` differ from those that the caller names. `writeRows` MUST write nothing on another
 *       `rebuilds`. Otherwise a tab that has not seen the rebuilt rows writes its old rows over them.
 *       Test: `L13 replaceRows: replaces all rows once, and refuses the old rows of another tab after that`
 * - L14 `join` MUST write nothing and return false if the generation differs from the one that the caller names, or the
 *       log has records. Otherwise it stores the rows, their checkpoint as beginning and end of the log, and a raised
 *       generation, all or nothing. Pending, sent and rejected commits stay, and so does a `droppedEnd` behind the
 *       base. A cut that leaves no rows for its end MUST keep nothing. Otherwise a device folds later records on rows
 *       that lack earlier ones.
 *       Test: `L14 join: an empty log begins at the rows of a base, and keeps its pending commits`
 */
import type { Commit } from "../../core/history/commit.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { PackedTable } from "../../core/fold/packed-tables.ts";
import type { RejectedOutcome } from "../../core/wire/messages.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";

/** The state of a database in short. The store reads and writes it as a whole. */
export type StoreHead = {
  /** The id of this device, a UUID that is made with the database. */
  readonly client: string;
  /** Rises each time histories diverge. Results of requests from an earlier generation are ignored. */
  readonly generation: number;
  /** Rises each time `replaceRows` replaced the stored rows. A tab that has rows of before loads them again. */
  readonly rebuilds: number;
  readonly cursor: Cursor | null;
  /**
   * The end of a log that was dropped: with the right to read, or with a base whose rows are of no use. Null after the
   * log reaches that position again. Until then the device has not checked whether the server still has the records.
   */
  readonly droppedEnd: Cursor | null;
  /** The highest number that a pending entry or a generation mark has ever had. */
  readonly pendingTail: number;
};

/** The head that a write was computed on. If the store moved since, the write does nothing. */
export type ExpectedHead = Pick<StoreHead, "generation" | "cursor" | "pendingTail">;

/** True if a store is at the head that a write was computed on. */
export function isUnmoved({ generation, cursor, pendingTail }: ExpectedHead, expected: ExpectedHead): boolean {
  return (
    generation === expected.generation && sameCursor(cursor, expected.cursor) && pendingTail === expected.pendingTail
  );
}

/** Data for `undo` that this device stores with a commit and never sends. */
export type UndoNote = {
  /** The commands that undo the commit. Null if it cannot be undone. */
  readonly inverse: readonly CommandRequest[] | null;
  /** The id of the commit that this commit undoes. */
  readonly undoes: string | null;
  /** The id of the commit that this commit redoes. */
  readonly redoes: string | null;
};

/**
 * A commit without an outcome from the server. `at` is the confirmed cursor of its making: later records may conflict.
 */
export type PendingEntry = {
  readonly n: number;
  readonly at: Cursor | null;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
};

/** An own commit that the server accepted. The device sends it again if histories diverge. */
export type SentEntry = {
  readonly n: number;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
  readonly outcome: "accepted" | "rebased";
  /** Position of its record's last event. For a commit without events, the end of this device's log when it settled. */
  readonly position: number;
  /** The keys of the inputs that an older server dropped. */
  readonly dropped?: readonly string[];
  /**
   * Milliseconds since the epoch, by the server's clock. Null: the device has no record, so it does not know that
   * clock. It keeps such an entry for good, because its own clock may be years behind.
   */
  readonly settledAt: number | null;
};

/**
 * An own commit that the server rejected. It stays until the app retries or discards it, or until its record arrives.
 */
export type RejectionEntry = {
  readonly n: number;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
  readonly outcome: RejectedOutcome;
  readonly rejectedAt: number;
};

/**
 * A run of whole records. `text` is the received JSON, an object with `records`. It follows `after` and ends at
 * `cursor`.
 */
export type ConfirmedBatch = { readonly after: Cursor | null; readonly cursor: Cursor; readonly text: string };

export type Confirmation = {
  /** Null if there are only outcomes without records. */
  readonly batch: ConfirmedBatch | null;
  /** Entries that the server accepted. They move to `sent` from the pending entries or from the rejections. */
  readonly settled: readonly SentEntry[];
  /** Pending entries that the server rejected. They move to the rejections. */
  readonly rejected: readonly RejectionEntry[];
  /** Removes entries from `sent` that settled before this time, in milliseconds since the epoch. Null keeps all. */
  readonly forgetSentBefore: number | null;
};

/** A log from another store, with the own commits in it. */
export type Filling = {
  readonly batch: ConfirmedBatch | null;
  /** Their numbers follow the tail. */
  readonly settled: readonly SentEntry[];
  readonly rejected: readonly RejectionEntry[];
  /** In order. Their numbers follow those of the settled and rejected entries. */
  readonly pending: readonly Omit<PendingEntry, "n">[];
};

export type Refresh = {
  readonly head: StoreHead;
  /** Where the log begins that joined from a base (L14). Null: at its first record. */
  readonly base: Cursor | null;
  /**
   * Confirmed batches after the requested position, oldest first, about 4 MiB at most. `more` says that batches are
   * left.
   */
  readonly batches: readonly ConfirmedBatch[];
  readonly more: boolean;
  /** Pending entries with a number above the requested one, in order. */
  readonly pending: readonly PendingEntry[];
  /** Numbers of all pending entries. An entry that a reader knows and that is not here has settled. */
  readonly pendingNumbers: readonly number[];
  /** Ids of all rejected commits. */
  readonly rejectionIds: readonly string[];
};

export type StoredRows = {
  readonly checkpoint: Cursor;
  readonly tables: readonly PackedTable[];
  /** The version of the domain that folded them. Older releases of Dacapo stored none. */
  readonly version?: number;
};

/** Returns the end of a dropped log while the log ends before it, and null after that. */
export function stillDropped(end: Cursor | null, cursor: Cursor | null): Cursor | null {
  return end !== null && positionOf(cursor) < end.position ? end : null;
}

/**
 * Where a log with a base may be cut: at `keep` if its stored rows are not behind it, otherwise before everything. Then
 * the device joins again.
 */
export function keptBehind(base: Cursor | null, checkpoint: Cursor | null, keep: Cursor | null): Cursor | null {
  const isLost = positionOf(keep) < positionOf(base) || positionOf(checkpoint) > positionOf(keep);
  return base !== null && isLost ? null : keep;
}

export interface LogStore {
  head(): Promise<StoreHead>;
  /**
   * Reads the records after a position and the entries above a pending number. (0, 0) reads everything. A log that
   * joined from a base has only the records behind it.
   */
  refresh(known: { readonly position: number; readonly pendingTail: number }): Promise<Refresh>;
  /**
   * Appends commits of this tab. Their numbers follow `tail`. If the tail moved, it writes nothing and returns false.
   * It iterates over the entries first and over the rejections to remove second, without a pause. Each iterable may run
   * more than once, and yields the same items each time.
   */
  appendPending(
    tail: number,
    entries: Iterable<Omit<PendingEntry, "n">>,
    endRejections: Iterable<string>,
  ): Promise<boolean>;
  /** Removes rejections that the app has handled. */
  removeRejections(ids: readonly string[]): Promise<void>;
  readRejections(): Promise<readonly RejectionEntry[]>;
  /**
   * Reads the sent entries with these numbers, as far as the store still contains them. Null reads all. Sorted by
   * number.
   */
  readSent(numbers: readonly number[] | null): Promise<readonly SentEntry[]>;
  confirm(expected: Pick<StoreHead, "generation" | "cursor">, confirmation: Confirmation): Promise<boolean>;
  /**
   * Returns the new head, or null if the store moved. Its cursor is `keep`, or null if a base allows no cut there
   * (L14). `keep` must be the end of a record in this log, or null to keep no record. `droppedEnd` is the end of a log
   * to remember.
   */
  cutBack(
    expected: ExpectedHead,
    keep: Cursor | null,
    pending: readonly Omit<PendingEntry, "n">[],
    droppedEnd?: Cursor,
  ): Promise<StoreHead | null>;
  /** Returns false if the store moved. `expected` must describe an empty log. */
  fill(expected: ExpectedHead, filling: Filling): Promise<boolean>;
  /** Begins an empty log at the rows of a base. Returns false if the store moved, or has records. */
  join(expected: Pick<StoreHead, "generation">, base: StoredRows): Promise<boolean>;
  readRows(): Promise<StoredRows | null>;
  /**
   * Writes changed buckets and moves the checkpoint. `expected.checkpoint` is the checkpoint of the stored rows, or
   * null if there are none. `fresh` removes all stored rows first.
   */
  writeRows(
    expected: Pick<StoreHead, "generation" | "rebuilds"> & { readonly checkpoint: Cursor | null },
    rows: StoredRows,
    fresh: boolean,
  ): Promise<boolean>;
  /** Replaces all stored rows, whatever their checkpoint. Without tables, the next tab to open folds the log. */
  replaceRows(expected: Pick<StoreHead, "generation" | "rebuilds">, rows: StoredRows): Promise<boolean>;
  /**
   * Joins confirmed batches into runs of at most 1,024 events and 1 MiB, if there are enough for a run. A caller may
   * run it at any time and any number of times.
   */
  seal(): Promise<void>;
  /** The id of the sync server that this log belongs to. Null: no server has reported one yet. */
  readServer(): Promise<string | null>;
  /** Stores the id of the server if the stored one is `expected`. Returns the stored id after that. */
  setServer(expected: string | null, id: string): Promise<string | null>;
  close(): void;
  /**
   * Deletes the database with all pending work. Call it only if the app requests it. If the store moved from
   * `expected`, it deletes nothing and returns false.
   */
  destroy(expected?: ExpectedHead): Promise<boolean>;
}
