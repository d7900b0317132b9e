/**
 * The port of the server's storage: a store keeps logs of records, and the outcomes without a record.
 *
 * Place: a port. The log writer reads, decides and appends. `append` names the head that the writer decided on. So a
 * store needs no locks and no callbacks. Each rule is tested for every store by `eventStoreConformance`
 * (src/testing/event-store).
 *
 * Rules
 * - S1  `append` MUST write a batch only if the log's head is `expected` and every id is free (S8). Otherwise it writes
 *       nothing, and returns `moved` with the head, or `known` with the ids. Test: S1 in append-rules.ts.
 * - S2  A batch whose `append` resolved with `ok` MUST still be there after a crash of the process or the machine.
 *       Otherwise (`append` rejected) the batch may be there or not, so the writer reads again before it answers. Test:
 *       S2 in append-rules.ts and sqlite.test.ts.
 * - S3  Each record of a log MUST begin one position after the end of the record before it. Otherwise `append` rejects
 *       the batch. Test: S3 in append-rules.ts.
 * - S4  A reader MUST see a whole batch or nothing of it. Otherwise it could take a part of a batch for the whole log.
 *       Test: S4 in append-rules.ts.
 * - S5  `read` MUST return records only if the cursor's mark is the log's mark at that position, and it MUST check and
 *       read in one snapshot. Otherwise it returns `diverged`, also for a position after the head. Test: S5 in
 *       read-rules.ts.
 * - S6  A page MUST end at the end of a record and stay within the limits of events and bytes. Otherwise (the first
 *       record alone exceeds a limit) the page contains that record alone, because an empty page would stop its reader.
 *       Test: S6 in read-rules.ts.
 * - S7  A store MUST return the text of a record byte for byte. Otherwise two devices could fold different records.
 *       Test: S7 in read-rules.ts.
 * - S8  A log MUST have at most one record under a commit's id, and each actor at most one record or one kept outcome
 *       under it. Otherwise `append` writes nothing. An outcome of one actor keeps no other actor from the id. After
 *       the record, `append` accepts no outcome under its id. Logs are independent of each other. Test: S8 in
 *       log-rules.ts and append-rules.ts.
 * - S9  A store MUST forget a kept outcome only by age, or because its actor has more than its share in the log, oldest
 *       first. Otherwise it keeps the outcome. Test: S9 in log-rules.ts.
 * - S10 A dropped log MUST stay `gone` for good. Otherwise a device could take a new log of that name for the old one.
 *       Test: S10 in log-rules.ts.
 * - S11 A log MUST exist from its first record or outcome on. Otherwise (before that) it is `absent`, and reading
 *       creates nothing. Test: S11 in log-rules.ts.
 * - S12 `id` MUST return the same text each time, also after the store was closed, opened again or restored. Otherwise
 *       devices take the server for another one, and stop. Test: S12 in log-rules.ts and sqlite.test.ts.
 *
 * Rules of the optional members, for a store that has them
 * - S13 `hints` MUST reach every other node that listens, and never their sender. Otherwise (a hint is lost) `onHint`
 *       gets null once the node hears again. Test: S13 in node-rules.ts.
 * - S14 `presence` MUST deliver the messages of a node unchanged, in order, at most once, and never to their sender.
 *       Otherwise a message is lost, and the node sends its content again within seconds. Test: S14 in node-rules.ts.
 * - S15 `tickets` MUST return true once for a nonce, over all nodes and openings of the store, until the nonce expires.
 *       Otherwise a stolen ticket could open a second socket. Test: S15 in node-rules.ts.
 * - S20 `takeTurn` MUST run one turn of a log at a time over all nodes, and no append of another node during it. A log
 *       without a record has no turns. Otherwise (`work` or the store fails) the append of the turn is written or not,
 *       as S2 says, the call rejects, and the turn ends. Test: S20 in turn-rules.ts.
 *
 * Rules of moving a log, for every store
 * - S16 `outcomes` MUST return each kept outcome of a log once, over all pages. Otherwise a moved log would decide a
 *       commit again that its device knows as rejected. Test: S16 in move-rules.ts.
 * - S17 `rename` MUST assign another name to a whole log in one step. Otherwise (the other name has records, shares a
 *       commit, or was dropped) it changes nothing and returns the reason. Test: S17 in move-rules.ts.
 * - S18 `adoptId` MUST change the id only while the store has no log. Otherwise the devices that know the store by its
 *       id would stop, so it returns false and changes nothing. Test: S18 in move-rules.ts.
 *
 * Rules of reading many streams
 * - S19 `written` MUST return each of the given streams that has an event, and no other stream. Otherwise the server
 *       would decide on an empty state of a stream that has events. Test: S19 in read-rules.ts.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { SpentTickets, StoreHints, StorePresence } from "./between-nodes.ts";
import type { ModelStore, ModelWrite, Vetoed } from "./model-store.ts";

/** A record as a store keeps it: its text, and the fields that the store finds it by. */
export type StoredRecord = {
  /** Position of its first event. */
  readonly position: number;
  /** The position of its last event, and the record's mark. */
  readonly cursor: Cursor;
  /** Id of the commit. */
  readonly commit: string;
  /** The author's verified name. */
  readonly actor: string;
  /** The streams that it writes, each once, with the versions of its first and last event there. */
  readonly streams: readonly {
    /** The stream's name. */
    readonly stream: string;
    /** The version of the record's first event in the stream. */
    readonly first: number;
    /** The version of the record's last event in the stream. */
    readonly last: number;
  }[];
  /** JSON of the commit record. */
  readonly text: string;
};

/** An outcome without a record: the commit was rejected, or it was accepted and has no events. */
export type KeptOutcome = {
  /** Id of the commit. */
  readonly commit: string;
  /** The actor to whom the outcome belongs. */
  readonly actor: string;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly received: number;
  /** JSON of the outcome. */
  readonly text: string;
};

/** A batch for one `append`: everything is written, or nothing. */
export type Append = {
  /** The head that the batch was computed on. Null: the log has no record yet. */
  readonly expected: Cursor | null;
  /** The records, in order and without gaps behind `expected`. */
  readonly records: readonly StoredRecord[];
  /** The outcomes without a record. */
  readonly outcomes: readonly KeptOutcome[];
  /** The store forgets kept outcomes that were received before this time. Milliseconds since the epoch. */
  readonly forgetOutcomesBefore: number;
  /** The most kept outcomes of one actor in this log. The store forgets the oldest beyond it. */
  readonly outcomesPerActorMax: number;
  /** A write of read models that belongs to this batch (M2 in model-store.ts). Only for a store with `models`. */
  readonly models?: ModelWrite;
};

/** The result of an append. Only `ok` wrote something. */
export type AppendResult =
  /** The batch is written and durable. */
  | { readonly kind: "ok" }
  /** The head is not `expected`. Nothing was written. */
  | { readonly kind: "moved"; readonly head: Cursor | null }
  /** The log knows these commit ids already. Nothing was written. */
  | { readonly kind: "known"; readonly commits: readonly string[] }
  /** These followers of `models` have another revision. Nothing was written. */
  | { readonly kind: "model-moved"; readonly followers: readonly string[] }
  | Vetoed
  /** The log was dropped. Nothing was written. */
  | { readonly kind: "gone" };

/** The record under a commit's id, or null, and the kept outcome of each actor that used the id. */
export type KnownCommit = {
  /** The author of the record under this id, and its end. Null: no record has this id. */
  readonly record: { readonly actor: string; readonly at: Cursor } | null;
  /** The kept outcomes under this id: each actor with the JSON of the outcome. */
  readonly outcomes: readonly { readonly actor: string; readonly text: string }[];
};

/** `absent`: the log has no record or outcome yet. `gone`: the log was dropped. `cursor` is null without a record. */
export type LogHead =
  { readonly kind: "absent" } | { readonly kind: "gone" } | { readonly kind: "open"; readonly cursor: Cursor | null };

/** The most events of a page, and the most bytes of its record texts in UTF-8 (S6). */
export type ReadLimit = {
  /** The most events. */
  readonly events: number;
  /** The most bytes of record texts. */
  readonly bytes: number;
};

/** `diverged`: the log does not contain the cursor (S5). */
export type ReadResult =
  | { readonly kind: "page"; readonly records: readonly StoredRecord[]; readonly head: Cursor | null }
  | { readonly kind: "diverged"; readonly head: Cursor | null }
  | { readonly kind: "absent" }
  | { readonly kind: "gone" };

/** The place of a kept outcome in the order of `outcomes`. */
export type OutcomeKey = Pick<KeptOutcome, "commit" | "actor">;

/**
 * The result of `rename`. Only `ok` changed something. `absent`: no log has the old name. `taken`: a log with records,
 * or with a commit of the renamed log, has the new name. `gone`: a log of the new or the old name was dropped.
 */
export type RenameResult = { readonly kind: "ok" | "absent" | "taken" | "gone" };

/** The calls by which a batch is decided and written. */
export type LogTurn = Pick<EventStore, "head" | "append" | "read" | "readStream" | "written" | "known"> & {
  /** The read models of the log, for a store that has them. */
  readonly models?: Pick<ModelStore, "followers" | "rows">;
};

/**
 * A store of logs: `sqlite()`, `memory()`, or your own.
 *
 * Every method rejects with a StorageFullError (`storage-full`) or a StorageLostError (`storage-lost`) if the storage
 * fails or is closed.
 *
 * @example
 * // Holds your own store to the rules of this port.
 * import { eventStoreConformance } from "dacapo/testing";
 * import { describe, it } from "vitest";
 * eventStoreConformance("my store", () => myStore(), { describe, it });
 */
export interface EventStore {
  /**
   * Connects and prepares the tables, for a store that must. Other calls do the same when they need it. `serve` waits
   * for it, so that a wrong address is reported when the server starts.
   */
  open?(): Promise<void>;
  /** Hints between nodes, for a store that many nodes share. */
  readonly hints?: StoreHints;
  /** Presence between nodes, for a store that many nodes share. Without it, a node shows only its own devices. */
  readonly presence?: StorePresence;
  /**
   * Runs `work` while no other node appends to the log, for a store that many nodes share (S20). `work` uses only the
   * calls that it receives, and appends at most once. Its append is durable when the call resolves. A node that lost to
   * other nodes repeatedly takes a turn, so that its pushes get their answers.
   *
   * @example
   * const head = await store.takeTurn?.("board", (turn) => turn.head("board"));
   */
  takeTurn?<Result>(log: string, work: (turn: LogTurn) => Promise<Result>): Promise<Result>;
  /** The spent socket tickets. Without it, each server remembers them in its own memory. */
  readonly tickets?: SpentTickets;
  /** The read models of the logs, for `serve({ models })`. */
  readonly models?: ModelStore;
  /** Returns the end of a log. */
  head(log: string): Promise<LogHead>;
  /**
   * Writes a batch, or nothing (S1).
   *
   * @throws BugError (`bug`) if the records of the batch do not follow each other, or if it names a commit twice.
   */
  append(log: string, append: Append): Promise<AppendResult>;
  /** Returns a page of the records after a cursor. On an absent log every cursor but null is `diverged`. */
  read(log: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult>;
  /**
   * Returns a page of the records with events of a stream above the version `after`, in order. It is empty if there are
   * none.
   */
  readStream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]>;
  /**
   * Returns those of the given streams that have an event (S19). A commit often begins many streams at once, and none
   * of them needs a read of its own.
   */
  written(log: string, streams: readonly string[]): Promise<ReadonlySet<string>>;
  /** Returns the records and outcomes under these commit ids. The map has no entry for an unknown id. */
  known(log: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>>;
  /** Deletes the records and outcomes of a log for good. Its name stays `gone` (S10). */
  drop(log: string): Promise<void>;
  /** Returns the names of the logs that exist, sorted by name. */
  logs(): Promise<readonly string[]>;
  /** Returns the names of the dropped logs, sorted by name (S10). */
  droppedLogs(): Promise<readonly string[]>;
  /**
   * Returns a page of the kept outcomes of a log, sorted by commit id and then by actor (S16). An absent log has none.
   *
   * @param after the last outcome of the page before. Null: the first page.
   * @param limit the most outcomes of the page
   */
  outcomes(log: string, after: OutcomeKey | null, limit: number): Promise<readonly KeptOutcome[]>;
  /**
   * Assigns another name to a log (S17). An import writes a log under a name that no device can request, and assigns
   * the log's own name at the end. The kept outcomes of a log without records under the new name stay.
   */
  rename(log: string, to: string): Promise<RenameResult>;
  /**
   * Returns the id of the store: 1 to 64 of `A-Z a-z 0-9 _ -` (S12). Devices recognize their server by it. A copy of a
   * store has the id of its original.
   */
  id(): Promise<string>;
  /**
   * Takes the id of another store that this store replaces (S18). Returns true if the store has this id afterwards. A
   * store with logs keeps its id.
   *
   * @param id 1 to 64 of `A-Z a-z 0-9 _ -`
   */
  adoptId(id: string): Promise<boolean>;
  /** Closes the store. Every later call rejects, except `close`. */
  close(): Promise<void>;
}
