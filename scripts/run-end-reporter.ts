// A reporter of vitest for what its JSON report leaves out: errors outside of tests, and how the run ended. A run that
// crashes writes no file.
import { writeFileSync } from "node:fs";
import type { Reporter } from "vitest/node";

export type RunEnd = { readonly errors: number; readonly reason: string };

export default class RunEndReporter implements Reporter {
  onTestRunEnd(...[, errors, reason]: Parameters<NonNullable<Reporter["onTestRunEnd"]>>): void {
    const end: RunEnd = { errors: errors.length, reason };
    const file = process.env["DACAPO_RUN_END"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(end));
  }
}
