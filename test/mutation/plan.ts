/**
 * What one run of `npm run mutate` hands to its test processes, and what they hand back: files in a folder that git
 * ignores. A run that stops early loses nothing, because each result is one line, written at once.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseOwnJson } from "../support/own-json.ts";

export const projectFolder = fileURLToPath(new URL("../..", import.meta.url));
export const outputFolder = join(projectFolder, ".test-output/mutate");
export const planFile = join(outputFolder, "plan.json");

/** One changed expression. */
export type Mutant = {
  /** The number by which the instrumented code checks whether this mutant is on. */
  readonly id: string;
  /** The file, a hash of its text and the mutant's number inside: `src/core/fold/fold.ts@1f2e3d4c#7`. */
  readonly key: string;
  readonly file: string;
  readonly line: number;
  readonly mutator: string;
  /** The line of code, without the spaces around it. */
  readonly code: string;
  /** The first characters of what replaces the expression. */
  readonly replacement: string;
};

export type Plan = {
  /** Milliseconds since 1970. No test process tries another mutant after it. */
  readonly endsAt: number;
  /** Milliseconds. A test that runs longer waits for another run, when quick tests have killed most mutants. */
  readonly testMsMax: number;
  /** The instrumented text of each file, by its path inside the project. */
  readonly code: { readonly [file: string]: string };
  readonly mutants: readonly Mutant[];
  /** The test files in the order in which they run, each with the files it has not tried. */
  readonly tests: readonly { readonly file: string; readonly sources: readonly string[] }[];
};

/** How a test noticed a mutant: it failed, it went round in circles, or it did not end in a generous time. */
export type Kill = { readonly mutant: string; readonly by: string; readonly how: "failed" | "circled" | "hung" };

/** A test file that tried all mutants of these sources: the numbers of those it runs, and of those it only loads. */
export type Tried = {
  readonly by: string;
  readonly sources: {
    readonly [source: string]: { readonly ran: readonly string[]; readonly loaded: readonly string[] };
  };
  /** Tests that failed without any change. Their result says nothing about a mutant. */
  readonly broken: readonly string[];
};

const killsFile = join(outputFolder, "kills.jsonl");
const triedFile = join(outputFolder, "tried.jsonl");

export function readPlan(): Plan {
  return parseOwnJson<Plan>(readFileSync(planFile, "utf8"));
}

export function readKills(): readonly Kill[] {
  return linesOf<Kill>(killsFile);
}

export function readTried(): readonly Tried[] {
  return linesOf<Tried>(triedFile);
}

export function addKill(kill: Kill): void {
  appendFileSync(killsFile, `${JSON.stringify(kill)}\n`);
}

export function addTried(tried: Tried): void {
  appendFileSync(triedFile, `${JSON.stringify(tried)}\n`);
}

/** A file with a hash of its text. A result of another text of the file does not count. */
export function versionOf(file: string, text = readFileSync(join(projectFolder, file), "utf8")): string {
  return `${file}@${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}

function linesOf<Line>(file: string): readonly Line[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => parseOwnJson<Line>(line));
}
