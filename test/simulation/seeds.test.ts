// The first thousand seeds of the project's own simulation. `npm run simulate` runs any number of seeds.
import { expect, test } from "vitest";
import { describeBroken, runSeed, runSeeds } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "../support/simulation/simulation.ts";

test("simulate: 1,000 worlds break no invariant", async () => {
  const { seeds, broken } = await runSeeds(simulation.domain, { ...simulation.options, seeds: 1_000 });
  expect(broken.map(describeBroken).join("\n\n")).toBe("");
  expect(seeds).toBe(1_000);
});

test("runSeed: the same seed makes the same picks each time", async () => {
  for (const seed of [1, 17, 404, 2_001]) {
    const [first, second] = [
      await runSeed(simulation.domain, seed, simulation.options),
      await runSeed(simulation.domain, seed, simulation.options),
    ];
    expect(second).toEqual(first);
    expect(first.picks).toBeGreaterThan(10);
  }
});
