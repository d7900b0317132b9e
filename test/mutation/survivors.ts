/** The survivors that may live, each with its reason: `test/mutation/survivors.json`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseOwnJson } from "../support/own-json.ts";
import type { Mutant } from "./plan.ts";

type Named = Pick<Mutant, "file" | "mutator" | "code" | "replacement"> & { readonly reason: string };

export class Survivors {
  readonly #path: string;
  readonly #named: Named[];

  constructor(path: string) {
    this.#path = path;
    this.#named = existsSync(path) ? parseOwnJson<Named[]>(readFileSync(path, "utf8")) : [];
  }

  has(mutant: Mutant): boolean {
    return this.#named.some((named) => named.reason !== "" && isSame(named, mutant));
  }

  /** Adds survivors with an empty reason, for somebody to fill in. */
  add(mutants: readonly Mutant[]): void {
    const added = mutants
      .filter((mutant) => !this.#named.some((named) => isSame(named, mutant)))
      .map(({ file, mutator, code, replacement }) => ({ file, mutator, code, replacement, reason: "" }));
    const all = [...this.#named, ...added].toSorted((one, other) => one.file.localeCompare(other.file));
    writeFileSync(this.#path, `${JSON.stringify(all, null, 2)}\n`);
  }
}

function isSame(named: Named, mutant: Mutant): boolean {
  return (
    named.file === mutant.file &&
    named.mutator === mutant.mutator &&
    named.code === mutant.code &&
    named.replacement === mutant.replacement
  );
}
