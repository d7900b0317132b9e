// `npm run mutate`: changes one expression of the code at a time, and runs the tests that reach it. A change that no
// test notices survives, and shows a missing test. The last line is "N mutants, N killed".
//
//   npm run mutate -- --minutes 20                     stops after 20 minutes. The next run continues.
//   npm run mutate -- --only core/replica              changes only the files whose path contains the text.
//   npm run mutate -- --tests core/replica             runs only the tests whose path contains the text.
//   npm run mutate -- --only core/replica --write      also writes the survivors into survivors.json, and removes the
//                                                      entries whose code changed.
//   npm run mutate -- --sample 200                     tries 200 mutants of each area, at random and always the same.
//   npm run mutate -- --fresh                          forgets the results of earlier runs.
//   npm run mutate -- --fresh --named                  also tries the mutants that survivors.json names with a reason.
//
// StrykerJS's instrumenter makes the changes, and test/mutation/runner.ts tries them. The working tree stays as it is.
// Results are kept in .test-output/mutate. A kill counts until its file changes. A survivor counts until its file or a
// test file changes. After a change of a helper, or after a test became weaker, pass --fresh. A named survivor counts
// without a try, because it would reach every test. After you removed a reason, pass --fresh.
//
// The exit code is 1 if too few mutants were killed, if a mutant was not tried by all tests, if a survivor has no
// reason in test/mutation/survivors.json, or if the code of an entry there is gone.
import { spawn } from "node:child_process";
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Area, areas, excludedTests } from "../test/mutation/areas.ts";
import { mutantsOf } from "../test/mutation/mutants.ts";
import {
  addKill,
  forgetResults,
  type Mutant,
  outputFolder,
  type Plan,
  planFile,
  projectFolder,
  SAMPLE_VARIABLE,
  sampleOf,
} from "../test/mutation/plan.ts";
import { Results } from "../test/mutation/results.ts";
import { Survivors } from "../test/mutation/survivors.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    only: { type: "string" },
    tests: { type: "string" },
    sample: { type: "string" },
    write: { type: "boolean" },
    fresh: { type: "boolean" },
    named: { type: "boolean" },
  },
});
/**
 * Milliseconds. A test process writes its status at each turn of its event loop. One that is this late goes round in a
 * circle of the test itself, which circle-guard.ts cannot break.
 */
const LATE_MAX = 5_000;
/** Milliseconds of the slowest test in each run. A slower one waits, or tries only the mutants of its own room. */
const RUNS = [
  { testMsMax: 30, isOwnRoomOnly: false },
  { testMsMax: 300, isOwnRoomOnly: true },
  { testMsMax: Number.MAX_SAFE_INTEGER, isOwnRoomOnly: false },
];
const endsAt = Date.now() + Number(values.minutes ?? 30) * 60_000;

process.exitCode = await mutate();

async function mutate(): Promise<number> {
  if (values.sample) process.env[SAMPLE_VARIABLE] = `-${values.sample}`;
  if (values.fresh) forgetResults();
  const survivors = new Survivors(join(projectFolder, "test/mutation/survivors.json"));
  const [known, unnamed]: [Mutant[], Mutant[]] = [[], []];
  let [mutants, killed, isGood] = [0, 0, true];
  for (const area of areas) {
    const files = globSync([...area.files], { cwd: projectFolder }).filter((file) => file.includes(values.only ?? ""));
    if (files.length === 0) continue;
    const all = await mutantsOf(files);
    const made = values.sample ? { ...all, mutants: sampleOf(all.mutants, Number(values.sample)) } : all;
    if (values.sample) console.log(`${area.name}: a sample of ${made.mutants.length} of ${all.mutants.length} mutants`);
    const tests = testsOf(area, files);
    const named = values.named === true ? [] : survivors.namedAlone(made.mutants);
    await tryAll({ ...made, named: named.map(({ key }) => key) }, tests);
    const results = new Results(made.mutants, tests);
    isGood = results.print(area, survivors) && isGood;
    known.push(...all.mutants);
    unnamed.push(...results.unnamed(survivors));
    mutants += results.counted.length;
    killed += results.killed.length;
  }
  const gone = survivors.gone(known, (file) => file.includes(values.only ?? ""));
  for (const { file, code, replacement } of gone)
    console.log(`The code of this entry of survivors.json is gone: ${file}: ${code} => ${replacement}`);
  if (values.write) survivors.write(unnamed, gone);
  console.log(`${mutants} mutants, ${killed} killed`);
  return isGood && gone.length === 0 ? 0 : 1;
}

/** Runs the quick tests first. It starts test processes until all tests tried all, because a mutant can end one. */
async function tryAll(made: Pick<Plan, "code" | "mutants" | "named">, tests: readonly string[]): Promise<void> {
  mkdirSync(outputFolder, { recursive: true });
  for (const limits of RUNS) {
    let before = -1;
    while (Date.now() < endsAt) {
      const results = new Results(made.mutants, tests);
      const pending = results.pending().filter(({ file }) => file.includes(values.tests ?? ""));
      if (pending.length === 0 || results.size === before) break;
      before = results.size;
      const plan: Plan = { ...made, ...limits, endsAt, tests: pending };
      writeFileSync(planFile, JSON.stringify(plan));
      await runTests();
      console.log(`${results.killed.length} killed, ${pending.length} test files to go`);
      if (limits !== RUNS.at(-1)) break;
    }
  }
}

async function runTests(): Promise<void> {
  for (const name of statusFiles()) rmSync(name, { force: true });
  const vitest = [
    join(projectFolder, "node_modules/vitest/vitest.mjs"),
    "run",
    "--config",
    "test/mutation/vitest.config.ts",
  ];
  const child = spawn(process.execPath, vitest, { cwd: projectFolder, stdio: "ignore" });
  let isRunning = true;
  child.once("exit", () => (isRunning = false));
  while (isRunning) {
    await sleep(500);
    for (const name of statusFiles()) {
      const [mutant, by, limitMs] = readFileSync(name, "utf8").split(" ");
      if (!mutant || !by || Date.now() - statSync(name).mtimeMs < Number(limitMs) + LATE_MAX) continue;
      addKill({ mutant, by, how: "hung" });
      rmSync(name);
      try {
        process.kill(Number(name.slice(name.lastIndexOf("-") + 1)), "SIGKILL");
      } catch {
        // The mutant has ended its process already, because it used all memory for example.
      }
    }
  }
}

function statusFiles(): readonly string[] {
  return readdirSync(outputFolder)
    .filter((name) => name.startsWith("now-"))
    .map((name) => join(outputFolder, name));
}

/** The area's tests. Tests of the same rooms come first, because they kill most. */
function testsOf(area: Area, files: readonly string[]): readonly string[] {
  const rooms = new Set(files.map((file) => file.split("/").slice(1, 3).join("/")));
  const rank = (test: string) =>
    test.includes("few-seeds") ? 2 : rooms.has(test.split("/").slice(2, 4).join("/")) ? 0 : 1;
  return globSync([...area.tests], { cwd: projectFolder })
    .filter((test) => !excludedTests.some((part) => test.includes(part)))
    .toSorted((one, other) => rank(one) - rank(other) || one.localeCompare(other));
}
