// The second thousand seeds, in its own file so that two cores share the work. It also proves that planted faults are
// found.
import { expect, test } from "vitest";
import { describeBroken, runSeeds, simulate, SimulationError } from "../../src/testing/simulate/simulate.ts";
import { findMutant } from "./mutants/find-mutant.ts";
import { mutants } from "./mutants/index.ts";
import { simulation } from "../support/simulation/simulation.ts";

test("simulate: 1,000 more worlds break no invariant", async () => {
  const { seeds, broken } = await runSeeds(simulation.domain, {
    ...simulation.options,
    firstSeed: 1_001,
    seeds: 1_000,
  });
  expect(broken.map(describeBroken).join("\n\n")).toBe("");
  expect(seeds).toBe(1_000);
});

test.each([
  "no-deduplication",
  "offline-believed",
  "locks-required",
  "known-never-tells",
  "pushed-newest-first",
  "execute-before-durable",
  "made-append-is-refused",
  "conflicts-unseen",
])("findMutant: finds the planted fault %s", async (name) => {
  const mutant = mutants.find((one) => one.name === name);
  if (!mutant) throw new Error(`There is no planted fault ${name}`);
  expect(await findMutant(mutant, 200)).not.toBeNull();
});

test("simulate: reports a broken seed with its shortest trace and the options to run it again", async () => {
  const mutant = mutants.find(({ name }) => name === "no-deduplication");
  const run = simulate(simulation.domain, {
    ...simulation.options,
    seeds: 50,
    stopsAtFirst: true,
    ...(mutant && { parts: mutant.parts() }),
  });
  await expect(run).rejects.toThrow(SimulationError);
  await expect(run).rejects.toThrow(/Run it again with the same options, and \{ firstSeed: \d+, seeds: 1 \}/);
});
