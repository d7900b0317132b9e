/**
 * What page and worker say to each other: the thread's border, over Comlink.
 *
 * Holds: rows cross as JSON text (a structured clone of many objects costs four times as much) and only those that changed;
 * errors cross as plain JSON, since Comlink keeps of an error its message alone. Calls of `execute` and updates are texts of their own
 * on Comlink's port: many calls go in one message, and are answered in the update that shows what they did. Updates come in order with
 * Comlink's answers; each has a number, and what depends on one names it.
 */
import { exceedsBytes } from "../../core/values/byte-length.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { fromPlainError, type PlainError, shortText, toPlainError, ValidationError } from "../../core/values/errors.ts";
import { findJsonProblem, type Json } from "../../core/values/json.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { LOG_NAME, PRESENCE_BYTES_MAX } from "../../core/history/limits.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import type { HistoryEntry, LogStatus, RejectedCommit, Settled } from "./log-types.ts";

export type CallResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: PlainError };

/** A rejection as it crosses: without its two functions. */
export type PlainRejection = Omit<RejectedCommit, "retry" | "discard">;

/** One call of `execute`, by the number that its answer names. */
export type ExecuteCall = {
  readonly call: number;
  readonly requests: readonly CommandRequest[];
  readonly meta: Json;
  readonly endRejection: string | null;
};

export type CallAnswer = { readonly call: number; readonly answer: CallResult<{ readonly commit: string }> };

/** What the page posts beside Comlink's messages: JSON of `CommitCall[]`. An object, since Comlink would take a text apart. */
export type CallMessage = { readonly calls: string };

/** What changed since the last update; parts that did not change are left out. */
export type PageUpdate = {
  readonly seq: number;
  readonly deltas?: readonly RowDelta[];
  readonly status?: LogStatus;
  readonly rejections?: readonly PlainRejection[];
  readonly presence?: readonly Presence[];
  /** Calls whose commits are durable, and shown by what stands above. */
  readonly answers?: readonly CallAnswer[];
};

/** Takes JSON of each PageUpdate. */
export type UpdateSink = { changed(update: string): void };

export type PageCallbacks = {
  token(): Promise<string | null>;
};

export type OpenOptions = {
  readonly log: string;
  readonly user: string;
  /** Null: a local log. */
  readonly syncUrl: string | null;
  readonly visible: boolean;
};

/** What happened to the page, for the worker, which hears of none of it. */
export type Lifecycle = "visible" | "hidden" | "resumed" | "online" | "offline";

/** One open log in the worker. */
export interface WorkerLog {
  opened(): CallResult<{ readonly client: string; readonly update: string }>;
  /** Takes calls, JSON of `CommitCall[]`; updates answer them. */
  executeBatch(calls: string): void;
  /** Null: there is nothing to take back, or to bring back. */
  undo(): Promise<CallResult<{ readonly commit: string; readonly seq: number } | null>>;
  redo(): Promise<CallResult<{ readonly commit: string; readonly seq: number } | null>>;
  withdraw(commit: string): Promise<CallResult<void>>;
  /** The next lines of an export, or null behind its end. `begin` begins one and ends any that was under way. */
  exportNext(begin: boolean): Promise<CallResult<string | null>>;
  /** Text of an export, piece by piece; with the last one, it is checked whole and written. */
  importNext(piece: string, place: { readonly begin: boolean; readonly last: boolean }): Promise<CallResult<void>>;
  settled(commit: string): Promise<CallResult<{ readonly settled: Settled; readonly seq: number }>>;
  discard(commit: string): Promise<CallResult<void>>;
  /** From now on updates tell of this projection; the answer is JSON of its entries as of `seq`. */
  watch(projection: string): CallResult<{ readonly seq: number; readonly entries: string }>;
  history(stream: string): Promise<CallResult<readonly HistoryEntry[]>>;
  stateAt(stream: string, version: number | null): Promise<CallResult<Json>>;
  setPresence(data: Json): CallResult<void>;
  setPaused(paused: boolean): CallResult<void>;
  lifecycle(event: Lifecycle): void;
  close(): Promise<CallResult<void>>;
}

/** The root that a worker exposes. The log is served on a port of its own, since Comlink makes no proxy inside an answer. */
export interface WorkerRoot {
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

/** Characters of a name that a message shows: one that is allowed fits, and its quotes. */
const NAME_SHOWN_MAX = 130;

/** Refuses names before anything is made under them. */
export function requireNames({ log, user }: Pick<OpenOptions, "log" | "user">): void {
  requireName("log", log, "1 to 128 of A-Z a-z 0-9 . _ ~ : @ -, a letter or digit first", (name) =>
    LOG_NAME.test(name),
  );
  requireName(
    "user",
    user,
    "1 to 128 characters, well-formed",
    (name) => name.length > 0 && name.length <= 128 && name.isWellFormed(),
  );
}

function requireName(
  whose: "log" | "user",
  name: unknown,
  allowed: string,
  isAllowed: (name: string) => boolean,
): void {
  if (typeof name === "string" && isAllowed(name)) return;
  throw new ValidationError({
    message: `The ${whose}'s name ${shortText(String(JSON.stringify(name)), NAME_SHOWN_MAX)} is not allowed: it must have ${allowed}`,
    fix: `Give openLog such a name for the ${whose}.`,
    details: { path: [whose], reason: "is not a name" },
  });
}

export function requireJsonMeta(meta: unknown): void {
  const problem = findJsonProblem(meta);
  if (!problem) return;
  throw new ValidationError({
    message: `meta is not valid at ${problem.path.join(".")}: ${problem.reason}`,
    fix: "Give plain JSON as meta.",
    details: { path: problem.path, reason: problem.reason },
  });
}

export function requirePresence(data: Json): void {
  const problem = findJsonProblem(data);
  if (!problem && !exceedsBytes(JSON.stringify(data), PRESENCE_BYTES_MAX)) return;
  const reason = problem?.reason ?? `has more than ${PRESENCE_BYTES_MAX} bytes`;
  throw new ValidationError({
    message: `This presence cannot be shown: it ${reason}`,
    fix: "Show plain JSON, of 1 KiB at most unless your server allows more.",
    details: { path: problem?.path ?? [], reason },
  });
}

export function unwrap<T>(given: CallResult<T>): T {
  if (given.ok) return given.value;
  throw fromPlainError(given.error);
}
