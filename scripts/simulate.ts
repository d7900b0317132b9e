// `npm run simulate`: runs many simulated worlds, each from a seed, until the seeds or minutes are used up.
//
//   npm run simulate -- --seeds 2000 --minutes 3     the last line is "N seeds, N broken"
//   npm run simulate -- --seed 17 --trace            one seed with its trace
//   npm run simulate -- --mutants                    plants faults; the last line is "N faults, N found"
//   npm run simulate -- --followers                  worlds of read models; --seeds, --from, --minutes, --mutants work
//   npm run simulate -- --servers                    worlds of whole servers, with subscribers and processes; likewise
//   npm run simulate -- --workers 2                  shares seeds or planted faults among processes, one for each core
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { describeBroken, runSeed, runSeeds } from "../src/testing/simulate/simulate.ts";
import { findMutant } from "../test/simulation/mutants/find-mutant.ts";
import { findFollowerMutant, followerMutants } from "../test/simulation/mutants/follower-mutants.ts";
import { mutants } from "../test/simulation/mutants/index.ts";
import { serverCodeMutants } from "../test/simulation/mutants/server-code-mutants.ts";
import { findServerMutant } from "../test/simulation/mutants/server-mutant.ts";
import { serverStoreMutants } from "../test/simulation/mutants/server-store-mutants.ts";
import { runFollowers } from "../test/support/simulation/followers/world.ts";
import { runServers } from "../test/support/simulation/servers/world.ts";
import { simulation } from "../test/support/simulation/simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string" },
    from: { type: "string" },
    trace: { type: "boolean" },
    mutants: { type: "boolean" },
    first: { type: "boolean" },
    only: { type: "string" },
    followers: { type: "boolean" },
    servers: { type: "boolean" },
    workers: { type: "string" },
    /** The part of this process among all workers, such as `0/2`. */
    part: { type: "string" },
  },
});
const [part = 0, parts = 1] = (values.part ?? "0/1").split("/").map(Number);
/** The last line: the number of seeds and broken seeds, or of planted faults and found faults. */
type Totals = { readonly first: number; readonly second: number };

if (values.workers !== undefined && values.part === undefined) process.exit(await share(Number(values.workers)));

if (values.followers && !values.mutants) process.exit(await runAll((seed) => runFollowers(seed)));
if (values.servers && !values.mutants) process.exit(await runAll((seed) => runServers(seed, {}, traced())));
if (values.mutants) process.exit(await plant());
if (values.seed !== undefined) process.exit(await one(Number(values.seed)));
process.exit(await many());

/** Runs parts of the work in processes of their own, and adds up their last lines. */
async function share(workers: number): Promise<number> {
  let [first, second, failed] = [0, 0, false];
  const run = async (index: number): Promise<void> => {
    const child = fork(import.meta.filename, [...process.argv.slice(2), "--part", `${index}/${workers}`]);
    child.on("message", (totals: Totals) => {
      first += totals.first;
      second += totals.second;
    });
    await once(child, "exit");
    if (child.exitCode !== 0) failed = true;
  };
  await Promise.all(Array.from({ length: workers }, (_, index) => run(index)));
  console.log(lastLine({ first, second }));
  return failed ? 1 : 0;
}

function lastLine({ first, second }: Totals): string {
  return values.mutants ? `${first} faults, ${second} found` : `${first} seeds, ${second} broken`;
}

/** Prints the last line, or sends it to the process that shared the work. */
async function end(totals: Totals): Promise<void> {
  if (!process.send) console.log(lastLine(totals));
  else await new Promise<void>((resolve) => process.send?.(totals, undefined, undefined, () => resolve()));
}

/** The seeds of this process. Without a number of seeds, parts begin a million seeds apart. */
function seedsOf(first: number, seeds: number): { readonly first: number; readonly seeds: number } {
  if (seeds === Infinity) return { first: first + part * 1_000_000, seeds };
  const from = Math.floor((seeds * part) / parts);
  return { first: first + from, seeds: Math.floor((seeds * (part + 1)) / parts) - from };
}

async function one(seed: number): Promise<number> {
  const { problems, trace, traceHash, picks, virtualMs } = await runSeed(simulation.domain, seed, simulation.options);
  if (values.trace) console.log(trace.join("\n"));
  for (const problem of problems) console.log(problem);
  console.log(`Seed ${seed}: ${picks} picks, ${Math.round(virtualMs / 1000)} virtual seconds, trace ${traceHash}`);
  console.log(`1 seeds, ${problems.length > 0 ? 1 : 0} broken`);
  return problems.length > 0 ? 1 : 0;
}

async function many(): Promise<number> {
  const start = performance.now();
  const minutes = Number(values.minutes ?? Infinity);
  const all = Number(values.seeds ?? (values.minutes === undefined ? 2_000 : Infinity));
  const { first, seeds } = seedsOf(Number(values.from ?? 1), all);
  let said = start;
  const report = await runSeeds(simulation.domain, {
    ...simulation.options,
    seeds,
    firstSeed: first,
    stopsAtFirst: values.first ?? false,
    until: () => performance.now() - start > minutes * 60_000,
    onSeed: (seed, problems) => {
      if (problems.length > 0) console.log(`Seed ${seed}: ${problems[0]?.split("\n").slice(0, 3).join(" ")}`);
      if (performance.now() - said < 10_000) return;
      said = performance.now();
      console.log(`… seed ${seed}, ${Math.round((said - start) / 1000)} s`);
    },
  });
  for (const broken of report.broken.slice(0, 3)) {
    console.log(`\n${describeBroken(broken)}`);
    console.log(`In this repository: npm run simulate -- --seed ${broken.seed} --trace`);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `\n${report.picks} picks in ${seconds.toFixed(1)} s, ${((seconds * 1000) / report.seeds).toFixed(1)} ms a seed`,
  );
  console.log([...report.coverage].map(([name, count]) => `${name} ${count}`).join(", "));
  await end({ first: report.seeds, second: report.broken.length });
  return report.broken.length > 0 ? 1 : 0;
}

/** Prints the trace of each world with `--trace`. */
function traced(): ((line: string) => void) | null {
  return values.trace ? (line) => console.log(line) : null;
}

/** Worlds of one kind. */
async function runAll(run: (seed: number) => Promise<readonly string[]>): Promise<number> {
  const until = performance.now() + Number(values.minutes ?? Infinity) * 60_000;
  const all = Number(values.seeds ?? (values.minutes === undefined ? 1_000 : Infinity));
  const { first, seeds: seedsMax } =
    values.seed === undefined ? seedsOf(Number(values.from ?? 1), all) : { first: Number(values.seed), seeds: 1 };
  let [seeds, broken] = [0, 0];
  for (; seeds < seedsMax && performance.now() < until; seeds++) {
    const [problem] = await run(first + seeds);
    if (problem === undefined) continue;
    broken++;
    console.log(`Seed ${first + seeds}: ${problem}`);
  }
  await end({ first: seeds, second: broken });
  return broken > 0 ? 1 : 0;
}

/** Each planted fault in turn, until a seed finds it. */
async function plant(): Promise<number> {
  const seedsMax = Number(values.seeds ?? 1_000);
  const ofFollowers = followerMutants.map((mutant) => ({
    ...mutant,
    find: () => findFollowerMutant(mutant, seedsMax),
  }));
  const ofServers = [...serverStoreMutants, ...serverCodeMutants].map((mutant) => ({
    ...mutant,
    find: () => findServerMutant(mutant, seedsMax),
  }));
  const planted = values.followers
    ? ofFollowers
    : values.servers
      ? ofServers
      : mutants.map((mutant) => ({ ...mutant, find: () => findMutant(mutant, seedsMax) }));
  const chosen = planted
    .filter(({ name }) => values.only === undefined || name.includes(values.only))
    .filter((_, index) => index % parts === part);
  let found = 0;
  for (const mutant of chosen) {
    const { name, what, find } = mutant;
    const start = performance.now();
    const finding = await find();
    if (finding) found++;
    const told = finding ? `seed ${finding.seed}: ${finding.problem}` : "NOT FOUND";
    console.log(`${name} (${what})\n    ${told} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  }
  await end({ first: chosen.length, second: found });
  return found === chosen.length ? 0 : 1;
}
