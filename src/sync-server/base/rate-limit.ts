/**
 * Token buckets: how much someone may still ask for, and how long to wait otherwise.
 *
 * Holds: the number of keys is bounded; the one that was not used for longest goes first. A bucket that was
 * forgotten is full again, which is what it had become by waiting in all but the busiest moments.
 */
import type { Rate } from "./limits.ts";

export type RateLimiter = {
  /** Takes `cost` from a key's bucket and gives 0, or leaves it and gives the milliseconds to wait. */
  readonly tryConsume: (key: string, cost?: number) => number;
};

/** Keys remembered by one limiter: some 2 MB. */
const KEYS_MAX = 10_000;

/** What is left in a bucket, and since when. */
export type Bucket = { tokens: number; at: number };

export function createRateLimiter(rate: Rate, now: () => number): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    tryConsume: (key, cost = 1) => {
      const bucket = buckets.get(key) ?? fullBucket(rate, now());
      buckets.delete(key);
      buckets.set(key, bucket);
      for (const oldest of buckets.keys()) {
        if (buckets.size <= KEYS_MAX) break;
        buckets.delete(oldest);
      }
      return tryConsumeFrom(bucket, rate, now(), cost);
    },
  };
}

export function fullBucket(rate: Rate, now: number): Bucket {
  return { tokens: rate.burst, at: now };
}

/** Takes `cost` from a bucket and gives 0, or leaves it and gives the milliseconds to wait. */
export function tryConsumeFrom(bucket: Bucket, rate: Rate, now: number, cost: number): number {
  // A clock that jumped back adds nothing.
  const tokens = Math.min(rate.burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * rate.perSecond);
  // What costs more than a whole bucket passes when it is full, or it would never pass.
  const needed = Math.min(cost, rate.burst);
  const enough = tokens >= needed;
  Object.assign(bucket, { tokens: enough ? tokens - needed : tokens, at: now });
  return enough ? 0 : Math.ceil(((needed - tokens) / rate.perSecond) * 1000);
}
