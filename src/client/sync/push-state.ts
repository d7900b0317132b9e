/**
 * The part of the sync state that is about pushes: their size, their waits, and the commits that do not get through.
 *
 * Guarantees (test/unit/client/sync/sync-state.test.ts):
 * - A push that fails again and again is halved until a single commit is found. The commits before it get through.
 * - A failure with a cause outside of the commits finds no commit.
 */
import type { PlainError } from "../../core/values/plain-error.ts";
import type { CommitId } from "../../core/values/ids.ts";
import { backoff, type Failure, type Moment } from "./backoff.ts";

export type PushState = {
  /** No push before this time (`env.elapsed`), except of a stuck commit. */
  readonly notBefore: number;
  /** The commits in one push. */
  readonly max: number;
  /** Pushes that failed in a row, and the last error. */
  readonly failures: number;
  readonly error: PlainError | null;
  /** Failures in a row that a commit of the push may have caused. Each one follows an answer to a pull. */
  readonly suspicions: number;
  /** Commits that do not get through, the one of the last try last. Some may have settled or been withdrawn since. */
  readonly stuck: readonly StuckPush[];
};

/** A commit that fails also in a push of its own. It is sent again alone, with growing waits. */
export type StuckPush = {
  readonly id: CommitId;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly failures: number;
  /** By `env.elapsed`. */
  readonly notBefore: number;
  readonly error: PlainError;
};

/** `stopped`: the server stopped before this commit. Its error is null if only a newer server decides the commit. */
export type AnsweredPush = {
  readonly sent: readonly CommitId[];
  readonly stopped: { readonly id: CommitId; readonly error: PlainError | null } | null;
};

/** `isSuspicious`: one of the commits may have caused the failure. */
export type FailedPush = Failure & {
  readonly sent: readonly CommitId[];
  readonly error: PlainError;
  readonly isSuspicious: boolean;
};

export const PUSH_COMMITS_MAX = 500;
/** A push that failed this often in a row is shown. A single commit that may have caused it counts as stuck. */
export const STUCK_FAILURES = 3;
/** After this many suspicious failures in a row, the push is halved. */
const SUSPICIONS = 2;
/** The loop pushes again after this time if the server could not decide a commit. */
export const POSTPONED_MS = 30_000;

export const initialPushState: PushState = {
  notBefore: 0,
  max: PUSH_COMMITS_MAX,
  failures: 0,
  error: null,
  suspicions: 0,
  stuck: [],
};

/** Something came back: send everything at once. */
export function pushWoken(push: PushState): PushState {
  return { ...push, notBefore: 0, stuck: push.stuck.map((stuck) => ({ ...stuck, notBefore: 0 })) };
}

/** A push failed because of this device or its account, such as a full disk. No commit is at fault. */
export function pushDelayed(push: PushState, error: PlainError, at: Moment): PushState {
  const notBefore = Math.max(push.notBefore, at.elapsed + backoff(push.failures, at, null));
  const stuck = push.stuck.map((one) => ({ ...one, notBefore: Math.max(one.notBefore, notBefore) }));
  return { ...push, error, failures: push.failures + 1, notBefore, stuck };
}

/** The server answered a push, at least in part. */
export function pushAnswered(push: PushState, { sent, stopped }: AnsweredPush, at: Moment): PushState {
  const max = Math.min(push.max * 2, PUSH_COMMITS_MAX);
  const stuck = push.stuck.filter(({ id }) => !sent.includes(id));
  const before = push.stuck.find(({ id }) => id === stopped?.id);
  // An id that was not sent is not this device's commit.
  const error = stopped && sent.includes(stopped.id) ? stopped.error : null;
  if (stopped && error)
    stuck.push({
      id: stopped.id,
      error,
      since: before?.since ?? at.now,
      failures: (before?.failures ?? 0) + 1,
      notBefore: at.elapsed + POSTPONED_MS,
    });
  return {
    notBefore: stopped && !error ? at.elapsed + POSTPONED_MS : 0,
    max,
    failures: 0,
    error: null,
    // A part of a push that failed got through. If the next part fails, it is halved at once.
    suspicions: max === PUSH_COMMITS_MAX ? 0 : Math.min(push.suspicions, SUSPICIONS - 1),
    stuck,
  };
}

/**
 * A push failed. After some failures that a commit may have caused, each push is half of the one before. The search
 * ends at a single commit. The commits before it got through meanwhile.
 */
export function pushFailed(push: PushState, signal: FailedPush, at: Moment): PushState {
  const { sent, error, retryAfterMs, isSuspicious } = signal;
  const [first] = sent;
  const isAlone = sent.length === 1;
  const before = push.stuck.find(({ id }) => id === first);
  const suspicions = push.suspicions + (isSuspicious ? 1 : 0);
  // All commits wait as long as the server requested.
  const retryAt = at.elapsed + backoff(0, { ...at, chance: 0 }, retryAfterMs);
  const stuck = push.stuck.map((one) => ({ ...one, notBefore: Math.max(one.notBefore, retryAt) }));
  if (first !== undefined && (before || (isAlone && isSuspicious && suspicions >= STUCK_FAILURES))) {
    const failures = before?.failures ?? STUCK_FAILURES;
    const notBefore = at.elapsed + backoff(failures, at, retryAfterMs);
    const found: StuckPush = { id: first, error, since: before?.since ?? at.now, failures: failures + 1, notBefore };
    const others = stuck.filter(({ id }) => id !== first);
    if (before) return { ...push, notBefore: Math.max(push.notBefore, retryAt), stuck: [...others, found] };
    return { ...push, notBefore: retryAt, failures: 0, error: null, suspicions: 0, stuck: [...others, found] };
  }
  // The search makes short waits, because the server answers pulls.
  const waits = isSuspicious && !isAlone ? Math.min(push.failures, SUSPICIONS) : push.failures;
  return {
    ...push,
    stuck,
    error,
    failures: push.failures + 1,
    notBefore: at.elapsed + backoff(waits, at, retryAfterMs),
    suspicions: isAlone ? suspicions : Math.min(suspicions, SUSPICIONS),
    max: isSuspicious && suspicions >= SUSPICIONS ? Math.max(1, Math.floor(sent.length / 2)) : push.max,
  };
}
