// A few simulated worlds, for `npm run mutate` only: many changes of the code show in a whole system alone.
import { expect, test } from "vitest";
import { runSeed } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "../support/simulation/simulation.ts";

test.each(Array.from({ length: 12 }, (_, n) => n + 1))("simulate: world %i breaks no invariant", async (seed) => {
  const { problems } = await runSeed(simulation.domain, seed, simulation.options);
  expect(problems).toEqual([]);
});
