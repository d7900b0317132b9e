/**
 * The port behind which a server keeps its logs.
 *
 * Place: the log writer reads, decides purely, and appends naming the head that it decided on. A store has no locks to hold
 * and calls nobody back, so one fits on a page.
 *
 * Rules
 * - S1  `append` names the head it was computed on. When the head has moved, or an id is taken (S8), nothing is written and the answer
 *       says which.
 * - S2  An `append` that resolved with `ok` is durable: it is there after a crash of process or machine. One that rejects may or may not be: the
 *       writer reads again before it says anything.
 * - S3  Records lie without gap: each begins one behind the end of the one before. `append` refuses a batch that does not.
 * - S4  No reader sees part of a batch.
 * - S5  `read` checks its cursor's mark and reads in one snapshot. A cursor whose mark is not the log's at that position, or that lies behind its head, is
 *       `diverged`.
 * - S6  Pages end at record ends, hold at least one record where there is one, and otherwise stay within events and bytes.
 * - S7  Record texts come back byte for byte.
 * - S8  A commit's id has one record in a log, and each actor one record or one kept outcome under it: what was said to someone keeps
 *       nobody else from the id. Where a record stands, no outcome comes any more. Logs know nothing of each other.
 * - S9  Kept outcomes are forgotten only by age, or when an actor has more than its share in a log: the oldest first.
 * - S10 A dropped log is `gone` for good: its name never comes back.
 * - S11 A log is there from its first record or outcome on; before, it is `absent`.
 */
import type { Cursor } from "../../core/history/record.ts";

/** A record as a store keeps it: its text, and what the store must find it by. */
export type StoredRecord = {
  /** Position of its first event. */
  readonly position: number;
  /** Where it ends. */
  readonly cursor: Cursor;
  readonly commit: string;
  readonly actor: string;
  /** Streams that it writes, each once, with the version of its first and last event there. */
  readonly streams: readonly { readonly stream: string; readonly first: number; readonly last: number }[];
  /** JSON of the commit record. */
  readonly text: string;
};

/** An outcome that left no record: rejected, or accepted without events. */
export type KeptOutcome = {
  readonly commit: string;
  readonly actor: string;
  /** Milliseconds since the epoch, the server's clock. */
  readonly received: number;
  /** JSON of the outcome. */
  readonly text: string;
};

export type Append = {
  readonly expected: Cursor | null;
  readonly records: readonly StoredRecord[];
  readonly outcomes: readonly KeptOutcome[];
  /** Kept outcomes received before this are forgotten. Milliseconds since the epoch. */
  readonly forgetOutcomesBefore: number;
  /** Kept outcomes of one actor in this log, at most. */
  readonly outcomesPerActorMax: number;
};

export type AppendResult =
  | { readonly kind: "ok" }
  /** The head is another one than expected. */
  | { readonly kind: "moved"; readonly head: Cursor | null }
  | { readonly kind: "known"; readonly commits: readonly string[] }
  | { readonly kind: "gone" };

/** What stands under a commit's id: a record, or null, and what was said without one, to each who used the id. */
export type KnownCommit = {
  readonly record: { readonly actor: string; readonly at: Cursor } | null;
  readonly outcomes: readonly { readonly actor: string; readonly text: string }[];
};

export type LogHead =
  { readonly kind: "absent" } | { readonly kind: "gone" } | { readonly kind: "open"; readonly cursor: Cursor | null };

export type ReadLimit = { readonly events: number; readonly bytes: number };

export type ReadResult =
  | { readonly kind: "page"; readonly records: readonly StoredRecord[]; readonly head: Cursor | null }
  | { readonly kind: "diverged"; readonly head: Cursor | null }
  | { readonly kind: "absent" }
  | { readonly kind: "gone" };

export interface EventStore {
  head(log: string): Promise<LogHead>;
  append(log: string, append: Append): Promise<AppendResult>;
  /** The records behind a cursor. On an absent log any cursor but null is diverged. */
  read(log: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult>;
  /** The records that hold events of a stream with a version above `after`, in order. Empty where there is none. */
  readStream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]>;
  /** What is known of these ids; those that are not known are left out. */
  known(log: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>>;
  /** Ends a log for good. Its records and outcomes are deleted; its name stays taken. */
  drop(log: string): Promise<void>;
  /** Names of the logs that are there, in order of name. */
  logs(): Promise<readonly string[]>;
  close(): Promise<void>;
}
