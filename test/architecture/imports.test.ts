// The import law: the modules that a module may import. `import type` counts too, because a type is knowledge too.
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseOwnJson } from "../support/own-json.ts";
import { type Module, modulesOf, parseModule, root, targetOf } from "./modules.ts";

const src = modulesOf("src");
const outside = modulesOf("demo", "bench", "test");

const coreMayUse = ["@standard-schema/spec"];
const testRunners = ["vitest", "node:test", "jest", "mocha", "playwright-core"];
// A test of one module may import that module. All other code uses the public entries of the package.
const mayReachInside = [
  "test/unit/",
  "test/conformance/",
  "test/browser/",
  "test/workerd/",
  "test/support/",
  "test/simulation/",
  "test/mutation/",
];

test("import law: no modules import each other in a circle", () => {
  expect(circlesOf([...src, ...outside, ...modulesOf("scripts")])).toEqual([]);
});

test("import law: core imports core, and the types of Standard Schema", () => {
  const law = (path: string) => path.startsWith("src/core/");
  expect(breaches(inFolder("src/core/"), law, (name) => coreMayUse.includes(name))).toEqual([]);
});

test("import law: the client imports itself and core, no server and no Node", () => {
  const law = (path: string) => path.startsWith("src/core/") || path.startsWith("src/client/");
  expect(breaches(inFolder("src/client/"), law, (name) => !isBuiltin(name))).toEqual([]);
});

test("import law: the sync server imports itself and core, never the client", () => {
  const law = (path: string) => path.startsWith("src/core/") || path.startsWith("src/sync-server/");
  expect(breaches(inFolder("src/sync-server/"), law, notOurselves)).toEqual([]);
});

test("import law: the command line imports the sync server and core, and nothing imports it", () => {
  const law = (path: string) => ["src/core/", "src/sync-server/", "src/cli/"].some((side) => path.startsWith(side));
  expect(breaches(inFolder("src/cli/"), law, notOurselves)).toEqual([]);
  const others = src.filter(({ path }) => !path.startsWith("src/cli/"));
  expect(breaches(others, (path) => !path.startsWith("src/cli/"), notOurselves)).toEqual([]);
});

test("import law: nothing in src imports testing, which has no test runner inside", () => {
  const others = src.filter(({ path }) => !path.startsWith("src/testing/"));
  expect(breaches(others, (path) => !path.startsWith("src/testing/"), notOurselves)).toEqual([]);
  const isRunner = (name: string) => testRunners.some((runner) => name === runner || name.startsWith(`${runner}/`));
  expect(
    breaches(
      inFolder("src/testing/"),
      () => true,
      (name) => notOurselves(name) && !isRunner(name),
    ),
  ).toEqual([]);
});

test("import law: demo, bench and the larger tests use the public entries alone", () => {
  const users = outside.filter(({ path }) => !mayReachInside.some((folder) => path.startsWith(folder)));
  const law = (path: string, from: string) =>
    !path.startsWith("src/") && (path.startsWith("demo/") || !from.startsWith("demo/"));
  expect(breaches(users, law, () => true)).toEqual([]);
});

test("import law: telemetry.ts alone imports OpenTelemetry, and no module imports telemetry.ts", () => {
  const entry = "src/sync-server/telemetry.ts";
  const withPackage = src.filter(({ imports }) => imports.some((name) => name.startsWith("@opentelemetry/")));
  expect(withPackage.map(({ path }) => path)).toEqual([entry]);
  expect(src.filter((module) => module.imports.some((name) => targetOf(module, name) === entry))).toEqual([]);
});

test("import law: the store on Postgres alone imports the optional package pg", () => {
  const { peerDependenciesMeta } = parseOwnJson<{ peerDependenciesMeta: { pg?: { optional?: boolean } } }>(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  expect(peerDependenciesMeta.pg).toEqual({ optional: true });
  const importers = src.filter(({ imports }) => imports.includes("pg")).map(({ path }) => path);
  expect(importers).not.toEqual([]);
  expect(importers.filter((path) => !path.startsWith("src/sync-server/stores/postgres/"))).toEqual([]);
});

test("import law: an adapter imports its port, never a sibling", () => {
  // One SQLite dialect serves Node and the Durable Object. So the shared files have no adapter's name.
  // An adapter of many files has a folder of its own name.
  const law = (path: string, from: string) => !isAdapter(path) || path.startsWith(from.replace(/\.ts$/, "/"));
  expect(
    breaches(
      src.filter(({ path }) => isAdapter(path)),
      law,
      () => true,
    ),
  ).toEqual([]);
});

test("import law: forbidden imports are found", () => {
  const bad = parseModule(
    "src/core/bad.ts",
    'import type { A } from "../client/a.ts"; export * from "hono"; const b = import("./b.ts"); type C = import("node:fs").Stats;',
  );
  expect(bad.imports).toEqual(["../client/a.ts", "hono", "./b.ts", "node:fs"]);
  expect(
    breaches(
      [bad],
      (path) => path.startsWith("src/core/"),
      (name) => coreMayUse.includes(name),
    ),
  ).toHaveLength(3);
  const circle = [
    parseModule("src/a.ts", 'import type { B } from "./b.ts"'),
    parseModule("src/b.ts", 'export { a } from "./a.ts"'),
  ];
  expect(circlesOf(circle)).toEqual(["src/a.ts → src/b.ts → src/a.ts"]);
});

const adapterFolders = ["src/client/stores/", "src/client/sync/", "src/sync-server/stores/"];
const adapterName = /\/(?:idb|memory|http|sqlite|durable-object|postgres)(?:-[a-z-]+)?\.ts$/;

function inFolder(folder: string): Module[] {
  return src.filter(({ path }) => path.startsWith(folder));
}

function isAdapter(path: string): boolean {
  return adapterFolders.some((folder) => path.startsWith(folder)) && adapterName.test(path);
}

function notOurselves(name: string): boolean {
  return name !== "dacapo" && !name.startsWith("dacapo/");
}

function breaches(
  modules: readonly Module[],
  allowsFile: (path: string, from: string) => boolean,
  allowsPackage: (name: string) => boolean,
): string[] {
  return modules.flatMap((module) =>
    module.imports
      .filter((specifier) => {
        const target = targetOf(module, specifier);
        return target === undefined ? !allowsPackage(specifier) : !allowsFile(target, module.path);
      })
      .map((specifier) => `${module.path} imports ${specifier}`),
  );
}

/** Returns each circle once, as its path. */
function circlesOf(modules: readonly Module[]): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const at = way.indexOf(path);
    if (at >= 0) return void circles.push([...way.slice(at), path].join(" → "));
    const module = byPath.get(path);
    if (!module || done.has(path)) return;
    for (const specifier of module.imports) {
      const target = targetOf(module, specifier);
      if (target) visit(target, [...way, path]);
    }
    done.add(path);
  };
  for (const { path } of modules) visit(path, []);
  return circles;
}
