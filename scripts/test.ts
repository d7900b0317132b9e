// `npm test`: runs all checks and tests in turn. The last line counts them: "N passed, N failed".
// `npm run check` does the same without the tests that need a browser.
//
// Each check (types, lint, …) counts as one test. The tests of each vitest project are counted from vitest's own
// report.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { ensureChromium, howToGetChromium } from "./chromium.ts";
import { ensurePostgres, howToGetPostgres } from "./postgres.ts";
import { type Program, root, run, script, tool } from "./programs.ts";

type Count = { readonly passed: number; readonly failed: number; readonly skipped: number };
type Outcome = Count & { readonly failures: readonly string[] };
type Step = { readonly name: string; readonly needsBrowser?: boolean; readonly run: () => Promise<Outcome> };

const output = `${root}.test-output`;

const steps: readonly Step[] = [
  check("types", script("scripts/check-types.ts")),
  check("lint", tool("oxlint/bin/oxlint", "--deny-warnings")),
  check("format", tool("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", ".")),
  check("prose", script("scripts/check-prose.ts")),
  check("dead code", tool("knip/bin/knip.js", "--no-progress")),
  check("lock file", script("scripts/check-lock.ts")),
  check("package", script("scripts/check-package.ts")),
  check("edge", script("scripts/check-edge.ts")),
  tests("unit"),
  tests("workerd"),
  { ...tests("browser"), needsBrowser: true },
  { ...tests("e2e"), needsBrowser: true },
];

process.exit(await main(process.argv.includes("--no-browser")));

async function main(withoutBrowser: boolean): Promise<number> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const chosen = steps.filter((step) => !(withoutBrowser && step.needsBrowser));
  if (!withoutBrowser) {
    const chromium = await ensureChromium();
    if (chromium) process.env["DACAPO_CHROMIUM"] = chromium;
    else console.error(`\n${howToGetChromium}\n`);
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
    for (const failure of count.failures) console.log(`failed: ${name} > ${failure}\n`);
  for (const { name, count, seconds } of results)
    console.log(`${name.padEnd(12)} ${sentence(count).padEnd(36)} ${seconds} s`);
  const total = results.map(({ count }): Count => count).reduce(add);
  console.log(`\n${sentence(total)}`);
  return total.failed === 0 ? 0 : 1;
}

function check(name: string, program: Program): Step {
  return { name, run: async () => outcomeOf((await run(program)) === 0) };
}

function outcomeOf(passed: boolean): Outcome {
  return passed
    ? { passed: 1, failed: 0, skipped: 0, failures: [] }
    : { passed: 0, failed: 1, skipped: 0, failures: ["see above"] };
}

function tests(project: string): Step {
  const report = `${output}/${project}.json`;
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  // Because with NODE_ENV=production React has no `act`.
  const vitest = { ...tool("vitest/vitest.mjs", "run", "--project", project, ...reporters), env: { NODE_ENV: "test" } };
  return { name: project, run: async () => countOf(report, await run(vitest)) };
}

/** Counts a file that does not load, an error outside a test and a crash of vitest as failed tests, unlike vitest. */
function countOf(report: string, exitCode: number): Outcome {
  let count: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };
  try {
    const result = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
    const unloaded = result.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    );
    count = {
      passed: result.numPassedTests,
      failed: result.numFailedTests + unloaded.length,
      skipped: result.numPendingTests + result.numTodoTests,
      failures: [
        ...result.testResults.flatMap(failuresOf),
        ...unloaded.map((file) => `${relative(root, file.name)}: ${excerpt(file.message ?? "")}`),
      ],
    };
  } catch (error) {
    console.error(`vitest wrote no report: ${String(error)}`);
  }
  return exitCode !== 0 && count.failed === 0
    ? { ...count, failed: 1, failures: [`vitest stopped with code ${exitCode}, see above`] }
    : count;
}

function failuresOf(file: FileReport): string[] {
  const failed = file.assertionResults.filter(({ status }) => status === "failed");
  return failed.map(
    (test) => `${relative(root, file.name)} > ${test.fullName}\n  ${excerpt((test.failureMessages ?? []).join("\n"))}`,
  );
}

function excerpt(message: string): string {
  const ours = message
    .split("\n")
    .filter((line) => !line.includes("/node_modules/") && !line.includes("new Promise (<anonymous>)"));
  return ours.slice(0, 12).join("\n  ").slice(0, 1500);
}

type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly FileReport[];
};

type FileReport = {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages?: readonly string[] | null;
  }[];
};

function add(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

function sentence({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
