// `npm test`: runs all checks and tests in turn. The last line counts them: "N passed, N failed".
// `npm run check` does the same without the tests that need a browser.
//
// Each check (types, lint, …) counts as one test, and so does each consumer of the package (test/consumer). The tests
// of each vitest project are counted from vitest's own report. With `--all-consumers`, as a build machine runs it, all
// consumers run. Otherwise only those marked `always` run.
import { consumers } from "../test/consumer/consumers.ts";
import { runConsumers } from "../test/consumer/run-consumers.ts";
import { requireChromium } from "./chromium.ts";
import { type Engine, findEngine, howToGetEngine } from "./engines.ts";
import { ensurePostgres, howToGetPostgres } from "./postgres.ts";
import { type Program, root, run, script, tool } from "./programs.ts";
import { add, clearReports, type Count, noTests, type Outcome, runVitest, sentence } from "./run-vitest.ts";

type Step = { readonly name: string; readonly needsBrowser?: boolean; readonly run: () => Promise<Outcome> };

const output = `${root}.test-output`;
const allConsumers = process.argv.includes("--all-consumers");

const steps: readonly Step[] = [
  check("types", script("scripts/check-types.ts")),
  check("lint", tool("oxlint/bin/oxlint", "--deny-warnings")),
  check("format", tool("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", ".")),
  check("prose", script("scripts/check-prose.ts")),
  check("dead code", tool("knip/bin/knip.js", "--no-progress")),
  check("lock file", script("scripts/check-lock.ts")),
  check("package", script("scripts/check-package.ts")),
  consumersThat("consumer types", false),
  check("edge", script("scripts/check-edge.ts")),
  tests("unit"),
  tests("workerd"),
  { ...consumersThat("consumers", true), needsBrowser: true },
  { ...tests("browser"), needsBrowser: true },
  { ...tests("e2e"), needsBrowser: true },
  shortTestsIn("firefox"),
  shortTestsIn("webkit"),
];

process.exit(await main(process.argv.includes("--no-browser")));

async function main(withoutBrowser: boolean): Promise<number> {
  clearReports();
  const chosen = steps.filter((step) => !(withoutBrowser && step.needsBrowser));
  if (!withoutBrowser) {
    await requireChromium();
  }
  if (!(await ensurePostgres())) console.error(`\n${howToGetPostgres}\n`);
  const results: { name: string; count: Outcome; seconds: string }[] = [];
  for (const { name, run: runStep } of chosen) {
    console.log(`\n── ${name} ${"─".repeat(Math.max(0, 60 - name.length))}`);
    const start = performance.now();
    const count = await runStep();
    results.push({ name, count, seconds: ((performance.now() - start) / 1000).toFixed(1) });
  }
  console.log("");
  // Repeated at the end, because a reader may see only the last screen of a long log.
  for (const { name, count } of results)
    for (const failure of count.flaky ?? []) console.log(`flaky, passed in a second run: ${name} > ${failure}\n`);
  for (const { name, count } of results)
    for (const failure of count.failures) console.log(`failed: ${name} > ${failure}\n`);
  for (const { name, count, seconds } of results)
    console.log(`${name.padEnd(14)} ${(count.note ?? sentence(count)).padEnd(36)} ${seconds} s`);
  const total = results.map(({ count }): Count => count).reduce(add);
  console.log(`\n${sentence(total)}`);
  return total.failed === 0 ? 0 : 1;
}

function check(name: string, program: Program): Step {
  return { name, run: async () => outcomeOf((await run(program)) === 0) };
}

/** Consumers of the tarball that the check of the package has just built. */
function consumersThat(name: string, needsBrowser: boolean): Step {
  const chosen = consumers.filter(
    (consumer) => consumer.needsBrowser === needsBrowser && (consumer.always === true || allConsumers),
  );
  return {
    name,
    run: async () => {
      const { passed, failures } = await runConsumers(`${output}/${name.replace(" ", "-")}`, chosen);
      return { passed, failed: failures.length, skipped: 0, failures };
    },
  };
}

function outcomeOf(passed: boolean): Outcome {
  return passed ? { ...noTests, passed: 1 } : { ...noTests, failed: 1, failures: ["see above"] };
}

function tests(project: string): Step {
  return { name: project, run: () => runVitest({ name: project, args: ["--project", project] }) };
}

/** The browser tests in another engine, if this machine has it. The whole of it is `npm run test:browsers`. */
function shortTestsIn(engine: Engine): Step {
  return {
    name: engine,
    needsBrowser: true,
    run: async () => {
      if (findEngine(engine)) return runVitest({ name: engine, args: ["--project", "browser"], engine });
      console.log(`This machine has no browser with the engine ${engine}. ${howToGetEngine[engine]}`);
      return { ...noTests, note: "not on this machine" };
    },
  };
}
