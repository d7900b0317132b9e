/**
 * The messages between page and worker, over Comlink.
 *
 *   page ── Comlink calls ──────────────► worker
 *        ── { calls: ExecuteCall[] } ───►
 *        ◄── PageUpdate, with answers ───
 *
 * Guarantees:
 * - Rows cross as JSON text, because a structured clone of many objects costs four times as much. Only changed rows
 *   cross.
 * - Errors cross as plain JSON, because Comlink keeps only the message of an error.
 * - Many calls of `execute` share one message. The update that shows their rows answers them (`page-updates.test.ts`).
 * - Updates and Comlink's answers arrive in the order in which they were posted. An answer that depends on an update
 *   contains its number.
 */
import { exceedsBytes } from "../../core/values/byte-length.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { ValidationError } from "../../core/values/errors.ts";
import { fromPlainError, type PlainError, toPlainError } from "../../core/values/plain-error.ts";
import { shortText } from "../../core/values/reason.ts";
import { findJsonProblem, type Json, type JsonInput } from "../../core/values/json.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { LOG_NAME, LOG_NAME_RULE, PRESENCE_BYTES_MAX } from "../../core/history/limits.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import type { HistoryEntry, LogStatus, RejectedCommit, Settled } from "./log-types.ts";
import type { RebuildProgress } from "./row-types.ts";

/** The value of a call, or its error. */
export type CallResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: PlainError };

/** A rejection without its two functions, which cannot cross. */
export type PlainRejection = Omit<RejectedCommit, "retry" | "discard">;

/** One call of `execute`. */
export type ExecuteCall = {
  /** The number that the answer repeats. */
  readonly call: number;
  readonly requests: readonly CommandRequest[];
  readonly meta: Json;
  /** The id of the rejected commit that the new commit replaces. */
  readonly endRejection: string | null;
};

export type CallAnswer = { readonly call: number; readonly answer: CallResult<{ readonly commit: string }> };

/**
 * The message of a page with calls of `execute`: JSON of `ExecuteCall[]`.
 *
 * The message is an object, because Comlink copies the fields of each message, and a text has a field for each
 * character.
 */
export type CallMessage = { readonly calls: string };

/** The status as the worker knows it. */
export type WorkerStatus = Omit<LogStatus, "storage">;

/** The changes since the last update. Unchanged parts are left out. */
export type PageUpdate = {
  /** The number of the update: 1, 2, 3 … */
  readonly seq: number;
  readonly deltas?: readonly RowDelta[];
  readonly status?: WorkerStatus;
  readonly rejections?: readonly PlainRejection[];
  readonly presence?: readonly Presence[];
  /** Answers to calls: commits that are durable and whose rows are in this update or an earlier one, and errors. */
  readonly answers?: readonly CallAnswer[];
};

/** The rows of `RowsAt` as JSON of `[key, row][]`, in any order. */
export type PlainRowsAt = { readonly rows: string; readonly event: HistoryEntry | null };

/** Receives JSON of each `PageUpdate`. */
export type UpdateSink = { changed(update: string): void };

export type PageCallbacks = {
  token(): Promise<string | null>;
  headers(): Promise<Readonly<Record<string, string>>>;
  onOtherServer(ids: { readonly known: string; readonly other: string }): Promise<boolean>;
};

/** Receives the progress of a rebuild, which continues once the page has it. */
export type OnProgress = (progress: RebuildProgress) => void | Promise<void>;

/** Whether commits that share no stream with a stuck commit overtake it. */
export type WhenStuck = "wait" | "skip";

export type OpenOptions = {
  readonly log: string;
  readonly user: string;
  /** @default null: no namespace */
  readonly namespace?: string | null;
  /** Null: a local log. */
  readonly syncUrl: string | null;
  /** Cookies of the requests. Undefined: none. */
  readonly credentials?: RequestCredentials | undefined;
  /** @default "wait" */
  readonly whenStuck?: WhenStuck;
  readonly visible: boolean;
  /** True: the tab neither leads nor syncs until it resumes. */
  readonly paused?: boolean;
};

/** Events of the page. The page reports them, because a worker does not receive them. */
export type Lifecycle = "visible" | "hidden" | "resumed" | "online" | "offline";

/** The calls of one log that is open in the worker. */
export interface WorkerLog {
  /** Returns the device's id, and the first update as JSON. */
  opened(): CallResult<{ readonly client: string; readonly update: string }>;
  /** Executes each call of a batch, JSON of `ExecuteCall[]`. The page's updates answer them. */
  executeBatch(calls: string): void;
  /** Resolves with null where there is nothing to take back. `seq` is the update that shows the commit. */
  undo(overwrite: boolean): Promise<CallResult<{ readonly commit: string; readonly seq: number } | null>>;
  /** Resolves with null where there is nothing to bring back. */
  redo(overwrite: boolean): Promise<CallResult<{ readonly commit: string; readonly seq: number } | null>>;
  withdraw(commitId: string): Promise<CallResult<void>>;
  /** The next lines of an export, or null after its last. `begin` starts a new export and drops the one before. */
  exportNext(begin: boolean): Promise<CallResult<string | null>>;
  /** Collects the text of an export in pieces. The last piece makes the worker check and write all of it. */
  importNext(piece: string, place: { readonly begin: boolean; readonly last: boolean }): Promise<CallResult<void>>;
  /** Moves all commits to the log of another user on this device, and ends this one. */
  moveTo(user: string): Promise<CallResult<void>>;
  settled(commitId: string): Promise<CallResult<{ readonly settled: Settled; readonly seq: number }>>;
  discard(commitId: string): Promise<CallResult<void>>;
  /** Returns JSON of a projection's entries as of update `seq`. Later updates contain the changes of its rows. */
  watch(projection: string): CallResult<{ readonly seq: number; readonly entries: string }>;
  history(stream: string): Promise<CallResult<readonly HistoryEntry[]>>;
  stateAt(stream: string, version: number | null): Promise<CallResult<Json>>;
  rowsAt(projection: string, position: number): Promise<CallResult<PlainRowsAt>>;
  /** Folds the log again, and replaces the rows. */
  rebuild(projection: string, onProgress: OnProgress): Promise<CallResult<void>>;
  setPresence(data: JsonInput): CallResult<void>;
  setPaused(paused: boolean): CallResult<void>;
  acknowledge(): CallResult<void>;
  lifecycle(event: Lifecycle): void;
  close(): Promise<CallResult<void>>;
}

/**
 * The texts with which a worker reports its start. They are texts, because Comlink's own messages are objects.
 *
 * `loaded`: the script has imported `dacapo/worker`. `serving`: it has called `serveLog`.
 */
export const signOfLife = { loaded: "dacapo:loaded", serving: "dacapo:serving" } as const;

/**
 * The root that a worker exposes.
 *
 * Each log is served on a port of its own, because Comlink makes no proxy inside an answer.
 */
export interface WorkerRoot {
  /** Shows that `serveLog` was called, also long ago. */
  isServing(): boolean;
  open(options: OpenOptions, page: PageCallbacks, port: MessagePort): Promise<CallResult<void>>;
}

export async function callResult<T>(run: () => T | Promise<T>): Promise<CallResult<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

export function callResultNow<T>(run: () => T): CallResult<T> {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

/** Characters of a name that a message shows. An allowed name fits, with its quotes. */
const NAME_SHOWN_MAX = 130;

const isLogName = (name: string) => LOG_NAME.test(name);

/** Refuses names that are not allowed, before a database gets them. */
export function requireNames({ log, user, namespace = null }: Pick<OpenOptions, "log" | "user" | "namespace">): void {
  requireName("log", log, LOG_NAME_RULE, isLogName);
  if (namespace !== null) requireName("namespace", namespace, LOG_NAME_RULE, isLogName);
  requireName(
    "user",
    user,
    "1 to 128 characters, well-formed",
    (name) => name.length > 0 && name.length <= 128 && name.isWellFormed(),
  );
}

function requireName(
  whose: "log" | "user" | "namespace",
  name: unknown,
  allowed: string,
  isAllowed: (name: string) => boolean,
): void {
  if (typeof name === "string" && isAllowed(name)) return;
  const shown = shortText(String(JSON.stringify(name)), NAME_SHOWN_MAX);
  throw new ValidationError({
    message: `The ${whose}'s name ${shown} is not allowed: it must have ${allowed}`,
    fix: `Pass openLog such a name for the ${whose}.`,
    details: { path: [whose], reason: "is not a name" },
  });
}

export function requireJsonMeta(meta: unknown): void {
  const problem = findJsonProblem(meta);
  if (!problem) return;
  throw new ValidationError({
    message: `meta is not plain JSON at ${problem.path.join(".")}: ${problem.reason}`,
    fix: "Pass plain JSON as meta.",
    details: { path: problem.path, reason: problem.reason },
  });
}

export function requirePresence(data: JsonInput): void {
  const problem = findJsonProblem(data);
  if (!problem && !exceedsBytes(JSON.stringify(data), PRESENCE_BYTES_MAX)) return;
  const reason = problem?.reason ?? `has more than ${PRESENCE_BYTES_MAX} bytes`;
  throw new ValidationError({
    message: `The presence cannot be shown: it ${reason}`,
    fix: "Set plain JSON, of 1 KiB at most unless your server allows more.",
    details: { path: problem?.path ?? [], reason },
  });
}

export function unwrap<T>(given: CallResult<T>): T {
  if (given.ok) return given.value;
  throw fromPlainError(given.error);
}
