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

  /** The mutants that have a reason, without those that are like another one of their line. */
  namedAlone(mutants: readonly Mutant[]): readonly Mutant[] {
    return this.#named.flatMap((named) => {
      const same = named.reason === "" ? [] : mutants.filter((mutant) => isSame(named, mutant));
      return same.length === 1 ? same : [];
    });
  }

  /** The named survivors of these files whose code changed, so that no mutant is like them. */
  gone(mutants: readonly Mutant[], isOfRun: (file: string) => boolean): readonly Named[] {
    return this.#named.filter((named) => isOfRun(named.file) && !mutants.some((mutant) => isSame(named, mutant)));
  }

  /** Adds survivors with an empty reason, for somebody to fill in, and removes those that are gone. */
  write(added: readonly Mutant[], gone: readonly Named[]): void {
    const news = added
      .filter((mutant) => !this.#named.some((named) => isSame(named, mutant)))
      .map(({ file, mutator, code, replacement }) => ({ file, mutator, code, replacement, reason: "" }));
    const kept = this.#named.filter((named) => !gone.includes(named));
    const all = [...kept, ...news].toSorted((one, other) => one.file.localeCompare(other.file));
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
