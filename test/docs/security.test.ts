// The lists of docs/security.md, docs/reliability.md and docs/away-for-three-weeks.md name tests. Each of these tests
// exists under its name.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/samples.ts";

const rowsOf = (file: string, from: string): readonly string[] => {
  const page = readFileSync(join(root, "docs", file), "utf8");
  return page
    .slice(page.indexOf(from))
    .split("\n")
    .filter((line) => line.startsWith("| ") && !/^\| (---|line \||meanwhile \|)/.test(line));
};
const NAMED = /`(test\/[^`]+)` "([^"]+)"/g;

test.each([
  { file: "security.md", from: "## Checklist", min: 50 },
  { file: "away-for-three-weeks.md", from: "## The work", min: 15 },
])("$file: each line of the list names the test that shows it", ({ file, from, min }) => {
  const rows = rowsOf(file, from);
  expect(rows.length).toBeGreaterThan(min);
  expect(rows.filter((row) => [...row.matchAll(NAMED)].length === 0)).toEqual([]);
});

test.each(["security.md", "reliability.md", "away-for-three-weeks.md"])("each test that %s names is there", (on) => {
  const text = readFileSync(join(root, "docs", on), "utf8");
  const missing = [...text.matchAll(NAMED)].filter(([, file = "", name = ""]) => {
    const path = join(root, file);
    return !existsSync(path) || !readFileSync(path, "utf8").includes(`"${name}"`);
  });
  expect(missing.map(([, file, name]) => `${file}: ${name}`)).toEqual([]);
});
