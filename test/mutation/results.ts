/** The results of all runs so far for the mutants of some files. */
import type { Area } from "./areas.ts";
import {
  type Kill,
  type Mutant,
  type Plan,
  readKills,
  readTriedFiles,
  readTriedTests,
  sourceOf,
  type TriedFile,
  type TriedTest,
  versionOf,
} from "./plan.ts";
import type { Survivors } from "./survivors.ts";

export class Results {
  /** The mutants without those that only run while a file loads. These cannot be switched on later. */
  readonly counted: readonly Mutant[];
  readonly killed: readonly Mutant[];
  /** The number of results, which grows as long as test processes make progress. */
  readonly size: number;
  readonly #tests: ReadonlyMap<string, string>;
  readonly #triedTests: readonly TriedTest[];
  readonly #triedFiles: readonly TriedFile[];
  readonly #kills: ReadonlyMap<string, Kill>;
  readonly #loaded: readonly Mutant[];
  readonly #sources: ReadonlyMap<string, string>;

  constructor(mutants: readonly Mutant[], tests: readonly string[]) {
    this.#tests = new Map(tests.map((test) => [versionOf(test), test]));
    this.#triedTests = readTriedTests().filter(({ by }) => this.#tests.has(by));
    this.#triedFiles = readTriedFiles().filter(({ by }) => this.#tests.has(by));
    this.#kills = new Map(readKills().map((kill) => [kill.mutant, kill]));
    this.#sources = new Map(mutants.map((mutant) => [sourceOf(mutant), mutant.file]));
    this.size =
      this.#triedTests.filter(({ broken }) => broken === undefined).length + this.#triedFiles.length + this.#kills.size;
    const [ran, loaded] = [keysOf(this.#triedTests), keysOf(this.#triedFiles)];
    this.#loaded = mutants.filter(({ key }) => loaded.has(key) && !ran.has(key) && !this.#kills.has(key));
    this.counted = mutants.filter((mutant) => !this.#loaded.includes(mutant));
    this.killed = this.counted.filter(({ key }) => this.#kills.has(key));
  }

  /** The tests that did not try all, each with the files that it did not try. */
  pending(): Plan["tests"] {
    return [...this.#tests].flatMap(([by, file]) => {
      const tried = this.#triedFiles.filter((one) => one.by === by);
      const done = new Set(tried.flatMap(({ sources }) => Object.keys(sources)));
      const sources = [...this.#sources].filter(([source]) => !done.has(source)).map(([, path]) => path);
      return sources.length > 0 ? [{ file, sources }] : [];
    });
  }

  unnamed(survivors: Survivors): readonly Mutant[] {
    return this.counted.filter((mutant) => !this.#kills.has(mutant.key) && !survivors.has(mutant));
  }

  /** Prints each survivor without a reason, and the figures. Returns whether the area reaches its aim. */
  print(area: Area, survivors: Survivors): boolean {
    const unnamed = this.unnamed(survivors);
    for (const { file, line, mutator, code, replacement } of unnamed)
      console.log(`${file}:${line} ${mutator}: ${code} => ${replacement}`);
    for (const [file, mutants] of Map.groupBy(this.counted, ({ file }) => file))
      console.log(`${file}: ${figures(mutants.length, this.killed.filter((mutant) => mutant.file === file).length)}`);
    const worked = new Set(this.#triedTests.flatMap(({ test, broken }) => (broken === undefined ? [test] : [])));
    const broken = new Map(this.#triedTests.map(({ test, broken }) => [test, broken]));
    for (const [test, error] of broken)
      if (error !== undefined && !worked.has(test))
        console.log(`This test fails without a change, so it was left out: ${test}: ${error.slice(0, 200)}`);
    const hung = this.killed.filter(({ key }) => this.#kills.get(key)?.how === "hung").length;
    const pending = this.pending().length;
    console.log(
      `${area.name}: ${figures(this.counted.length, this.killed.length)} (aim ${percent(area.killedMin)}); ` +
        `${hung} of them hung a test; ${this.#loaded.length} more only run while a file loads, and were not tried; ` +
        `${unnamed.length} survivors have no reason` +
        (pending > 0 ? `; ${pending} of ${this.#tests.size} test files have not tried all` : ""),
    );
    const share = this.counted.length === 0 ? 1 : this.killed.length / this.counted.length;
    return share >= area.killedMin && unnamed.length === 0 && pending === 0;
  }
}

function keysOf(tried: readonly TriedFile[]): ReadonlySet<string> {
  return new Set(
    tried.flatMap(({ sources }) =>
      Object.entries(sources).flatMap(([source, numbers]) => numbers.map((number) => `${source}#${number}`)),
    ),
  );
}

function figures(mutants: number, killed: number): string {
  return `${mutants} mutants, ${killed} killed, ${percent(mutants === 0 ? 1 : killed / mutants)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
