/**
 * The port behind which a device keeps its log: what the worker needs of IndexedDB, and no more.
 *
 * One store is one database: of one log, for one user, on one device. Every tab opens it; all write it in the same way:
 * read, decide purely, write naming what was read. The memory adapter shows the law, the conformance suite proves it.
 *
 * Rules
 * - L1  A promise that resolves says that the whole write is durable as told; one that rejects says that nothing of it
 *       is there. There is no third way. A full disk is `StorageFullError`, a lost database `StorageLostError`.
 * - L2  `appendPending` names the last number that its tab knew. If any later entry or generation mark stands in the store it
 *       writes nothing and says so. It writes `strict`: this is the only copy of a person's work. Commits that stand here already, pending,
 *       settled or refused, are an append whose end was not told: it is not made again, and the answer is that it was made. What it
 *       appends may be decided while it is walked through: deciding and looking at the tail go side by side.
 * - L3  Numbers of pending entries rise in the order in which commits were made, over all tabs, and are never used twice, also
 *       not after their entries have gone.
 * - L4  `confirm` names the generation and the cursor that it was computed on, and writes nothing when they have moved. Records,
 *       cursor, ended commits and rejections change in one transaction.
 * - L5  `cutBack` names generation, cursor and pending tail. It keeps the log up to one cursor, puts the given
 *       commits in the place of all that is pending, forgets what was returned from `sent`, raises the generation; all or nothing. The
 *       end that it is told to remember stands in `dropped` until the log reaches that position again.
 *       `fill` names the same, and writes a whole log into an empty store: all or nothing.
 * - L6  `refresh` is one snapshot: what it gives of head, records, pending and rejections stood together at one time.
 * - L7  Confirmed text comes back byte for byte, in order, without gap or double, whether it was sealed meanwhile or not.
 * - L8  `writeRows` names generation and checkpoint. Rows are a cache: `readRows` gives a whole set of one checkpoint or null, never a mixture, and
 *       never one that lies ahead of the log.
 * - L9  `seal` changes no reader's view.
 * - L10 A store that was closed, here or by the browser, answers `StorageLostError` or opens itself again; it never hangs.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { RejectedOutcome } from "../../core/wire/messages.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";

/** Where a database stands. Small; read and written whole. */
export type StoreHead = {
  /** This device: a UUID, made with the database. */
  readonly client: string;
  /** Raised each time histories parted. What was asked before is not taken after. */
  readonly generation: number;
  readonly cursor: Cursor | null;
  /**
   * Where the log ended when it was dropped with the right to read; null once it is filled again up to there. Until then nobody has
   * looked whether the server still has what it took before.
   */
  readonly dropped: Cursor | null;
  /** The highest number that a pending entry or a generation mark ever had. */
  readonly pendingTail: number;
};

/** What this device keeps with a commit for `undo`, and tells nobody. */
export type UndoNote = {
  /** The commands that take it back; null where there is no way back. */
  readonly inverse: readonly CommandRequest[] | null;
  /** The commit that this one takes back, or brings back. */
  readonly undoes: string | null;
  readonly redoes: string | null;
};

/** A commit that the server has not ended. `at` is the confirmed cursor when it was made: what came later may conflict. */
export type PendingEntry = {
  readonly n: number;
  readonly at: Cursor | null;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
};

/** An own commit that the server took. Offered again when histories part. */
export type SentEntry = {
  readonly n: number;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
  readonly outcome: "accepted" | "rebased";
  /** Position of its record's last event; for one that gave no events, where this device's log stood when it ended. */
  readonly position: number;
  /** Milliseconds since the epoch, the server's clock where it was heard. */
  readonly settledAt: number;
};

/** An own commit that was refused. Kept until the app retries or discards it, or until its record comes after all. */
export type RejectionEntry = {
  readonly n: number;
  readonly commit: Commit;
  readonly undo: UndoNote | null;
  readonly outcome: RejectedOutcome;
  readonly rejectedAt: number;
};

/** A run of whole records: the text that came, an object with `records`, and where it lies. */
export type ConfirmedBatch = { readonly after: Cursor | null; readonly cursor: Cursor; readonly text: string };

export type Confirmation = {
  /** Null: outcomes without records only. */
  readonly batch: ConfirmedBatch | null;
  /** Entries that ended well, pending or refused before: they move to `sent`. */
  readonly settled: readonly SentEntry[];
  /** Pending entries that were refused: they move to the rejections. */
  readonly rejected: readonly RejectionEntry[];
  /** Settled entries older than this leave `sent`; null keeps all. Milliseconds since the epoch. */
  readonly forgetSentBefore: number | null;
};

/** A log as it is taken over from elsewhere, and what is own of it. */
export type Filling = {
  readonly batch: ConfirmedBatch | null;
  /** Numbered from the tail on. */
  readonly settled: readonly SentEntry[];
  readonly rejected: readonly RejectionEntry[];
  /** In order; their numbers follow those that have ended. */
  readonly pending: readonly Omit<PendingEntry, "n">[];
};

export type Refresh = {
  readonly head: StoreHead;
  /** Confirmed batches behind the asked position, oldest first, some 4 MiB at most; `more` where that cut them short. */
  readonly batches: readonly ConfirmedBatch[];
  readonly more: boolean;
  /** Pending entries with a number above the asked one, in order. */
  readonly pending: readonly PendingEntry[];
  /** Numbers of all pending entries: what a reader holds and is not here has ended. */
  readonly pendingNumbers: readonly number[];
  /** Ids of all rejected commits. */
  readonly rejectionIds: readonly string[];
};

/** Stored rows of one table: texts of `[[key, value], …]`, by bucket. */
export type StoredTable = {
  readonly table: string;
  readonly buckets: readonly { readonly bucket: number; readonly text: string }[];
};

export type StoredRows = { readonly checkpoint: Cursor; readonly tables: readonly StoredTable[] };

/** What of `dropped` still stands when the log has come to a cursor. */
export function stillDropped(dropped: Cursor | null, cursor: Cursor | null): Cursor | null {
  return dropped !== null && positionOf(cursor) < dropped.position ? dropped : null;
}

export interface LogStore {
  head(): Promise<StoreHead>;
  /** What stands behind a position and above a pending number. (0, 0) gives everything. */
  refresh(known: { readonly position: number; readonly pendingTail: number }): Promise<Refresh>;
  /**
   * Appends commits made in this tab; their numbers follow `tail`. False: the tail has moved, nothing was written. First the entries,
   * then the rejections that they end are walked through, without a pause; each time they are the same.
   */
  appendPending(
    tail: number,
    entries: Iterable<Omit<PendingEntry, "n">>,
    endRejections: Iterable<string>,
  ): Promise<boolean>;
  /** Removes rejections that the app is done with. */
  removeRejections(ids: readonly string[]): Promise<void>;
  readRejections(): Promise<readonly RejectionEntry[]>;
  /** The settled entries with these numbers, of those that are still kept; all of them for null. In order of number. */
  readSent(numbers: readonly number[] | null): Promise<readonly SentEntry[]>;
  confirm(expected: Pick<StoreHead, "generation" | "cursor">, confirmation: Confirmation): Promise<boolean>;
  /**
   * Gives the new head, or null when the store has moved. `keep` must be the end of a record in this log, or null for none. `dropped`
   * is an end to remember.
   */
  cutBack(
    expected: Pick<StoreHead, "generation" | "cursor" | "pendingTail">,
    keep: Cursor | null,
    pending: readonly Omit<PendingEntry, "n">[],
    dropped?: Cursor,
  ): Promise<StoreHead | null>;
  /** Gives false when the store has moved. What it names must be an empty log. */
  fill(expected: Pick<StoreHead, "generation" | "cursor" | "pendingTail">, filling: Filling): Promise<boolean>;
  readRows(): Promise<StoredRows | null>;
  /**
   * Writes changed buckets and moves the checkpoint. `checkpoint` in `expected` is that of the stored rows, null where there are
   * none. With `fresh`, what was stored goes first.
   */
  writeRows(
    expected: { readonly generation: number; readonly checkpoint: Cursor | null },
    rows: StoredRows,
    fresh: boolean,
  ): Promise<boolean>;
  /** Seals confirmed batches into runs of at most 1,024 events and 1 MiB, when enough have come together. Any time, any number of times. */
  seal(): Promise<void>;
  close(): void;
  /** Deletes the database. Pending work with it: only on the app's word. */
  destroy(): Promise<void>;
}
