/**
 * `reduce`: how each signal changes the state of syncing. Pure. `sync-state` has the state, and its diagram.
 *
 * Guarantees:
 * - The tables are complete, because the compiler refuses a missing signal and a missing kind of socket.
 * - The socket is closed in every state in which the tab may not sync.
 */
import type { PlainError } from "../../core/values/errors.ts";
import type { Cursor } from "../../core/history/record.ts";
import {
  type Agreement,
  initialSyncState,
  maySync,
  type Progress,
  PUSH_COMMITS_MAX,
  type SocketCursor,
  socketCursorOf,
  type Sockets,
  type SocketState,
  type SyncState,
  tries,
} from "./sync-state.ts";

/** When a signal comes: milliseconds since the epoch, milliseconds by `env.elapsed`, and chance in [0, 1). */
export type Moment = { readonly now: number; readonly elapsed: number; readonly chance: number };

/** `retryAfterMs`: the wait that the server requested. */
type Failure = { readonly retryAfterMs: number | null };

/** `domain`: the version of the server's domain, if the server reports it. */
type Answered = { readonly head: number; readonly domain?: number | undefined };

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
  /** `isPostponed`: the server stopped before a commit that it could not decide. */
  "push-answered": Answered & { readonly isPostponed: boolean };
  /** The call under way has no answer for `SLOW_MS`. */
  "call-slow": object;
  "push-too-large": { readonly sent: number };
  "frame-confirmed": { readonly head: number };
  diverged: object;
  "divergence-resolved": object;
  failed: Failure & { readonly warning: PlainError | null };
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

/** The first and the longest wait. Waits double, and chance draws the wait between 0 and that time. */
export const BACKOFF_MS = { first: 500, most: 60_000 } as const;
/** The longest wait that a server can request. */
export const RETRY_AFTER_MS_MAX = 10 * 60_000;
/** This many divergences in a row are resolved without a wait. */
const DIVERGENCES_AT_ONCE = 3;
/** After this time without a divergence, the count starts again. */
const DIVERGENCES_FORGOTTEN_MS = 10 * 60_000;
/** A socket that was open for less time counts as refused, because some proxies open each socket and cut it at once. */
export const SOCKET_STABLE_MS = 10_000;
/** The loop pushes again after this time if the server could not decide a commit. */
export const POSTPONED_MS = 30_000;

/** The next state. If the tab may not sync, `reduce` also closes the socket. */
export function reduce<T extends keyof Signals>(state: SyncState, signal: Signal<T>, moment: Moment): SyncState {
  const type: T = signal.type;
  const next = { ...state, ...changes[type](state, signal, moment) };
  return maySync(next) ? next : { ...next, socket: closed(next.socket) };
}

type Change = Partial<SyncState>;

/** The change of each signal. The compiler refuses a table that lacks a signal. */
const changes: { readonly [T in keyof Signals]: (state: SyncState, signal: Signal<T>, at: Moment) => Change } = {
  "leader-changed": ({ tab, agreement }, { isLeader }) => ({ tab: { ...tab, isLeader }, agreement: doubt(agreement) }),
  "paused-changed": (state, { isPaused }) => ({ ...(!isPaused && woken(state)), tab: { ...state.tab, isPaused } }),
  "network-changed": woken,
  "became-visible": woken,
  resumed: (state) => ({ ...woken(state), socket: initialSyncState.socket }),
  "pull-answered": answered,
  "push-answered": (state, signal, at) => ({
    ...answered(state, signal, at),
    push: {
      notBefore: signal.isPostponed ? at.elapsed + POSTPONED_MS : 0,
      max: Math.min(state.push.max * 2, PUSH_COMMITS_MAX),
    },
  }),
  // The answer may be lost, so `live` would claim too much.
  "call-slow": ({ agreement }) => ({ agreement: doubt(agreement) }),
  "push-too-large": ({ push }, { sent }) => ({ push: { ...push, max: Math.max(1, Math.floor(sent / 2)) } }),
  "frame-confirmed": (state, { head }, { now }) => ({ head: Math.max(state.head, head), lastSyncedAt: now }),
  diverged: () => ({ agreement: { kind: "diverged" } }),
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

function answered(state: SyncState, { head, domain = state.domain }: Answered, at: Moment): Change {
  const { progress, agreement } = state;
  return {
    warning: null,
    progress: trying(progress, 0, 0),
    agreement: agreement.kind === "diverged" ? agreement : { kind: "fresh", answeredAt: at.elapsed },
    head,
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
    push: { ...push, notBefore: 0 },
    socket: socket.kind === "closed" ? initialSyncState.socket : { ...socket, failures: 0 },
  };
}

/** A call failed: wait, longer each time, and never shorter than the server requested before. */
function failed({ progress, agreement }: SyncState, signal: Signal<"failed">, at: Moment): Change {
  const { failures, notBefore } = tries(progress);
  const wait = backoff(failures, at, signal.retryAfterMs);
  return {
    warning: signal.warning,
    // Read from the server again, because a frame that could not be stored is lost.
    agreement: doubt(agreement),
    progress: trying(progress, failures + 1, Math.max(notBefore, at.elapsed + wait)),
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

/** `stopped` ends only in `woken`: the page is shown again, the network changes, or syncing is resumed. */
function trying(progress: Progress, failures: number, notBefore: number): Progress {
  return progress.kind === "stopped" ? progress : { kind: "trying", failures, notBefore };
}

/** Full jitter, so that many clients spread out. Never shorter than the server requested. */
function backoff(failures: number, { chance }: Moment, retryAfterMs: number | null): number {
  const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(failures, 16));
  return Math.min(Math.max(retryAfterMs ?? 0, Math.round(most * chance)), RETRY_AFTER_MS_MAX);
}
