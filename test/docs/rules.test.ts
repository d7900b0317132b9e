// A test names every numbered rule: the rules of the protocol, and the rules of the three ports of storage.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/samples.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The files with rules, the form in which a rule begins there, and the number of rules. */
const laws = [
  { page: "docs/protocol.md", rule: /^- \*\*(P\d+)\*\*/gm, count: 32 },
  { page: "src/client/stores/log-store.ts", rule: /^ \* - (L\d+) /gm, count: 14 },
  { page: "src/sync-server/stores/event-store.ts", rule: /^ \* - (S\d+) /gm, count: 20 },
  { page: "src/sync-server/stores/model-store.ts", rule: /^ \* - (M\d+) /gm, count: 12 },
  { page: "docs/storage-server.md", rule: /^- \*\*(A\d+)\*\*/gm, count: 5 },
];

/** Rules at the beginning of a test's name, one or several, also in the conformance suites. */
const named = new Set([
  ...globSync("test/**/*.test.{ts,tsx}", { cwd: root }).flatMap((path) =>
    [...read(path).matchAll(/\(\s*["`]((?:[PLSMA]\d+ )+)/g)].flatMap(([, rules = ""]) => rules.trim().split(" ")),
  ),
  ...globSync("src/testing/**/*.ts", { cwd: root }).flatMap((path) =>
    [...read(path).matchAll(/rule: "([LSM]\d+)"/g)].map(([, rule = ""]) => rule),
  ),
]);

const written = new Map(laws.map(({ page, rule }) => [page, [...read(page).matchAll(rule)].map(([, id = ""]) => id)]));

test.each(laws)("each rule of $page begins the name of a test", ({ page, count }) => {
  const rules = written.get(page) ?? [];
  expect(rules).toHaveLength(count);
  expect(rules.filter((rule) => !named.has(rule))).toEqual([]);
});

test("rules: no test names a rule that does not exist", () => {
  const known = new Set([...written.values()].flat());
  expect([...named].filter((rule) => !known.has(rule))).toEqual([]);
});
