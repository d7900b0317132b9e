/**
 * Token buckets: how much a key may still use, and how long it must wait otherwise.
 *
 * Guarantees:
 * - The number of keys is bounded. The key that was unused for longest goes first ("rate limit: …" in
 *   http.limits.test.ts).
 * - A forgotten bucket is full again. Usually it had filled up by waiting anyway.
 */
import { evictOldest } from "./evict-oldest.ts";
import type { Rate } from "./limits.ts";

export type RateLimiter = {
  /** Takes `cost` from a key's bucket and returns 0, or takes nothing and returns the milliseconds to wait. */
  readonly tryConsume: (key: string, cost?: number) => number;
};

/** Keys that one limiter remembers: about 2 MB. */
const KEYS_MAX = 10_000;

/** The tokens that a bucket held at a time. */
export type Bucket = { tokens: number; at: number };

export function createRateLimiter(rate: Rate, now: () => number): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return {
    tryConsume: (key, cost = 1) => {
      const bucket = buckets.get(key) ?? fullBucket(rate, now());
      buckets.delete(key);
      buckets.set(key, bucket);
      evictOldest(buckets, () => buckets.size > KEYS_MAX);
      return tryConsumeFrom(bucket, rate, now(), cost);
    },
  };
}

export function fullBucket(rate: Rate, now: number): Bucket {
  return { tokens: rate.burst, at: now };
}

/** Takes `cost` from a bucket and returns 0, or takes nothing and returns the milliseconds to wait. */
export function tryConsumeFrom(bucket: Bucket, rate: Rate, now: number, cost: number): number {
  // A clock that jumped back adds nothing.
  const tokens = Math.min(rate.burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * rate.perSecond);
  // A cost above a whole bucket passes when the bucket is full, because otherwise it would never pass.
  const needed = Math.min(cost, rate.burst);
  const enough = tokens >= needed;
  Object.assign(bucket, { tokens: enough ? tokens - needed : tokens, at: now });
  return enough ? 0 : Math.ceil(((needed - tokens) / rate.perSecond) * 1000);
}
