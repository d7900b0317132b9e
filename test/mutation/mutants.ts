/** Makes the mutants of files. StrykerJS's instrumenter is fetched when it is needed, and is no dependency. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { npmCommand } from "../../scripts/programs.ts";
import { excludedMutations } from "./areas.ts";
import { type Mutant, outputFolder, projectFolder, versionOf } from "./plan.ts";

const INSTRUMENTER = "@stryker-mutator/instrumenter";
const VERSION = "10.1.1";
const REPLACEMENT_LENGTH = 80;

type Made = {
  readonly files: readonly { readonly name: string; readonly content: string }[];
  readonly mutants: readonly {
    readonly id: string;
    readonly fileName: string;
    readonly mutatorName: string;
    readonly replacement: string;
    /** Has a value if the mutant is left out. */
    readonly status?: string;
    /** The first line is 0. */
    readonly location: { readonly start: { readonly line: number } };
  }[];
};
type Instrumenter = { instrument(files: readonly object[], options: object): Promise<Made> };
type InstrumenterModule = { readonly Instrumenter: new (logger: object) => Instrumenter };

/** The instrumented text of each file, and its mutants. */
export async function mutantsOf(
  files: readonly string[],
): Promise<{ code: Record<string, string>; mutants: Mutant[] }> {
  const texts = new Map(files.map((file) => [file, readFileSync(join(projectFolder, file), "utf8")]));
  const instrumenter = await loadInstrumenter();
  const made = await instrumenter.instrument(
    [...texts].map(([name, content]) => ({ name, content, mutate: true })),
    { plugins: null, ignorers: [], excludedMutations },
  );
  const counts = new Map<string, number>();
  const mutants = made.mutants
    .filter(({ status }) => status === undefined)
    .map(({ id, fileName, mutatorName, replacement, location }) => {
      const text = texts.get(fileName) ?? "";
      const number = counts.get(fileName) ?? 0;
      counts.set(fileName, number + 1);
      return {
        id,
        key: `${versionOf(fileName, text)}#${number}`,
        file: fileName,
        line: location.start.line + 1,
        mutator: mutatorName,
        code: (text.split("\n")[location.start.line] ?? "").trim(),
        replacement: replacement.replace(/\s+/g, " ").slice(0, REPLACEMENT_LENGTH),
      };
    });
  return { code: Object.fromEntries(made.files.map(({ name, content }) => [name, content])), mutants };
}

async function loadInstrumenter(): Promise<Instrumenter> {
  const folder = join(outputFolder, `instrumenter-${VERSION}`);
  const entry = join(folder, "node_modules", INSTRUMENTER, "dist/src/index.js");
  if (!existsSync(entry)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), `{ "private": true }\n`);
    const install = ["install", "--no-audit", "--no-fund", "--silent", `${INSTRUMENTER}@${VERSION}`];
    const { file, args, shell } = npmCommand(...install);
    const { status } = spawnSync(file, args, { cwd: folder, stdio: "inherit", shell });
    if (status !== 0) throw new Error(`npm could not install ${INSTRUMENTER}. Connect to the npm registry, try again.`);
  }
  const { Instrumenter } = (await import(pathToFileURL(entry).href)) as InstrumenterModule;
  const silent = () => undefined;
  const logger = { debug: silent, info: silent, warn: silent, isDebugEnabled: () => false };
  return new Instrumenter(logger);
}
