// `npm run bench -- types`: the compiler's cost for the inferred types of a large domain: 20 aggregates of 15 events
// and 10 commands each, 25 projections, every command called once. The cost of the libraries alone is measured too and
// subtracted.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { printTable, writeResult } from "./support/results.ts";
import { median, rounded } from "./support/stats.ts";

const AGGREGATES = 20;
const EVENTS = 15;
const COMMANDS = 10;
const PROJECTIONS = 25;
const ROUNDS = 3;

const root = fileURLToPath(new URL("..", import.meta.url));
// Inside the package, so that its own name resolves, and ignored by git.
const folder = `${root}.vite/bench-types`;
mkdirSync(folder, { recursive: true });
writeFileSync(
  `${folder}/empty.ts`,
  'import * as v from "valibot";\nimport { aggregate, defineDomain, projection } from "dacapo";\nexport const used = [v.object, aggregate, defineDomain, projection];\n',
);
writeFileSync(`${folder}/domain.ts`, domainText());

const measured = { empty: check("empty"), domain: check("domain") };
const instantiations = measured.domain.instantiations - measured.empty.instantiations;
const checkSeconds = rounded(measured.domain.checkSeconds - measured.empty.checkSeconds);
printTable(
  ["", "instantiations", "types", "check s", "memory MB"],
  Object.entries(measured).map(([name, { instantiations: count, types, checkSeconds: seconds, memoryMb }]) => [
    name === "empty" ? "libraries alone" : "with the domain",
    count,
    types,
    seconds.toFixed(2),
    memoryMb,
  ]),
);
console.log(`the domain itself: ${instantiations} instantiations, ${checkSeconds} s`);
writeResult("types", {
  instantiations,
  checkSeconds,
  aggregates: AGGREGATES,
  events: EVENTS,
  commands: COMMANDS,
  projections: PROJECTIONS,
  measured,
});
rmSync(folder, { recursive: true, force: true });

function check(name: string) {
  const config = {
    extends: `${root}tsconfig.json`,
    compilerOptions: { noUnusedLocals: false },
    include: [],
    files: [`${name}.ts`],
  };
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(config));
  const runs = Array.from({ length: ROUNDS }, () => {
    const { stdout, status } = spawnSync(
      process.execPath,
      [`${root}node_modules/typescript/bin/tsc`, "-p", folder, "--extendedDiagnostics", "--singleThreaded"],
      { encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`The generated domain does not compile:\n${stdout.slice(0, 4_000)}`);
    const told = (label: string) =>
      Number.parseFloat(new RegExp(`^${label}:\\s+([0-9.]+)`, "m").exec(stdout)?.[1] ?? "NaN");
    return {
      instantiations: told("Instantiations"),
      types: told("Types"),
      checkSeconds: told("Check time"),
      memoryMb: Math.round(told("Memory used") / 1024),
    };
  });
  const [first] = runs;
  if (!first) throw new Error("The compiler reported no measurements");
  return { ...first, checkSeconds: rounded(median(runs.map(({ checkSeconds: seconds }) => seconds)), 3) };
}

function domainText(): string {
  const aggregates = numbers(AGGREGATES).map(aggregateText);
  const projections = numbers(PROJECTIONS).map(projectionText);
  const calls = numbers(AGGREGATES).flatMap((a) =>
    numbers(COMMANDS).map((c) => `  item${a}.command.do${c}("id", { text: "t", count: ${c} }),`),
  );
  return [
    'import * as v from "valibot";',
    'import { aggregate, defineDomain, projection } from "dacapo";',
    ...aggregates,
    ...projections,
    `export const domain = defineDomain({ version: 1, aggregates: [${numbers(AGGREGATES)
      .map((a) => `item${a}`)
      .join(", ")}], projections: [${numbers(PROJECTIONS)
      .map((p) => `rows${p}`)
      .join(", ")}] });`,
    `export const requests = [\n${calls.join("\n")}\n];`,
    "",
  ].join("\n");
}

function aggregateText(a: number): string {
  const events = numbers(EVENTS).map(
    (e) => `    Happened${e}: v.object({ text: v.string(), count: v.number(), tag${e}: v.optional(v.string()) }),`,
  );
  const evolve = numbers(EVENTS).map(
    (e) =>
      `    Happened${e}: (state, { data }) => ({ ...state, text: data.text, count: state.count + data.count, status: "${e % 2 ? "open" : "closed"}" }),`,
  );
  const commands = numbers(COMMANDS).map(
    (c) =>
      `    do${c}: { input: v.object({ text: v.string(), count: v.number() }), decide: (state, input, { emit, reject }) => (state.status === "closed" && input.count < 0 ? reject("closed") : emit("Happened${c}", input)) },`,
  );
  return [
    `export const item${a} = aggregate("item${a}", {`,
    "  version: 1,",
    '  initial: { text: "", count: 0, status: "open" } as { text: string; count: number; status: "open" | "closed" },',
    `  events: {\n${events.join("\n")}\n  },`,
    `  evolve: {\n${evolve.join("\n")}\n  },`,
    `  commands: {\n${commands.join("\n")}\n  },`,
    "});",
  ].join("\n");
}

/** Each projection folds the events of two aggregates. Every fifth has its own key. */
function projectionText(p: number): string {
  const from = [p % AGGREGATES, (p + 7) % AGGREGATES];
  const on = numbers(EVENTS).map(
    (e) => `    Happened${e}: (row, { data, after }) => ({ texts: row.texts + data.text, total: after.count }),`,
  );
  const key = p % 5 === 0 ? "  key: (_, { before, after }) => [before.status, after.status],\n" : "";
  return `export const rows${p} = projection("rows${p}", {\n  version: 1,\n  from: [${from.map((a) => `item${a}`).join(", ")}],\n  initial: { texts: "", total: 0 },\n${key}  on: {\n${on.join("\n")}\n  },\n});`;
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
