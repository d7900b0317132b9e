/** The areas of the code that `npm run mutate` changes, with their tests, and the survivors that have a reason. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";

export type Area = {
  readonly name: string;
  readonly files: readonly string[];
  /** The share of mutants that tests must kill, from 0 to 1. */
  readonly killedMin: number;
  /** The text of the Vitest configuration that runs the area's tests. */
  readonly vitestConfig: string;
};

/** One changed expression, and whether a test noticed it. */
export type Mutant = {
  readonly file: string;
  readonly line: number;
  readonly mutator: string;
  /** The line of code, without the spaces around it. */
  readonly code: string;
  /** The first characters of what replaced the expression. */
  readonly replacement: string;
  readonly isKilled: boolean;
};

type Named = Omit<Mutant, "isKilled" | "line"> & { readonly reason: string };

export const areas: readonly Area[] = [
  area("core", 0.9, ["src/core/**/*.ts"], ["core", "client/engine", "client/sync", "testing"]),
  area("client", 0.85, ["src/client/{engine,sync}/**/*.ts"], ["client", "core/replica"]),
  area("server", 0.85, ["src/sync-server/{writer,live}/**/*.ts"], ["sync-server"]),
];

const REPLACEMENT_LENGTH = 80;

function area(name: string, killedMin: number, files: readonly string[], folders: readonly string[]): Area {
  const include = [...folders.map((folder) => `test/unit/${folder}/**/*.test.ts`), "test/mutation/few-seeds.test.ts"];
  const vitestConfig = `import { defaultServerConditions } from "vite";
const conditions = ["dacapo-source", ...defaultServerConditions];
export default {
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { environment: "node", testTimeout: 30_000, include: ${JSON.stringify(include)} },
};
`;
  return { name, killedMin, files, vitestConfig };
}

type Report = {
  readonly files: {
    readonly [file: string]: {
      readonly source: string;
      readonly mutants: readonly {
        readonly mutatorName: string;
        readonly replacement?: string;
        readonly status: string;
        readonly location: { readonly start: { readonly line: number } };
      }[];
    };
  };
};

/** Reads StrykerJS's report. A mutant that is ignored or does not compile is not counted. */
export function readReport(json: string): readonly Mutant[] {
  const { files } = JSON.parse(json) as Report;
  return Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants
      .filter(({ status }) => ["Killed", "Timeout", "Survived", "NoCoverage"].includes(status))
      .map(({ mutatorName, replacement = "", status, location }) => ({
        file,
        line: location.start.line,
        mutator: mutatorName,
        code: (source.split("\n")[location.start.line - 1] ?? "").trim(),
        replacement: replacement.replace(/\s+/g, " ").slice(0, REPLACEMENT_LENGTH),
        isKilled: status === "Killed" || status === "Timeout",
      })),
  );
}

/** The survivors that may live, each with its reason. */
export class Survivors {
  readonly #path: string;
  readonly #named: Named[];

  constructor(path: string) {
    this.#path = path;
    this.#named = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Named[]) : [];
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
