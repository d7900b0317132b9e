import fc from "fast-check";
import { expect, test } from "vitest";
import { backoff, BACKOFF_MS, RETRY_AFTER_MS_MAX } from "../../../../src/client/sync/backoff.ts";

const at = (chance: number) => ({ now: 0, elapsed: 0, chance });
const chances = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const failures = fc.nat(40);

test("backoff: is never shorter than the server requested, up to ten minutes", () => {
  fc.assert(
    fc.property(failures, chances, fc.nat(10_000_000), (count, chance, requested) => {
      expect(backoff(count, at(chance), requested)).toBeGreaterThanOrEqual(Math.min(requested, RETRY_AFTER_MS_MAX));
    }),
  );
});

test("backoff: the waits of many devices spread out, also after a request of the server", () => {
  fc.assert(
    fc.property(failures, fc.option(fc.integer({ min: 1, max: 10_000_000 })), (count, requested) => {
      const [first, last] = [backoff(count, at(0), requested), backoff(count, at(0.999), requested)];
      const longest = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** count);
      const spread = Math.max(longest, Math.min(requested ?? 0, RETRY_AFTER_MS_MAX) / 4);
      expect(last - first).toBeGreaterThan(0.99 * spread - 1);
    }),
  );
});

test("backoff: without a request of the server, the longest wait is a minute", () => {
  fc.assert(
    fc.property(failures, chances, (count, chance) => {
      expect(backoff(count, at(chance), null)).toBeLessThanOrEqual(BACKOFF_MS.most);
    }),
  );
});
