// The folder law: a folder imports only folders that come before it. So a reader knows everything that a folder uses.
import { expect, test } from "vitest";
import { type Module, modulesOf, parseModule, targetOf } from "./modules.ts";

/** The rooms in the order in which they are read. Rooms on one line do not import each other. */
const law: Readonly<Record<string, readonly string[]>> = {
  "src/core": ["values", "domain", "history", "wire fold", "decide", "replica"],
  "src/client": ["env", "messages stores", "page engine tabs presence", "sync tables", "worker", "."],
  "src/cli": ["base", "commands", "."],
  "src/sync-server": [
    "base stores",
    "access streams archive subscribers",
    "read-models bases",
    "writer processes",
    "server-log",
    "http",
    "live",
    "hosts",
    ".",
  ],
};

/** Imports within one line of the law, or against it, each with its reason. */
const allowed: readonly string[] = [];

test("folder law: a folder of src imports only folders that come before it", () => {
  expect(modulesOf(...Object.keys(law)).flatMap(breaches)).toEqual(allowed);
});

test("folder law: every folder of core, client, server and cli has its place in the order", () => {
  const rooms = new Set(modulesOf(...Object.keys(law)).map(({ path }) => roomOf(path)));
  expect([...rooms].filter((room) => room && rankOf(room) === -1)).toEqual([]);
});

test("folder law: an import against the order is found", () => {
  const bad = parseModule("src/core/values/bad.ts", 'import type { Commit } from "../history/commit.ts";');
  const side = parseModule("src/core/wire/bad.ts", 'import { foldRows } from "../fold/fold.ts";');
  const good = parseModule("src/core/decide/good.ts", 'import { foldRows } from "../fold/fold.ts";');
  expect([bad, side, good].flatMap(breaches)).toEqual([
    "src/core/values/bad.ts imports src/core/history/commit.ts",
    "src/core/wire/bad.ts imports src/core/fold/fold.ts",
  ]);
});

type Room = { readonly side: string; readonly folder: string };

function breaches(module: Module): string[] {
  const from = roomOf(module.path);
  return module.imports.flatMap((specifier) => {
    const target = targetOf(module, specifier);
    const to = target === undefined ? null : roomOf(target);
    if (!from || !to || to.side !== from.side || to.folder === from.folder || rankOf(to) < rankOf(from)) return [];
    return [`${module.path} imports ${String(target)}`];
  });
}

function roomOf(path: string): Room | null {
  const side = Object.keys(law).find((folder) => path.startsWith(`${folder}/`));
  if (!side) return null;
  const parts = path.slice(side.length + 1).split("/");
  return { side, folder: parts.length > 1 ? String(parts[0]) : "." };
}

function rankOf({ side, folder }: Room): number {
  return (law[side] ?? []).findIndex((line) => line.split(" ").includes(folder));
}
