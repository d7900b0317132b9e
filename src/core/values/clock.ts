/**
 * A hybrid logical clock in one number: milliseconds since the epoch, steps within a millisecond in the fraction.
 *
 * Holds: `tick` always gives a later time than the last one, also when the device's clock stands still or jumps back; a
 * time that is far ahead of the device's own clock is never followed. Times inform; order is the server's position and
 * nothing else. `new Date(time)` works, since a Date drops the fraction.
 *
 * The idea is that of Kulkarni et al., "Logical Physical Clocks" (2014); a double has room for 1/1024 ms beside today's
 * milliseconds, so no second number is needed.
 */

/** One step within a millisecond. Exact in a double up to 2 ** 43 ms, the year 2248. */
export const CLOCK_STEP_MS = 1 / 1024;

/** How far ahead of the receiver's clock a time may be. Honest clocks are wrong by hours, seldom by a day. */
export const CLOCK_DRIFT_MS_MAX = 24 * 60 * 60 * 1000;

/** The next time of this device: `now` where that is later than `last`, else one step after `last`. */
export function tick(last: number, now: number): number {
  return Math.max(Math.floor(now), last + CLOCK_STEP_MS);
}

/** The clock after a time was heard from elsewhere: followed unless it is too far ahead. */
export function follow(last: number, heard: number, now: number): number {
  return heard > last && heard <= now + CLOCK_DRIFT_MS_MAX ? heard : last;
}

/** The author's time as the server records it: at most a day ahead of the server's own clock. */
export function clampTime(claimed: number, now: number): { readonly time: number; readonly clamped: boolean } {
  const latest = now + CLOCK_DRIFT_MS_MAX;
  return claimed > latest ? { time: latest, clamped: true } : { time: claimed, clamped: false };
}
