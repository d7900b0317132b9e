/** Runs seeds with a planted fault until a seed breaks. */
import { runSeeds } from "../../../src/testing/simulate/simulate.ts";
import { simulation } from "../../support/simulation/simulation.ts";
import type { Mutant } from "./mutant.ts";

export async function findMutant(
  { parts, faults, firstSeed = 1 }: Mutant,
  seedsMax: number,
): Promise<{ readonly seed: number; readonly problem: string } | null> {
  for (let seed = firstSeed; seed < firstSeed + seedsMax; seed++) {
    const { broken } = await runSeeds(simulation.domain, {
      ...simulation.options,
      ...(faults && { faults }),
      parts: parts(),
      firstSeed: seed,
      seeds: 1,
      shrinks: false,
    });
    const problem = broken[0]?.problems[0]?.split("\n")[0];
    if (problem !== undefined) return { seed, problem };
  }
  return null;
}
