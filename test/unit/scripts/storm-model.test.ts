// The model of the storm after an outage: nothing is lost, the queue stays bounded, and a larger shard is faster.
import fc from "fast-check";
import { expect, test } from "vitest";
import { runStorm, type Storm } from "../../../scripts/storm-model.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";

const storm = (facts: Partial<Storm> & { readonly seed?: number } = {}): Storm => {
  const random = seededRandom(facts.seed ?? 1);
  return {
    devices: 2_000,
    outageMs: 120_000,
    servedPerSecond: 50,
    refusalsPerServed: 5,
    waitingMax: 100,
    retryAfterMs: 1_000,
    random: () => random.below(1_000_000) / 1_000_000,
    ...facts,
  };
};

test("storm: every device comes back once, and the queue stays within its bound", () => {
  fc.assert(
    fc.property(
      fc.record({
        devices: fc.integer({ min: 1, max: 3_000 }),
        servedPerSecond: fc.integer({ min: 20, max: 500 }),
        waitingMax: fc.integer({ min: 1, max: 500 }),
        outageMs: fc.integer({ min: 0, max: 200_000 }),
        seed: fc.nat(),
      }),
      (facts) => {
        const seconds = runStorm(storm(facts));
        expect(seconds.at(-1)?.back).toBe(facts.devices);
        expect(seconds.reduce((sum, { served }) => sum + served, 0)).toBe(facts.devices);
        for (const { tries, refused, lost, waiting } of seconds) {
          expect(waiting).toBeLessThanOrEqual(facts.waitingMax);
          expect(refused + lost).toBeLessThanOrEqual(tries);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("storm: a shard with room for all serves them within the longest wait of a device", () => {
  const seconds = runStorm(storm({ servedPerSecond: 10_000, waitingMax: 10_000, outageMs: 600_000 }));
  expect(seconds.at(-1)?.second).toBeLessThanOrEqual(61);
  expect(seconds.every(({ refused, lost }) => refused === 0 && lost === 0)).toBe(true);
});

test("storm: a shard of a fifth of the capacity refuses, and needs longer", () => {
  const large = runStorm(storm({ servedPerSecond: 100 }));
  const small = runStorm(storm({ servedPerSecond: 20 }));
  expect(small.some(({ refused }) => refused > 0)).toBe(true);
  expect(small.length).toBeGreaterThan(large.length * 2);
});
