/**
 * A hybrid logical clock in one number: milliseconds since the epoch, with steps inside a millisecond as the fraction.
 *
 * Guarantees (test: `clock.test.ts`):
 * - `tick` returns a later time than the last one, even if the device's clock stops or jumps back.
 * - `follow` never accepts a time that is more than a day ahead of the device's clock.
 * - `new Date(time)` works, because a Date drops the fraction.
 *
 * Times are information only. The server's position is the only order.
 *
 * Source: Kulkarni et al., "Logical Physical Clocks" (2014). A double has room for 1/1024 ms beside today's
 * milliseconds, so the clock needs no second number.
 */

/** One step within a millisecond. Exact in a double up to 2 ** 43 ms, the year 2248. */
export const CLOCK_STEP_MS = 1 / 1024;

/**
 * The number of milliseconds that a time may be ahead of the receiver's clock. Honest clocks are wrong by hours, seldom
 * by a day.
 */
export const CLOCK_DRIFT_MS_MAX = 24 * 60 * 60 * 1000;

/** Returns the next time of this device: `now` if it is later than `last`, otherwise one step after `last`. */
export function tick(last: number, now: number): number {
  return Math.max(Math.floor(now), last + CLOCK_STEP_MS);
}

/** Returns the clock after the device received a time of another device. A time that is too far ahead is ignored. */
export function follow(last: number, received: number, now: number): number {
  return received > last && received <= now + CLOCK_DRIFT_MS_MAX ? received : last;
}

/** Returns the author's time as the server records it: at most a day ahead of the server's own clock. */
export function clampTime(claimed: number, now: number): { readonly time: number; readonly clamped: boolean } {
  const latest = now + CLOCK_DRIFT_MS_MAX;
  return claimed > latest ? { time: latest, clamped: true } : { time: claimed, clamped: false };
}
