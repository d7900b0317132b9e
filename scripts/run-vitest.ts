// Runs vitest and counts its tests from its own report. Files with a failed test run once more, because a shared
// machine that stops for seconds makes a test fail that waits for a time.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import type { Engine } from "./engines.ts";
import type { RunEnd } from "./run-end-reporter.ts";
import { root, tool } from "./programs.ts";

export type Count = { readonly passed: number; readonly failed: number; readonly skipped: number };
export type Outcome = Count & {
  readonly failures: readonly string[];
  /** The first failures of tests that passed in a second run. They count as passed. */
  readonly flaky?: readonly string[];
  /** Replaces the numbers, because no test could run. */
  readonly note?: string;
};

export const noTests: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };

/**
 * The slowest run takes 10 minutes, and 30 on a busy machine. A browser that hangs must not hold up the whole run.
 */
const LIMIT_MS = 45 * 60_000;
/** More failed files than this are no chance. */
const REPEATED_FILES_MAX = 3;
/** Tests with a random seed. A second run would be another experiment, and would hide what the first one found. */
const NEVER_REPEATED = /^test\/e2e\/(kill|hostile)/;
const output = `${root}.test-output`;

export function clearReports(): void {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
}

type VitestRun = {
  /** Names the report. */
  readonly name: string;
  readonly args: readonly string[];
  /** @default "chromium" */
  readonly engine?: Engine;
};

/** Runs vitest, and a few files with a failed test once more. A test that then passes is named as flaky. */
export async function runVitest(options: VitestRun): Promise<Outcome> {
  const { failedFiles, ...first } = await runOnce(options);
  const isRepeated = failedFiles.length <= REPEATED_FILES_MAX && !failedFiles.some((file) => NEVER_REPEATED.test(file));
  if (failedFiles.length === 0 || !isRepeated) return first;
  const { name, args } = options;
  console.log(`\nA second run of ${failedFiles.join(" and ")}, because of failed tests.`);
  const second = await runOnce({ ...options, name: `${name}-again`, args: [...args, ...failedFiles] });
  if (second.failed > 0 || failedFiles.some((file) => !second.files.includes(file))) return first;
  return { ...first, passed: first.passed + first.failed, failed: 0, failures: [], flaky: first.failures };
}

type OneRun = Outcome & {
  /** The files that ran, relative to the root. */
  readonly files: readonly string[];
  /** The files of all failures. Empty: none failed, or something failed outside of the tests too. */
  readonly failedFiles: readonly string[];
};

async function runOnce({ name, args, engine = "chromium" }: VitestRun): Promise<OneRun> {
  const report = `${output}/${name}.json`;
  const runEnd = `${output}/${name}.end.json`;
  const ownReporter = `--reporter=${root}scripts/run-end-reporter.ts`;
  const reporters = ["--reporter=default", "--reporter=json", ownReporter, `--outputFile.json=${report}`];
  const { file, args: all } = tool("vitest/vitest.mjs", "run", ...args, ...reporters);
  const hasGroups = process.platform !== "win32";
  // A group of its own, because then its browsers can be ended with it.
  const child = spawn(file, all, {
    cwd: root,
    stdio: "inherit",
    detached: hasGroups,
    // NODE_ENV, because with "production" React has no `act`.
    env: { ...process.env, NODE_ENV: "test", DACAPO_ENGINE: engine, DACAPO_RUN_END: runEnd },
  });
  const end = () => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    if (hasGroups) process.kill(-child.pid, "SIGKILL");
    else child.kill();
  };
  const endAll = () => {
    end();
    process.exit(1);
  };
  const limit = setTimeout(() => {
    console.error(`vitest was not done after ${LIMIT_MS / 60_000} minutes, so it was ended.`);
    end();
  }, LIMIT_MS);
  process.on("SIGINT", endAll).on("SIGTERM", endAll);
  const exitCode = await new Promise<number>((resolve) => {
    child.on("error", (error) => {
      console.error(`vitest did not start: ${error.message}`);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
  clearTimeout(limit);
  process.off("SIGINT", endAll).off("SIGTERM", endAll);
  const count = countOf(report, exitCode);
  return isWhole(runEnd) ? count : { ...count, failedFiles: [] };
}

/** False: vitest crashed, or an error was thrown outside of a test. The JSON report does not show it. */
function isWhole(file: string): boolean {
  try {
    const { errors, reason } = JSON.parse(readFileSync(file, "utf8")) as RunEnd;
    return errors === 0 && ["passed", "failed"].includes(reason);
  } catch {
    return false;
  }
}

/** Counts a file that does not load, an error outside a test and a crash of vitest as failed tests, unlike vitest. */
function countOf(report: string, exitCode: number): OneRun {
  let count: OneRun = { ...noTests, files: [], failedFiles: [] };
  try {
    const result = JSON.parse(readFileSync(report, "utf8")) as VitestReport;
    const unloaded = result.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
    );
    count = {
      passed: result.numPassedTests,
      failed: result.numFailedTests + unloaded.length,
      skipped: result.numPendingTests + result.numTodoTests,
      files: result.testResults.map(({ name }) => relative(root, name)),
      failedFiles: result.testResults
        .filter(({ status }) => status === "failed")
        .map(({ name }) => relative(root, name)),
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

export function add(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

export function sentence({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
