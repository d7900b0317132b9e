/**
 * What the sync loop does next: a pure function of what is known.
 *
 * Place: the loop keeps one `SyncFacts`, asks `nextStep`, does that one thing, and folds what came of it back in with `after…`.
 * Outside events only change facts and wake the loop.
 *
 *   not leader, paused, stopped, offline ──► rest          diverged ──► part
 *   waiting (backoff) ──► rest until                        pending, and not filling again what was dropped ──► push
 *   behind, or not asked since connecting ──► pull          no socket ──► connect        else ──► rest
 *   has what the socket has not told for a while ──► pull
 *
 * Holds: the first rule that fits wins, so the order below is the whole behaviour; nothing is pushed while histories
 * part; every failure leads to a bounded wait, never to a wait without an end but for what a person must mend.
 */
import type { PlainError } from "../../core/values/errors.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";

export type SyncState = {
  readonly leader: boolean;
  readonly paused: boolean;
  readonly online: boolean;
  /** What must be mended before anything goes on. */
  readonly stopped: PlainError | null;
  /** What a person can mend while it is tried again by itself. */
  readonly warning: PlainError | null;
  /** Failures one after another. */
  readonly failures: number;
  /** Milliseconds by `env.elapsed` before which nothing is tried. */
  readonly notBefore: number;
  readonly diverged: boolean;
  /** How often histories parted, each time soon after the last, and when by `env.elapsed`. */
  readonly partings: number;
  readonly partedAt: number;
  /** The server has been asked since this tab last had reason to doubt. */
  readonly isFresh: boolean;
  /** The log's last position as the server last told it. */
  readonly head: number;
  /** When a call was last answered, by `env.elapsed`. */
  readonly answeredAt: number;
  /** Up to where the socket has told the log. */
  readonly socketCursor: SocketCursor;
  readonly socket: "closed" | "opening" | "open";
  /** Sockets lost or refused one after another: some networks let none through, and then pulling has to do. */
  readonly socketFailures: number;
  /** When the socket was opened, by `env.elapsed`. */
  readonly socketOpenedAt: number;
  /** Milliseconds by `env.elapsed` before which no socket is opened. */
  readonly socketNotBefore: number;
  /** A command that only a newer server knows holds the queue until then, by `env.elapsed`. */
  readonly pushNotBefore: number;
  /** Commits in one push, at most; halved when the server finds a push too large. */
  readonly pushMax: number;
  readonly lastSyncedAt: number | null;
};

/** A place in the log; a hint names no mark. */
export type SocketCursor = { readonly position: number; readonly mark: string | null };

/** `now` by `env.elapsed`: a wait must not depend on a clock that jumps. */
export type SyncInputs = {
  readonly now: number;
  readonly cursor: Cursor | null;
  readonly pending: number;
  /** The log was dropped with the right to read, and is being filled again: until then nobody knows what the server has lost. */
  readonly refills: boolean;
};

export type Step =
  { readonly do: "push" | "pull" | "part" | "connect" } | { readonly do: "rest"; readonly until: number | null };

/** Waits grow from the first to the last, with full jitter. */
export const BACKOFF_MS = { first: 500, most: 60_000 } as const;
/** A server's wish to be left alone is heeded up to here. */
const RETRY_AFTER_MS_MAX = 10 * 60_000;
/** Partings soon after each other that wait for nothing, and the quiet after which they are counted anew. */
const PARTINGS_AT_ONCE = 3;
const PARTINGS_FORGOTTEN_MS = 10 * 60_000;
/** A socket that was open for less counts as one that could not be had: some proxies open each and cut it at once. */
export const SOCKET_STANDS_MS = 10_000;
export const PUSH_COMMITS_MAX = 500;
/** A server that does not know a command yet is asked again after this. */
export const LATER_MS = 30_000;

/**
 * What a call brought, and the socket has not told for so long, is asked for again: the log may have gone back before the socket's node looked at
 * it, which it does every 5 s, and then nobody would ever say so. As seldom as a device pulls that gets no socket.
 */
export const UNTOLD_MS = 30_000;

export const initialSyncState: SyncState = {
  leader: false,
  paused: false,
  online: true,
  stopped: null,
  warning: null,
  failures: 0,
  notBefore: 0,
  diverged: false,
  partings: 0,
  partedAt: 0,
  isFresh: false,
  head: 0,
  answeredAt: 0,
  socketCursor: { position: 0, mark: null },
  socket: "closed",
  socketFailures: 0,
  socketOpenedAt: 0,
  socketNotBefore: 0,
  pushNotBefore: 0,
  pushMax: PUSH_COMMITS_MAX,
  lastSyncedAt: null,
};

export function nextStep(facts: SyncState, { now, cursor, pending, refills }: SyncInputs): Step {
  if (!mayConnect(facts)) return { do: "rest", until: null };
  if (now < facts.notBefore) return { do: "rest", until: facts.notBefore };
  if (facts.diverged) return { do: "part" };
  if (pending > 0 && !refills && now >= facts.pushNotBefore) return { do: "push" };
  if (!facts.isFresh || facts.head > positionOf(cursor) || refills) return { do: "pull" };
  const untoldAt = facts.socket === "open" && !isTold(facts.socketCursor, cursor) ? facts.answeredAt + UNTOLD_MS : null;
  if (untoldAt !== null && now >= untoldAt) return { do: "pull" };
  if (facts.socket === "closed" && now >= facts.socketNotBefore) return { do: "connect" };
  const waits = [
    ...(pending > 0 ? [facts.pushNotBefore] : []),
    ...(facts.socket === "closed" ? [facts.socketNotBefore] : []),
    ...(untoldAt === null ? [] : [untoldAt]),
  ];
  return { do: "rest", until: waits.length > 0 ? Math.min(...waits) : null };
}

/** What lies before the end that was told is known to be the log's: else the frames would not follow, and all were pulled. */
function isTold(told: SocketCursor, cursor: Cursor | null): boolean {
  if (told.position !== positionOf(cursor)) return told.position > positionOf(cursor);
  return told.mark === null || cursor === null || told.mark === cursor.mark;
}

/** False where no socket may stand either. */
export function mayConnect(facts: SyncState): boolean {
  return facts.leader && !facts.paused && facts.online && facts.stopped === null;
}

/** The server answered: all is well again. `now` in milliseconds since the epoch, `elapsed` by `env.elapsed`. */
export function afterAnswer(
  facts: SyncState,
  head: number,
  { now, elapsed }: { readonly now: number; readonly elapsed: number },
): SyncState {
  return {
    ...facts,
    warning: null,
    failures: 0,
    notBefore: 0,
    isFresh: true,
    head,
    answeredAt: elapsed,
    lastSyncedAt: now,
  };
}

/** A call failed: wait, longer each time. `chance` in [0, 1). */
export function afterFailure(facts: SyncState, now: number, chance: number, retryAfterMs: number | null): SyncState {
  // What was in hand may be lost with it, such as a live frame that could not be stored: the server is asked again. Not before it wished, though.
  const notBefore = Math.max(facts.notBefore, now + backoff(facts.failures, chance, retryAfterMs));
  return { ...facts, isFresh: false, failures: facts.failures + 1, notBefore };
}

/**
 * The socket was lost or refused. Calls may work all the same, so they do not wait: what was missed is pulled at once, and
 * again each time a socket was tried in vain.
 */
export function afterSocketLost(facts: SyncState, now: number, chance: number, retryAfterMs: number | null): SyncState {
  const failures = facts.socket === "open" && now - facts.socketOpenedAt >= SOCKET_STANDS_MS ? 0 : facts.socketFailures;
  return {
    ...facts,
    socket: "closed",
    isFresh: false,
    socketFailures: failures + 1,
    socketNotBefore: now + backoff(failures, chance, retryAfterMs),
  };
}

/** A socket is read for by the cursor with which it is asked for, so that counts as told. */
export function afterSocketAsked(facts: SyncState, cursor: Cursor | null): SyncState {
  return { ...facts, socket: "opening", socketCursor: socketCursorOf(cursor) };
}

export function socketCursorOf(cursor: Cursor | null): SocketCursor {
  return cursor ?? { position: 0, mark: null };
}

export function afterSocketOpened(facts: SyncState, now: number): SyncState {
  return { ...facts, socket: "open", socketOpenedAt: now, socketNotBefore: 0 };
}

/** Full jitter, so that a herd of clients spreads; never shorter than the server wished. */
function backoff(failures: number, chance: number, retryAfterMs: number | null): number {
  const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(failures, 16));
  return Math.min(Math.max(retryAfterMs ?? 0, Math.round(most * chance)), RETRY_AFTER_MS_MAX);
}

/** Something came back (network, visible tab, resumed): try at once, and ask the server again. */
export function afterWake(facts: SyncState): SyncState {
  return {
    ...facts,
    failures: 0,
    notBefore: 0,
    partings: 0,
    pushNotBefore: 0,
    socketFailures: 0,
    socketNotBefore: 0,
    isFresh: false,
    stopped: null,
  };
}

/**
 * Histories parted, and this log was cut back. A server may be restored twice in a row; one that goes on calling every log another one is asked
 * less and less.
 */
export function afterDivergence(facts: SyncState, now: number, chance: () => number): SyncState {
  const partings = now - facts.partedAt > PARTINGS_FORGOTTEN_MS ? 1 : facts.partings + 1;
  const notBefore =
    partings > PARTINGS_AT_ONCE ? now + backoff(partings - PARTINGS_AT_ONCE, chance(), null) : facts.notBefore;
  return { ...facts, diverged: false, isFresh: false, head: 0, failures: 0, partings, partedAt: now, notBefore };
}

/** The server found a push too large: try half of it. */
export function afterTooLarge(facts: SyncState, sent: number): SyncState {
  return { ...facts, pushMax: Math.max(1, Math.floor(sent / 2)) };
}
