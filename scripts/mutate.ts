// `npm run mutate`: changes one expression of the code at a time, and runs the tests that reach it. A change that no
// test notices survives, and shows a missing test. The last line is "N mutants, N killed".
//
//   npm run mutate -- --minutes 20                     starts no further group of files after 20 minutes
//   npm run mutate -- --only core/replica              the files whose path contains the text
//   npm run mutate -- --only core/replica --write      also writes the survivors without a reason into survivors.json
//
// StrykerJS makes the changes. It is fetched when it is needed and is no dependency. It runs in a copy of the project,
// so that the working tree stays as it is. The exit code is 1 if too few mutants were killed, or if a survivor has no
// reason in test/mutation/survivors.json.
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { root } from "./programs.ts";
import { type Area, areas, type Mutant, readReport, Survivors } from "../test/mutation/areas.ts";

const stryker = ["@stryker-mutator/core@10.1.1", "@stryker-mutator/vitest-runner@10.1.1"];
const { values } = parseArgs({
  options: { minutes: { type: "string" }, only: { type: "string" }, write: { type: "boolean" } },
});
/** Files in one run of StrykerJS. */
const GROUP_FILES = 4;
const endsAt = Date.now() + Number(values.minutes ?? 30) * 60_000;

const workspace = copyProject();
try {
  process.exitCode = mutateAll();
} finally {
  rmSync(workspace, { recursive: true, force: true });
}

function mutateAll(): number {
  const survivors = new Survivors(`${root}test/mutation/survivors.json`);
  const counts = new Map<Area, { mutants: number; killed: number }>();
  const unnamed: Mutant[] = [];
  for (const { area, files } of shuffled(chosenGroups())) {
    if (Date.now() >= endsAt) break;
    const mutants = mutateFiles(area, files);
    const count = counts.get(area) ?? { mutants: 0, killed: 0 };
    counts.set(area, count);
    const left = mutants.filter(({ isKilled }) => !isKilled);
    count.mutants += mutants.length;
    count.killed += mutants.length - left.length;
    console.log(`${files.join(", ")}: ${mutants.length} mutants, ${mutants.length - left.length} killed`);
    for (const mutant of left) {
      if (survivors.has(mutant)) continue;
      unnamed.push(mutant);
      console.log(`  ${mutant.file}:${mutant.line} ${mutant.mutator}: ${mutant.code} => ${mutant.replacement}`);
    }
  }
  if (values.write) survivors.add(unnamed);
  return report(counts, unnamed.length);
}

function report(counts: ReadonlyMap<Area, { mutants: number; killed: number }>, unnamed: number): number {
  let [mutants, killed, isEnough] = [0, 0, true];
  for (const [area, count] of counts) {
    mutants += count.mutants;
    killed += count.killed;
    const share = count.mutants === 0 ? 1 : count.killed / count.mutants;
    isEnough &&= share >= area.killedMin;
    console.log(
      `${area.name}: ${count.mutants} mutants, ${count.killed} killed, ${percent(share)} (aim ${percent(area.killedMin)})`,
    );
  }
  if (unnamed > 0) console.log(`${unnamed} survivors have no reason in test/mutation/survivors.json`);
  console.log(`${mutants} mutants, ${killed} killed`);
  return isEnough && unnamed === 0 ? 0 : 1;
}

/** The chosen files in groups of one room, because each group runs all tests of its area once before the changes. */
function chosenGroups(): readonly { readonly area: Area; readonly files: readonly string[] }[] {
  return areas.flatMap((area) => {
    const files = globSync(area.files, { cwd: root }).filter((file) => file.includes(values.only ?? ""));
    const rooms = Map.groupBy(files, dirname);
    return [...rooms.values()].flatMap((room) =>
      Array.from({ length: Math.ceil(room.length / GROUP_FILES) }, (_, n) => ({
        area,
        files: room.slice(n * GROUP_FILES, (n + 1) * GROUP_FILES),
      })),
    );
  });
}

function mutateFiles(area: Area, files: readonly string[]): readonly Mutant[] {
  const reportFile = join(workspace, "reports/mutation/mutation.json");
  rmSync(reportFile, { force: true });
  writeFileSync(join(workspace, "vitest.mutate.ts"), area.vitestConfig);
  writeFileSync(join(workspace, "stryker.config.json"), JSON.stringify(strykerOptions(files)));
  const { stdout } = spawnSync(process.execPath, ["node_modules/@stryker-mutator/core/bin/stryker.js", "run"], {
    cwd: workspace,
    encoding: "utf8",
  });
  // Without a report a test failed before any change, for example.
  if (!existsSync(reportFile)) throw new Error(`There is no report of ${files.join(", ")}.\n${stdout.slice(-2_000)}`);
  return readReport(readFileSync(reportFile, "utf8"));
}

function strykerOptions(files: readonly string[]): object {
  return {
    testRunner: "vitest",
    plugins: ["@stryker-mutator/vitest-runner"],
    vitest: { configFile: "vitest.mutate.ts" },
    mutate: files,
    // The texts of messages are not tested word by word. The compiler refuses the other three kinds of change.
    mutator: { excludedMutations: ["StringLiteral", "ObjectLiteral", "ArrayDeclaration", "OptionalChaining"] },
    concurrency: 2,
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    reporters: ["json"],
    timeoutMS: 10_000,
    // Stryker needs TypeScript's programming interface to read a tsconfig.json, and TypeScript 7 has none.
    tsconfigFile: "none.json",
    allowEmpty: true,
  };
}

function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "dacapo-mutate-"));
  const { stdout } = spawnSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of stdout.split("\n"))
    if (file !== "" && existsSync(`${root}${file}`)) cpSync(`${root}${file}`, join(folder, file));
  cpSync(`${root}node_modules`, join(folder, "node_modules"), { recursive: true, dereference: false });
  const npm = process.env["npm_execpath"];
  const install = ["install", "--no-save", "--no-audit", "--no-fund", "--silent", ...stryker];
  const [command, args] = npm ? [process.execPath, [npm, ...install]] : ["npm", install];
  const { status } = spawnSync(command, args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) throw new Error("StrykerJS could not be installed. Connect to the npm registry and try again.");
  return folder;
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
