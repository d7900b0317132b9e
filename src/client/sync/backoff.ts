/** The waits after failures. Pure. */

/** When a signal comes: milliseconds since the epoch, milliseconds by `env.elapsed`, and chance in [0, 1). */
export type Moment = { readonly now: number; readonly elapsed: number; readonly chance: number };

/** `retryAfterMs`: the wait that the server requested. */
export type Failure = { readonly retryAfterMs: number | null };

/** The first and the longest wait. Waits double, and chance draws the wait between 0 and that time. */
export const BACKOFF_MS = { first: 500, most: 60_000 } as const;
/** The longest wait that a server can request. */
export const RETRY_AFTER_MS_MAX = 10 * 60_000;

/**
 * Full jitter, so that many clients spread out. Never shorter than the server requested. Chance adds to that wait,
 * because all clients of a busy server get the same request.
 */
export function backoff(failures: number, { chance }: Moment, retryAfterMs: number | null): number {
  const requested = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MS_MAX);
  const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(failures, 16));
  return requested + Math.round(chance * Math.max(most, requested / 4));
}
