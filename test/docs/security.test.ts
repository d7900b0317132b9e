// The lists of docs/security.md and docs/reliability.md name tests. Each test exists under its name.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/samples.ts";

const page = readFileSync(join(root, "docs/security.md"), "utf8");
const rows = page
  .slice(page.indexOf("## Checklist"))
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.startsWith("| line |"));
const NAMED = /`(test\/[^`]+)` "([^"]+)"/g;

test("security.md: each line of the checklist names the test that shows it", () => {
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter((row) => [...row.matchAll(NAMED)].length === 0)).toEqual([]);
});

test.each(["security.md", "reliability.md"])("each test that %s names is there", (on) => {
  const text = readFileSync(join(root, "docs", on), "utf8");
  const missing = [...text.matchAll(NAMED)].filter(([, file = "", name = ""]) => {
    const path = join(root, file);
    return !existsSync(path) || !readFileSync(path, "utf8").includes(`("${name}"`);
  });
  expect(missing.map(([, file, name]) => `${file}: ${name}`)).toEqual([]);
});
