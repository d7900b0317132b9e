import { existsSync, globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/samples.ts";

const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root });

test("links: every link of the documentation to a file leads to a file", async () => {
  const dead: string[] = [];
  for (const page of pages) {
    for (const [, target = ""] of (await readFile(join(root, page), "utf8")).matchAll(
      /\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)/g,
    )) {
      if (!existsSync(join(root, dirname(page), target))) dead.push(`${page}: ${target}`);
    }
  }
  expect(dead).toEqual([]);
});
