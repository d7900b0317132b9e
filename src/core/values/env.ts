/** The shape of the functions that are not pure and that both sides need: clock, timer, random bytes. Core only names it. */
export interface BaseEnv {
  /** Milliseconds since the epoch. May jump. */
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Calls `run` once, `delayMs` milliseconds later or more. Returns a function that cancels the timer. */
  readonly setTimer: (run: () => void, delayMs: number) => () => void;
}

/** Bytes that a pool draws at once. */
const POOL_BYTES = 1024;

/**
 * Random bytes in small portions, drawn from `draw` in large ones. Every drawn byte is returned once.
 *
 * A pool exists because one call of the system costs about 15 microseconds, for ten bytes as for a thousand.
 */
export function bytePool(draw: (count: number) => Uint8Array): BaseEnv["randomBytes"] {
  let pool = new Uint8Array(0);
  return (count) => {
    if (count > POOL_BYTES) return draw(count);
    // The first draw waits for the first call, because Workers do not draw before the first request.
    if (pool.length < count) pool = draw(POOL_BYTES).slice();
    const bytes = pool.slice(0, count);
    pool = pool.subarray(count);
    return bytes;
  };
}
