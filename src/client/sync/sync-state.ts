/**
 * The state of syncing in one tab, as a pure machine: `signal → reduce → nextStep → run the step → signal`.
 *
 * `nextStep` takes the first line that is true:
 *
 *   1  not the leader, paused or stopped ────────────────────► rest, until a signal comes
 *   2  waiting after a failure or many divergences ──────────► rest until the wait ends
 *   3  the histories have diverged ──────────────────────────► resolve-divergence
 *   4  a commit may be sent, the log is not refilling, the
 *      last push did not fail, and it is not a pull's turn ──► push
 *   5  stale, behind the server's head, or refilling ────────► pull
 *   6  a call brought records, and 30 s later the socket
 *      has not reported them ────────────────────────────────► pull
 *   7  the socket is closed, and its wait is over ───────────► connect
 *   8  as 4, and the last push failed ───────────────────────► push
 *   9  otherwise ────────────────────────────────────────────► rest until the first wait of 4, 6 or 7 ends
 *
 *   socket:  closed ──socket-requested──► opening ──socket-opened──► open
 *               ▲                            │                         │
 *               └── socket-lost, socket-closed, or line 1 is true ─────┘
 *
 * Guarantees (test/unit/client/sync/sync-state.test.ts, "reduce: random signals never break an invariant"):
 * - Nothing is pushed while histories have diverged.
 * - There is no socket while line 1 is true.
 * - A push that fails delays no pull and no socket.
 * - Every failure leads to a bounded wait. Only `stopped` waits without end, because a person must act first.
 */
import type { PlainError } from "../../core/values/plain-error.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import { type CallSize, firstCallSize } from "./call-size.ts";
import type { Behind } from "./push-queue.ts";
import { initialPushState, type PushState, STUCK_FAILURES } from "./push-state.ts";

export type SyncState = {
  /** Two facts from outside. Each can change at any time, whatever the other is. */
  readonly tab: { readonly isLeader: boolean; readonly isPaused: boolean };
  readonly progress: Progress;
  /** A problem that a person can fix while the loop tries again by itself. */
  readonly warning: PlainError | null;
  readonly agreement: Agreement;
  /** Divergences that came soon after each other, and when the last one was resolved (`env.elapsed`). */
  readonly divergences: { readonly count: number; readonly lastAt: number };
  /** The log's last position, as the server last reported it. */
  readonly head: number;
  /** The version of the server's domain, as the server last reported it. 0 before that. */
  readonly domain: number;
  readonly socket: SocketState;
  readonly push: PushState;
  readonly behind: Behind | null;
  readonly size: CallSize;
  readonly traffic: Traffic;
  /** Milliseconds since the epoch. */
  readonly lastSyncedAt: number | null;
  /** When a failed call is tried again, in milliseconds since the epoch. */
  readonly retryAt: number | null;
};

/** Bytes of answers and of answered pushes since this tab opened the log. */
export type Traffic = { readonly received: number; readonly sent: number };

/** `failures` came in a row; nothing is tried before `notBefore` (`env.elapsed`). See `trying` for `stopped`. */
export type Progress =
  | { readonly kind: "trying"; readonly failures: number; readonly notBefore: number }
  | { readonly kind: "stopped"; readonly error: PlainError };

/**
 * How this log compares with the server's. `fresh`: a call was answered after the last reason for doubt. Times by
 * `env.elapsed`.
 */
export type Agreement =
  { readonly kind: "stale" } | { readonly kind: "fresh"; readonly answeredAt: number } | { readonly kind: "diverged" };

/**
 * `failures`: sockets lost or refused in a row. `cursor`: the end of what the socket has reported. Times by
 * `env.elapsed`.
 */
export type Sockets = {
  closed: { readonly failures: number; readonly notBefore: number };
  opening: { readonly failures: number; readonly cursor: SocketCursor };
  open: { readonly failures: number; readonly cursor: SocketCursor; readonly openedAt: number };
};
export type SocketState<Kind extends keyof Sockets = keyof Sockets> = {
  [K in Kind]: { readonly kind: K } & Sockets[K];
}[Kind];

/** A position in the log. The mark is null when a hint reported the position, because a hint has no mark. */
export type SocketCursor = { readonly position: number; readonly mark: string | null };

/** The facts that the loop reads outside the state. */
export type SyncInputs = {
  /** By `env.elapsed`. */
  readonly now: number;
  readonly cursor: Cursor | null;
  /** Pending commits that may be sent: without stuck commits, commits behind them, and commits that were recorded. */
  readonly pending: number;
  /** When the next stuck commit is sent again, by `env.elapsed`. Null: no pending commit is stuck. */
  readonly stuckAt: number | null;
  /**
   * The device dropped its log, with the right to read or with its base, and is filling it again. Until the log is
   * full, the device does not know whether the server lost records.
   */
  readonly isRefilling: boolean;
};

export type Step =
  | { readonly do: "push" | "pull" | "resolve-divergence" | "connect" }
  | { readonly do: "rest"; readonly until: number | null };

/**
 * The loop pulls again when a call brought records and the socket has not reported them for this long. The server
 * may have been restored while the socket's node did not notice. The pull finds this. A device without a socket pulls
 * equally often.
 */
export const UNREPORTED_MS = 30_000;

export const initialSyncState: SyncState = {
  tab: { isLeader: false, isPaused: false },
  progress: { kind: "trying", failures: 0, notBefore: 0 },
  warning: null,
  agreement: { kind: "stale" },
  divergences: { count: 0, lastAt: 0 },
  head: 0,
  domain: 0,
  socket: { kind: "closed", failures: 0, notBefore: 0 },
  push: initialPushState,
  behind: null,
  size: firstCallSize,
  traffic: { received: 0, sent: 0 },
  lastSyncedAt: null,
  retryAt: null,
};

export function nextStep(state: SyncState, { now, cursor, pending, stuckAt, isRefilling }: SyncInputs): Step {
  const { progress, agreement, head, socket, push, behind } = state;
  if (progress.kind === "stopped" || !maySync(state)) return { do: "rest", until: null };
  if (now < progress.notBefore) return { do: "rest", until: progress.notBefore };
  if (agreement.kind === "diverged") return { do: "resolve-divergence" };
  const pushWaits = [...(pending > 0 ? [push.notBefore] : []), ...(stuckAt === null ? [] : [stuckAt])];
  // An empty log pushes once behind the end that it dropped, because it joins with the answer.
  const mayPush = (!isRefilling || (cursor === null && behind === null)) && pushWaits.some((wait) => now >= wait);
  const isTroubled = push.failures > 0 || stuckAt !== null;
  // Pushes and pulls take turns while recorded commits wait for their records. Otherwise a long queue stops the log.
  const isTurnOfPull = behind?.pullNext === true && head > positionOf(cursor);
  if (mayPush && !isTroubled && !isTurnOfPull) return { do: "push" };
  if (agreement.kind === "stale" || head > positionOf(cursor) || isRefilling) return { do: "pull" };
  const isReported = socket.kind !== "open" || hasReported(socket.cursor, cursor);
  const unreportedAt = isReported ? null : agreement.answeredAt + UNREPORTED_MS;
  if (unreportedAt !== null && now >= unreportedAt) return { do: "pull" };
  if (socket.kind === "closed" && now >= socket.notBefore) return { do: "connect" };
  if (mayPush) return { do: "push" };
  const waits = [
    ...pushWaits,
    ...(socket.kind === "closed" ? [socket.notBefore] : []),
    ...(unreportedAt === null ? [] : [unreportedAt]),
  ];
  return { do: "rest", until: waits.length > 0 ? Math.min(...waits) : null };
}

/** True if the socket has reported this cursor or a later one. */
function hasReported(reported: SocketCursor, cursor: Cursor | null): boolean {
  if (reported.position !== positionOf(cursor)) return reported.position > positionOf(cursor);
  return reported.mark === null || cursor === null || reported.mark === cursor.mark;
}

/** False: no call is made, and no socket may be open. */
export function maySync({ tab, progress }: SyncState): boolean {
  return tab.isLeader && !tab.isPaused && progress.kind !== "stopped";
}

/**
 * The failures so far, and the wait because of them. For a stopped loop both are 0.
 */
export function tries(progress: Progress): { readonly failures: number; readonly notBefore: number } {
  return progress.kind === "trying" ? progress : { failures: 0, notBefore: 0 };
}

export function socketCursorOf(cursor: Cursor | null): SocketCursor {
  return cursor ?? { position: 0, mark: null };
}

/** The state that a person sees. `connecting`: the log may be stale. `fresh`: it is as of the last answer. */
export type SyncSummary = {
  readonly activity: "paused" | "offline" | "following" | "stopped" | "connecting" | "fresh";
  readonly isSocketOpen: boolean;
  readonly head: number;
  readonly domain: number;
  readonly lastSyncedAt: number | null;
  /** Null unless `activity` is `offline`. */
  readonly retryAt: number | null;
  readonly traffic: Traffic;
  readonly error: PlainError | null;
};

export function syncSummary(state: SyncState): SyncSummary {
  const { progress, warning, socket, push, head, domain, lastSyncedAt, traffic } = state;
  const activity = activityOf(state);
  return {
    activity,
    retryAt: activity === "offline" ? state.retryAt : null,
    isSocketOpen: socket.kind === "open",
    head,
    domain,
    lastSyncedAt,
    traffic,
    error:
      progress.kind === "stopped" ? progress.error : (warning ?? (push.failures >= STUCK_FAILURES ? push.error : null)),
  };
}

function activityOf({ tab, progress, warning, agreement }: SyncState): SyncSummary["activity"] {
  if (tab.isPaused) return "paused";
  if (!tab.isLeader) return "following";
  if (progress.kind === "stopped") return "stopped";
  if (progress.failures > 0) return warning?.code === "unauthorized" ? "stopped" : "offline";
  return agreement.kind === "fresh" ? "fresh" : "connecting";
}
