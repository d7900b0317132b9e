// Worlds whose servers keep bases, and whose devices come later. They also run among the seeds of `npm run simulate`.
import { expect, test } from "vitest";
import { FAULT_NAMES } from "../../src/testing/simulate/faults.ts";
import { drawPlan, PLAN_LIMITS } from "../../src/testing/simulate/plan.ts";
import { runSeed } from "../../src/testing/simulate/simulate.ts";
import { simulation } from "../support/simulation/simulation.ts";
import { baseMutants } from "./mutants/base-mutants.ts";
import { findMutant } from "./mutants/find-mutant.ts";

test("simulate: new devices join by a base, and end with the rows of the log", async () => {
  const joined: number[] = [];
  for (let seed = 1; seed <= 30; seed++) {
    const { problems, trace } = await runSeed(simulation.domain, seed, { ...simulation.options, faults: ["bases"] });
    expect(problems, `seed ${seed}`).toEqual([]);
    if (trace.some((line) => line.includes("stored join"))) joined.push(seed);
  }
  expect(joined.length).toBeGreaterThan(4);
});

test("drawPlan: bases add steps to a seed, and change nothing else of it", () => {
  const others = FAULT_NAMES.filter((name) => name !== "bases");
  let count = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const plan = drawPlan(seed, { ...PLAN_LIMITS, allowed: FAULT_NAMES });
    const steps = plan.steps.filter(({ kind }) => kind !== "newDevice");
    if (plan.faults.bases > 0) count++;
    expect(plan.steps.length > steps.length).toBe(plan.faults.bases > 0);
    expect({ ...plan, steps, faults: { ...plan.faults, bases: 0 } }).toEqual(
      drawPlan(seed, { ...PLAN_LIMITS, allowed: others }),
    );
  }
  expect(count).toBeGreaterThan(100);
});

test.each(baseMutants)("findMutant: finds the planted fault $name", async (mutant) => {
  expect(await findMutant(mutant, 100)).not.toBeNull();
});
