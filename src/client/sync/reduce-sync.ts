/**
 * `reduce`: how each signal changes the state of syncing. Pure. `sync-state` has the state, and its diagram.
 *
 * Guarantees:
 * - The tables are complete, because the compiler refuses a missing signal and a missing kind of socket.
 * - The socket is closed in every state in which the tab may not sync.
 */
import type { PlainError } from "../../core/values/plain-error.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { LogInfo } from "../../core/wire/messages.ts";
import { backoff, type Failure, type Moment } from "./backoff.ts";
import { afterCall, afterFailure, type CallSize, withLimits, withoutGzip } from "./call-size.ts";
import { type AnsweredPush, type FailedPush, pushAnswered, pushDelayed, pushFailed, pushWoken } from "./push-state.ts";
import type { Behind } from "./push-queue.ts";
import {
  type Agreement,
  initialSyncState,
  maySync,
  type Progress,
  type SocketCursor,
  socketCursorOf,
  type Sockets,
  type SocketState,
  type SyncState,
  tries,
} from "./sync-state.ts";

/** `domain`: the version of the server's domain, if it reports one. `asked`: the state when the call was made. */
type Answered = { readonly head: number; readonly domain?: number | undefined; readonly asked: SyncState };

/** Milliseconds without an answer after which the status no longer says `live`. */
export const SLOW_MS = 5_000;

type Signals = {
  "leader-changed": { readonly isLeader: boolean };
  "paused-changed": { readonly isPaused: boolean };
  /** The browser reports that it is online or offline. This is a hint, because it does not know the server. */
  "network-changed": object;
  /** A person views the page again. */
  "became-visible": object;
  /** The page was frozen, so its socket may be dead without a report. */
  resumed: object;
  "pull-answered": Answered;
  /** `behind`: what the server has recorded behind the cursor. */
  "push-answered": Answered & { readonly behind: Behind | null } & AnsweredPush;
  "push-failed": FailedPush;
  /** The call under way has no answer for `SLOW_MS`. */
  "call-slow": object;
  /** `bytes`: those of its commits. */
  "push-too-large": { readonly bytes: number };
  "gzip-refused": object;
  "limits-read": { readonly info: LogInfo };
  /** A part of an answer arrived. */
  received: { readonly bytes: number };
  /** A call was answered: it carried `bytes` of commits or of an answer in `ms`. */
  carried: { readonly what: "pageBytes" | "pushBytes"; readonly bytes: number; readonly ms: number };
  "frame-confirmed": { readonly head: number };
  diverged: object;
  "divergence-resolved": object;
  /** `pushError`: null if the call was no push. */
  failed: Failure & { readonly warning: PlainError | null; readonly pushError?: PlainError | null };
  stopped: { readonly error: PlainError };
} & SocketSignals;

type SocketSignals = {
  "socket-requested": { readonly cursor: Cursor | null };
  "socket-opened": object;
  /** `head` is 0 while the frame waits in the inbox of `LiveFeed`. The loop later reads the head from the frame. */
  "socket-reported": { readonly cursor: SocketCursor; readonly head: number };
  "socket-lost": Failure;
  "socket-closed": object;
};

/** Everything that changes the state. */
export type Signal<Type extends keyof Signals = keyof Signals> = {
  [T in Type]: { readonly type: T } & Signals[T];
}[Type];

/** This many divergences in a row are resolved without a wait. */
const DIVERGENCES_AT_ONCE = 3;
/** After this time without a divergence, the count starts again. */
const DIVERGENCES_FORGOTTEN_MS = 10 * 60_000;
/** A socket that was open for less time counts as refused, because some proxies open each socket and cut it at once. */
export const SOCKET_STABLE_MS = 10_000;

/** The next state. If the tab may not sync, `reduce` also closes the socket. */
export function reduce<T extends keyof Signals>(state: SyncState, signal: Signal<T>, moment: Moment): SyncState {
  const type: T = signal.type;
  const next = { ...state, ...changes[type](state, signal, moment) };
  return maySync(next) ? next : { ...next, socket: closed(next.socket) };
}

type Change = Partial<SyncState>;

/** The change of each signal. The compiler refuses a table that lacks a signal. */
const changes: { readonly [T in keyof Signals]: (state: SyncState, signal: Signal<T>, at: Moment) => Change } = {
  // A tab that takes the lead tries again, because its token may be a newer one.
  "leader-changed": ({ tab, agreement, progress }, { isLeader }) => ({
    tab: { ...tab, isLeader },
    agreement: doubt(agreement),
    // The tab that led meanwhile may have cut this log back.
    head: 0,
    behind: null,
    progress: isLeader
      ? trying(initialSyncState.progress, tries(progress).failures, tries(progress).notBefore)
      : progress,
  }),
  "paused-changed": (state, { isPaused }) => ({ ...(!isPaused && woken(state)), tab: { ...state.tab, isPaused } }),
  "network-changed": woken,
  "became-visible": woken,
  resumed: (state) => ({ ...woken(state), socket: initialSyncState.socket }),
  "pull-answered": (state, signal, at) => ({
    ...answered(state, signal, at),
    behind: state.behind && { ...state.behind, pullNext: false },
  }),
  "push-answered": (state, signal, at) => ({
    ...answered(state, signal, at),
    push: pushAnswered(state.push, signal, at),
    behind: signal.behind,
    // A doubt or a pull since the request is newer than this answer.
    ...(signal.asked.agreement !== state.agreement && { agreement: state.agreement }),
  }),
  "push-failed": (state, signal, at) => ({
    push: pushFailed(state.push, signal, at),
    size: sizeAfter(signal.error.details["text"] === undefined ? state.size : withoutGzip(state.size), signal),
    // The next pull shows whether the network or a commit is at fault.
    agreement: signal.isSuspicious ? doubt(state.agreement) : state.agreement,
  }),
  "push-too-large": ({ size }, { bytes }) => ({ size: { ...size, pushBytesMax: Math.max(1, Math.floor(bytes / 2)) } }),
  "gzip-refused": ({ size }) => ({ size: withoutGzip(size) }),
  "limits-read": ({ size }, { info }) => ({ size: withLimits(size, info) }),
  received: ({ traffic }, { bytes }) => ({ traffic: { ...traffic, received: traffic.received + bytes } }),
  carried: ({ size, traffic }, { what, bytes, ms }) => ({
    size: afterCall(size, what, bytes, ms),
    traffic: what === "pushBytes" ? { ...traffic, sent: traffic.sent + bytes } : traffic,
  }),
  // The answer may be lost, so `live` would claim too much.
  "call-slow": ({ agreement }) => ({ agreement: doubt(agreement) }),
  "frame-confirmed": (state, { head }, { now }) => ({ head: Math.max(state.head, head), lastSyncedAt: now }),
  diverged: () => ({ agreement: { kind: "diverged" }, behind: null }),
  "divergence-resolved": divergenceResolved,
  failed,
  stopped: (_, { error }) => ({ progress: { kind: "stopped", error } }),
  "socket-requested": socketChanged,
  "socket-opened": socketChanged,
  "socket-reported": (state, signal, at) => ({
    ...socketChanged(state, signal, at),
    head: Math.max(state.head, signal.head),
  }),
  // Calls may still work, so they do not wait. The loop pulls at once, and again after each socket that was refused.
  "socket-lost": (state, signal, at) => ({ ...socketChanged(state, signal, at), agreement: doubt(state.agreement) }),
  "socket-closed": socketChanged,
};

type SocketRow = { readonly [Kind in keyof Sockets]: (socket: SocketState<Kind>) => SocketState };

/** The same for the socket: each signal in each of the three kinds. `same`: the signal changes nothing. */
const socketRows: { readonly [T in keyof SocketSignals]: (signal: Signal<T>, at: Moment) => SocketRow } = {
  "socket-requested": ({ cursor }) => ({
    // The socket sends records after this cursor, so everything before counts as reported.
    closed: ({ failures }) => ({ kind: "opening", failures, cursor: socketCursorOf(cursor) }),
    opening: same,
    open: same,
  }),
  "socket-opened": (_, { elapsed }) => ({
    closed: same,
    opening: (socket) => ({ ...socket, kind: "open", openedAt: elapsed }),
    open: same,
  }),
  "socket-reported": ({ cursor }) => ({
    closed: same,
    opening: (socket) => ({ ...socket, cursor }),
    open: (socket) => ({ ...socket, cursor }),
  }),
  "socket-lost": ({ retryAfterMs }, at) => {
    const lost = (failures: number): SocketState => ({
      kind: "closed",
      failures: failures + 1,
      notBefore: at.elapsed + backoff(failures, at, retryAfterMs),
    });
    return {
      closed: same,
      opening: ({ failures }) => lost(failures),
      open: ({ failures, openedAt }) => lost(at.elapsed - openedAt >= SOCKET_STABLE_MS ? 0 : failures),
    };
  },
  "socket-closed": () => ({ closed, opening: closed, open: closed }),
};

function socketChanged<T extends keyof SocketSignals>({ socket }: SyncState, signal: Signal<T>, at: Moment) {
  const type: T = signal.type;
  return { socket: inKind(socket, socketRows[type](signal, at)) };
}

function inKind<Kind extends keyof Sockets>(socket: SocketState<Kind>, row: SocketRow): SocketState {
  const kind: Kind = socket.kind;
  return row[kind](socket);
}

function same(socket: SocketState): SocketState {
  return socket;
}

/**
 * Closed by this side, which is no failure: the next socket may open at once. A closed socket keeps its wait.
 */
function closed(socket: SocketState): SocketState {
  return socket.kind === "closed" ? socket : { kind: "closed", failures: socket.failures, notBefore: 0 };
}

/** The log may be stale. A known divergence stays known. */
function doubt(agreement: Agreement): Agreement {
  return agreement.kind === "diverged" ? agreement : { kind: "stale" };
}

function answered(state: SyncState, { head, domain = state.domain, asked }: Answered, at: Moment): Change {
  const { progress, agreement } = state;
  return {
    warning: null,
    // A pull beside this call may have failed, and the server may have requested a wait.
    progress: trying(progress, 0, tries(progress).notBefore),
    agreement: agreement.kind === "diverged" ? agreement : { kind: "fresh", answeredAt: at.elapsed },
    // A head that was reported since the request is newer than this answer.
    head: state.head === asked.head ? head : Math.max(state.head, head),
    domain,
    lastSyncedAt: at.now,
  };
}

/** Something changed (network, visible tab, resumed): try at once, and read from the server again. */
function woken({ agreement, divergences, push, socket }: SyncState): Change {
  return {
    progress: initialSyncState.progress,
    agreement: doubt(agreement),
    divergences: { ...divergences, count: 0 },
    push: pushWoken(push),
    // The link may be another one.
    size: initialSyncState.size,
    socket: socket.kind === "closed" ? initialSyncState.socket : { ...socket, failures: 0 },
  };
}

/** If the server did not request the wait, the link may be too slow for the call. */
function sizeAfter(size: CallSize, { retryAfterMs }: Failure): CallSize {
  return retryAfterMs === null ? afterFailure(size) : size;
}

/** A call failed: wait, longer each time, and never shorter than the server requested before. */
function failed({ progress, agreement, size, push }: SyncState, signal: Signal<"failed">, at: Moment): Change {
  const { failures, notBefore } = tries(progress);
  const wait = backoff(failures, at, signal.retryAfterMs);
  return {
    warning: signal.warning,
    // Answers to pulls end the wait of the loop, but not this one.
    push: signal.pushError ? pushDelayed(push, signal.pushError, at) : push,
    size: signal.warning === null ? sizeAfter(size, signal) : size,
    // Read from the server again, because a frame that could not be stored is lost.
    agreement: doubt(agreement),
    progress: trying(progress, failures + 1, Math.max(notBefore, at.elapsed + wait)),
    retryAt: at.now + Math.max(notBefore - at.elapsed, wait),
  };
}

/**
 * This log was cut back. A server may be restored twice in a row, so the first divergences wait for nothing. If a
 * server reports a divergence each time, the waits grow.
 */
function divergenceResolved({ progress, divergences }: SyncState, _: Signal, at: Moment): Change {
  const { elapsed } = at;
  const count = elapsed - divergences.lastAt > DIVERGENCES_FORGOTTEN_MS ? 1 : divergences.count + 1;
  const tooMany = count - DIVERGENCES_AT_ONCE;
  return {
    agreement: { kind: "stale" },
    head: 0,
    divergences: { count, lastAt: elapsed },
    progress: trying(progress, 0, tooMany > 0 ? elapsed + backoff(tooMany, at, null) : tries(progress).notBefore),
  };
}

/** `stopped` ends in `woken` (a visible page, a network change, `resume()`), and when the tab takes the lead. */
function trying(progress: Progress, failures: number, notBefore: number): Progress {
  return progress.kind === "stopped" ? progress : { kind: "trying", failures, notBefore };
}
