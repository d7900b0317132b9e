/**
 * Shortens a failing plan: it removes steps, faults and devices as long as the plan still fails.
 *
 * Guarantees:
 * - The number of attempts is bounded.
 * - The returned plan fails, and runs the same each time.
 */
import { type FaultName, FAULT_NAMES } from "./faults.ts";
import { ADDED_STEPS, type Plan, STEPS_OF_FAULTS } from "./plan.ts";

/** The largest number of attempts. Each attempt is a run. */
const TRIES_MAX = 400;

export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let shortest = plan;
  let tries = 0;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (tries++ >= TRIES_MAX || !(await fails(candidate))) return false;
    shortest = candidate;
    return true;
  };
  for (let again = true; again && tries < TRIES_MAX;) {
    again = false;
    for (const name of FAULT_NAMES) {
      if (shortest.faults[name] > 0 && (await attempt(without(shortest, name)))) again = true;
    }
    for (let size = Math.ceil(shortest.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let from = shortest.steps.length - size; from >= 0; from -= size) {
        const steps = [...shortest.steps.slice(0, from), ...shortest.steps.slice(from + size)];
        if (await attempt({ ...shortest, steps })) again = true;
      }
    }
    while (shortest.devices > 1 && (await attempt({ ...shortest, devices: shortest.devices - 1 }))) again = true;
  }
  return shortest;
}

function without({ faults, steps, ...plan }: Plan, name: FaultName): Plan {
  return {
    ...plan,
    faults: { ...faults, [name]: 0 },
    steps: steps.filter(({ kind }) => kind !== STEPS_OF_FAULTS[name] && !ADDED_STEPS[name]?.kinds.includes(kind)),
  };
}
