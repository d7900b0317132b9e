/**
 * The functions of the outside that client and server need: clock, timer and random bytes.
 *
 * Guarantees: core only declares these types. Each entry passes in the functions of its platform.
 */

/** The clock, the timer and the random bytes of a platform. */
export interface BaseEnv {
  /** Milliseconds since the epoch. The value may jump in both directions. */
  readonly now: () => number;
  /** Returns `count` random bytes. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Calls `run` once, `delayMs` milliseconds later or more. Returns a function that cancels the timer. */
  readonly setTimer: (run: () => void, delayMs: number) => () => void;
}

/** The number of bytes that a pool draws at once. */
const POOL_BYTES = 1024;

/**
 * Returns a function that hands out random bytes in small portions and draws them in large ones.
 *
 * A pool exists because one call of the system costs about 15 microseconds, for ten bytes as for a thousand. It returns
 * no byte twice, because ids would then repeat (test: `env.test.ts`).
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
