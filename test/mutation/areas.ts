/** The areas of the code that `npm run mutate` changes, each with its tests. */

export type Area = {
  readonly name: string;
  readonly files: readonly string[];
  readonly tests: readonly string[];
  /** The share of mutants that tests must kill, from 0 to 1. */
  readonly killedMin: number;
};

export const areas: readonly Area[] = [
  area("core", 0.9, ["src/core/**/*.ts"], ["core", "client/engine", "testing", "sync-server/{writer,archive,streams}"]),
  area(
    "client",
    0.85,
    ["src/client/{engine,sync}/**/*.ts"],
    ["client/{engine,sync,stores,tabs,worker}", "core/replica"],
  ),
  area(
    "server",
    0.85,
    ["src/sync-server/{writer,live}/**/*.ts"],
    ["sync-server/{writer,live,read-models,http,streams}"],
  ),
];

/**
 * Kinds of change that are left out. No test compares the texts of messages word by word. The compiler refuses most
 * changes of the other three kinds, and of the texts that are values of a type.
 */
export const excludedMutations = ["StringLiteral", "ObjectLiteral", "ArrayDeclaration", "OptionalChaining"];

/**
 * Test files that do not run with mutants, each with its reason:
 * they count reads or measure sizes, compile code, or start other processes that have no mutants.
 */
export const excludedTests = ["types.test.ts", "postgres", "bundle-size"];

function area(name: string, killedMin: number, files: readonly string[], folders: readonly string[]): Area {
  const tests = [...folders.map((folder) => `test/unit/${folder}/**/*.test.ts`), "test/mutation/few-seeds.test.ts"];
  return { name, killedMin, files, tests };
}
