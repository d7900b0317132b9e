/**
 * Token buckets: how much someone may still ask for, and how long to wait otherwise.
 *
 * Holds: the number of keys is bounded; the one that was not used for longest goes first. A bucket that was
 * forgotten is full again, which is what it had become by waiting in all but the busiest moments.
 */
import type { Rate } from "./limits.ts";

export type RateLimiter = {
  /** Takes `cost` from a key's bucket and gives 0, or leaves it and gives the milliseconds to wait. */
  readonly take: (key: string, cost?: number) => number;
};

/** Keys remembered by one limiter: some 2 MB. */
const KEYS_MAX = 10_000;

type Bucket = { tokens: number; at: number };

export function createRateLimiter(rate: Rate, now: () => number): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    take: (key, cost = 1) => {
      const at = now();
      const bucket = buckets.get(key) ?? { tokens: rate.burst, at };
      // A clock that jumped back adds nothing.
      bucket.tokens = Math.min(rate.burst, bucket.tokens + (Math.max(0, at - bucket.at) / 1000) * rate.perSecond);
      bucket.at = at;
      buckets.delete(key);
      buckets.set(key, bucket);
      for (const oldest of buckets.keys()) {
        if (buckets.size <= KEYS_MAX) break;
        buckets.delete(oldest);
      }
      // What costs more than a whole bucket passes when it is full, or it would never pass.
      const needed = Math.min(cost, rate.burst);
      if (bucket.tokens < needed) return Math.ceil(((needed - bucket.tokens) / rate.perSecond) * 1000);
      bucket.tokens -= needed;
      return 0;
    },
  };
}
