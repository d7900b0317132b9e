/**
 * The files that carry the work of `npm run mutate` to its test processes, and their results back. Git
 * ignores their folder. A run that stops early loses nothing, because each result is one line, written at once.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
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
  /** A slow test first tries only the mutants of the room that it tests: `test/unit/core/fold` those of `core/fold`. */
  readonly isOwnRoomOnly: boolean;
  /** The instrumented text of each file, by its path inside the project. */
  readonly code: { readonly [file: string]: string };
  readonly mutants: readonly Mutant[];
  /** The keys of the mutants that no test tries, because survivors.json names them with a reason. */
  readonly named: readonly string[];
  /** The test files in the order in which they run, each with the files it has not tried. */
  readonly tests: readonly { readonly file: string; readonly sources: readonly string[] }[];
};

/** How a test noticed a mutant: it failed, it went round in circles, or it did not end in a generous time. */
export type Kill = { readonly mutant: string; readonly by: string; readonly how: "failed" | "circled" | "hung" };

/** A test that tried all mutants of these sources, with the numbers of those that it runs. */
export type TriedTest = {
  readonly by: string;
  readonly test: string;
  readonly sources: { readonly [source: string]: readonly string[] };
  /** The error of a test that failed without any change. Its result says nothing about a mutant. */
  readonly broken?: string;
};

/** A test file all of whose tests tried all mutants of these sources, with the numbers of those that it only loads. */
export type TriedFile = { readonly by: string; readonly sources: { readonly [source: string]: readonly string[] } };

const cachesFolder = join(outputFolder, "cache");
const killsFile = join(outputFolder, "kills.jsonl");

/** Each size of sample has its own files, because its tests have not tried all mutants. A kill counts for all. */
export const SAMPLE_VARIABLE = "DACAPO_MUTATE_SAMPLE";
const testsFile = (): string => join(outputFolder, `tests${process.env[SAMPLE_VARIABLE] ?? ""}.jsonl`);
const filesFile = (): string => join(outputFolder, `files${process.env[SAMPLE_VARIABLE] ?? ""}.jsonl`);

export function readPlan(): Plan {
  return parseOwnJson<Plan>(readFileSync(planFile, "utf8"));
}

export function readKills(): readonly Kill[] {
  return linesOf<Kill>(killsFile);
}

export function readTriedTests(): readonly TriedTest[] {
  return linesOf<TriedTest>(testsFile());
}

export function readTriedFiles(): readonly TriedFile[] {
  return linesOf<TriedFile>(filesFile());
}

/** The folder for Vitest's cache of loaded files. Each plan with other mutants has its own. */
export function cacheFolderOf({ code }: Plan): string {
  const hash = createHash("sha256").update(JSON.stringify(code)).digest("hex").slice(0, 16);
  return join(cachesFolder, hash);
}

export function addKill(kill: Kill): void {
  addLine(killsFile, kill);
}

export function addTriedTest(tried: TriedTest): void {
  addLine(testsFile(), tried);
}

export function addTriedFile(tried: TriedFile): void {
  addLine(filesFile(), tried);
}

export function forgetResults(): void {
  for (const file of [killsFile, testsFile(), filesFile()]) rmSync(file, { force: true });
  rmSync(cachesFolder, { recursive: true, force: true });
}

/** The same mutants at each call, spread over all files: those whose keys have the lowest hashes. */
export function sampleOf(mutants: readonly Mutant[], count: number): Mutant[] {
  const hash = ({ key }: Mutant) => createHash("sha256").update(key).digest("hex");
  return mutants
    .map((mutant) => ({ mutant, hash: hash(mutant) }))
    .toSorted((one, other) => (one.hash < other.hash ? -1 : 1))
    .slice(0, count)
    .map(({ mutant }) => mutant);
}

/** The version of the file that contains a mutant. */
export function sourceOf({ key }: Mutant): string {
  return key.slice(0, key.indexOf("#"));
}

export function numberOf({ key }: Mutant): string {
  return key.slice(key.indexOf("#") + 1);
}

/** A file with a hash of its text. */
export function versionOf(file: string, text = readFileSync(join(projectFolder, file), "utf8")): string {
  return `${file}@${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}

function addLine(file: string, line: object): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

function linesOf<Line>(file: string): readonly Line[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => parseOwnJson<Line>(line));
}
