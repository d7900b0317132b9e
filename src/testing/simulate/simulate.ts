/**
 * `simulate`: checks an app's domain under all faults. Whole devices and servers in one thread, from a seed.
 *
 * Place: the public entry of the simulator. `run-plan` runs one seed.
 *
 * Guarantees: no clock, no chance but the seed's, no test runner. The same seed does the same everywhere.
 */
import type { Domain } from "../../core/domain/define-domain.ts";
import { FAULT_NAMES, FAULTS, type FaultName } from "./faults.ts";
import type { BrokenSeed, SimulateOptions, SimulationReport } from "./options.ts";
import { drawPlan, type Plan, PLAN_LIMITS } from "./plan.ts";
import { type RunOptions, runPlan, type RunResult } from "./run-plan.ts";
import { shrink } from "./shrink.ts";

/** The simulation found a seed that breaks an invariant. `report` contains all of it. */
export class SimulationError extends Error {
  readonly report: SimulationReport;
  constructor(report: SimulationReport) {
    super(report.broken.map(describeBroken).join("\n\n"));
    this.name = "SimulationError";
    this.report = report;
  }
}

/**
 * Runs a domain in many simulated worlds, and rejects with a SimulationError if one of them breaks an invariant.
 *
 * @example
 * await simulate(domain, {
 *   commands: ({ random }) => task.command.add(`t${random.below(9)}`, { title: "Milk" }),
 *   clients: 5,
 *   seeds: 200,
 * });
 */
export async function simulate(domain: Domain, options: SimulateOptions): Promise<SimulationReport> {
  const report = await runSeeds(domain, options);
  if (report.broken.length > 0) throw new SimulationError(report);
  return report;
}

/** Like `simulate`, but returns the report and never throws. */
export async function runSeeds(domain: Domain, options: SimulateOptions): Promise<SimulationReport> {
  const {
    seeds = 100,
    firstSeed = 1,
    shrinks = true,
    stopsAtFirst = false,
    until = () => false,
    onSeed = () => {},
  } = options;
  const broken: BrokenSeed[] = [];
  const coverage = new Map<FaultName, number>();
  let picks = 0;
  let ran = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds && !until(); seed++) {
    const plan = planOf(seed, options);
    for (const name of FAULT_NAMES) if (plan.faults[name] > 0) coverage.set(name, (coverage.get(name) ?? 0) + 1);
    const result = await runPlan(plan, runOptions(domain, options, false));
    ran++;
    picks += result.picks;
    onSeed(seed, result.problems);
    if (result.problems.length === 0) continue;
    broken.push(
      shrinks
        ? await explain(domain, options, plan)
        : { seed, problems: result.problems, summary: summaryOf(plan), trace: [] },
    );
    if (stopsAtFirst) break;
  }
  return { seeds: ran, broken, picks, coverage };
}

/** Runs one seed and returns its whole report. */
export function runSeed(domain: Domain, seed: number, options: SimulateOptions): Promise<RunResult> {
  return runPlan(planOf(seed, options), runOptions(domain, options, true));
}

async function explain(domain: Domain, options: SimulateOptions, plan: Plan): Promise<BrokenSeed> {
  const quick = runOptions(domain, options, false);
  const wanted = new Set((await runPlan(plan, quick)).problems.map(kindOf));
  // Keep only plans with the same first problem, because another problem is another fault.
  const shortest = await shrink(plan, async (candidate) =>
    (await runPlan(candidate, quick)).problems.some((problem) => wanted.has(kindOf(problem))),
  );
  const { problems, trace } = await runPlan(shortest, runOptions(domain, options, true));
  return { seed: plan.seed, problems, summary: summaryOf(shortest), trace };
}

function kindOf(problem: string): string {
  return problem.slice(0, problem.indexOf(":"));
}

/** A broken seed in words: the problem, the shortest way to it, and the command to run it again. */
export function describeBroken({ seed, problems, summary, trace }: BrokenSeed): string {
  return [
    `Seed ${seed} is broken:`,
    ...problems.slice(0, 5).map((problem) => `  ${problem}`),
    summary,
    ...tellingLines(trace),
    `Run it again: npm run simulate -- --seed ${seed} --trace`,
  ].join("\n");
}

const LINES_MAX = 250;
/** Lines that repeat all the time and explain nothing: beats, pings, refreshes. */
const ROUTINE = / (timer \d*|ping|message of a tab|db \w+( done)?|gets a frame|timer)$/;

function tellingLines(trace: readonly string[]): readonly string[] {
  const telling = trace.length > LINES_MAX ? trace.filter((line) => !ROUTINE.test(line)) : trace;
  return telling.length > LINES_MAX
    ? [...telling.slice(0, LINES_MAX), `… ${telling.length - LINES_MAX} more`]
    : telling;
}

function summaryOf({ devices, faults, steps }: Plan): string {
  const on = FAULT_NAMES.filter((name) => faults[name] > 0).map((name) => `  ${name} ${faults[name]}: ${FAULTS[name]}`);
  return [`${devices} device(s), ${steps.length} step(s): ${steps.map(({ kind }) => kind).join(", ")}`, ...on].join(
    "\n",
  );
}

function planOf(
  seed: number,
  { clients = PLAN_LIMITS.clients, steps = PLAN_LIMITS.steps, faults = FAULT_NAMES }: SimulateOptions,
): Plan {
  return drawPlan(seed, { clients, steps, allowed: faults });
}

function runOptions(
  domain: Domain,
  { commands, previous, parts = {} }: SimulateOptions,
  keepTrace: boolean,
): RunOptions {
  return { domains: { newest: domain.definition, previous: previous?.definition ?? null }, commands, parts, keepTrace };
}
