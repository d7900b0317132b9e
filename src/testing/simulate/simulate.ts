/**
 * The simulator, which runs an app's domain on whole devices and servers in one thread, with faults from a seed.
 *
 * Place: the public entry of the simulator. `run-plan` runs a seed.
 *
 * Guarantees:
 * - It reads no clock, uses no random numbers but the seed's, and contains no test runner.
 * - The same seed does the same on every machine (runSeed: the same seed makes the same picks each time).
 */
import type { Domain } from "../../core/domain/define-domain.ts";
import { FAULT_NAMES, FAULTS, type FaultName } from "./faults.ts";
import type { BrokenSeed, SimulateOptions, SimulationReport } from "./options.ts";
import { drawPlan, type Plan, PLAN_LIMITS } from "./plan.ts";
import { type RunOptions, runPlan, type RunResult } from "./run-plan.ts";
import { shrink } from "./shrink.ts";

/** The simulation found a seed that breaks an invariant. `report` has the details. */
export class SimulationError extends Error {
  /** The whole report, with each broken seed. */
  readonly report: SimulationReport;
  constructor(report: SimulationReport) {
    super(describeAll(report.broken));
    this.name = "SimulationError";
    this.report = report;
  }
}

/**
 * Runs a domain in many simulated worlds.
 *
 * @throws `SimulationError` if a seed breaks an invariant
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

/** Like `simulate`, but returns broken seeds in the report and does not throw. */
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
  const commits = { made: 0, accepted: 0, rejected: 0 };
  let picks = 0;
  let ran = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds && !until(); seed++) {
    const plan = planOf(seed, options);
    for (const name of FAULT_NAMES) if (plan.faults[name] > 0) coverage.set(name, (coverage.get(name) ?? 0) + 1);
    const result = await runPlan(plan, runOptions(domain, options, false));
    ran++;
    commits.made += result.commits.made;
    commits.accepted += result.commits.accepted;
    commits.rejected += result.commits.rejected;
    picks += result.picks;
    onSeed(seed, result.problems);
    if (result.problems.length === 0) continue;
    broken.push(
      shrinks
        ? await explain(domain, options, plan, result.problems)
        : { seed, problems: result.problems, summary: summaryOf(plan), trace: [] },
    );
    if (stopsAtFirst) break;
  }
  return { seeds: ran, broken, commits, picks, coverage };
}

/** Runs one seed and returns its problems and its whole trace. */
export function runSeed(domain: Domain, seed: number, options: SimulateOptions): Promise<RunResult> {
  return runPlan(planOf(seed, options), runOptions(domain, options, true));
}

async function explain(
  domain: Domain,
  options: SimulateOptions,
  plan: Plan,
  found: readonly string[],
): Promise<BrokenSeed> {
  const quick = runOptions(domain, options, false);
  const again = await runPlan(plan, quick);
  if (!isSame(again.problems, found)) return unrepeated(domain, options, plan, found);
  const wanted = new Set(found.map(kindOf));
  // Accept only a shorter plan with the same kind of problem, because another kind is another bug.
  const shortest = await shrink(plan, async (candidate) =>
    (await runPlan(candidate, quick)).problems.some((problem) => wanted.has(kindOf(problem))),
  );
  const { problems, trace } = await runPlan(shortest, runOptions(domain, options, true));
  if (problems.length === 0) return unrepeated(domain, options, plan, found);
  return { seed: plan.seed, problems, summary: summaryOf(shortest), trace };
}

/** A seed that does something else when it runs again cannot be shortened. */
async function unrepeated(
  domain: Domain,
  options: SimulateOptions,
  plan: Plan,
  found: readonly string[],
): Promise<BrokenSeed> {
  const { trace } = await runPlan(plan, runOptions(domain, options, true));
  return { seed: plan.seed, problems: [UNREPEATED, ...found], summary: summaryOf(plan), trace };
}

const UNREPEATED =
  "unrepeated: A second run of this seed did something else. So a function of the domain or `commands` uses a clock, " +
  "chance or a variable of its own. Use `time` and `id()` of the context of `decide`, and `random` of `commands`.";

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, n) => firstLine(text) === firstLine(others[n] ?? ""));
}

/** The problem without a stack, because the callers of two runs differ. */
function firstLine(problem: string): string {
  return problem.split("\n", 1).join();
}

function kindOf(problem: string): string {
  return problem.slice(0, problem.indexOf(":"));
}

/** Other broken seeds that are listed behind the first one. */
const OTHERS_MAX = 20;

/** The first broken seed as a whole and the others in a line each, because most of them break for one cause. */
function describeAll([first, ...others]: readonly BrokenSeed[]): string {
  const lines = others.slice(0, OTHERS_MAX).map(({ seed, problems }) => `  ${seed}: ${firstLine(problems[0] ?? "")}`);
  if (others.length > lines.length) lines.push(`  … ${others.length - lines.length} more in \`report.broken\``);
  return [first && describeBroken(first), lines.length > 0 && ["Other broken seeds:", ...lines].join("\n")]
    .filter((part) => part !== undefined && part !== false)
    .join("\n\n");
}

/** Describes a broken seed: its problems, the shortest plan, and the options that run it again. */
export function describeBroken({ seed, problems, summary, trace }: BrokenSeed): string {
  return [
    `Seed ${seed} is broken:`,
    ...problems.slice(0, 5).map((problem) => `  ${problem}`),
    summary,
    ...tellingLines(trace),
    `Run it again with the same options, and { firstSeed: ${seed}, seeds: 1 }.`,
  ].join("\n");
}

const LINES_MAX = 250;
/** Frequent lines without information: heartbeats, pings, reads of the store. */
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
