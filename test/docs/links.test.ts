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

test("links: every link of the documentation to a section leads to a heading", async () => {
  const dead: string[] = [];
  for (const page of pages) {
    for (const [, target = "", section = ""] of (await readFile(join(root, page), "utf8")).matchAll(
      /\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g,
    )) {
      const file = target === "" ? join(root, page) : join(root, dirname(page), target);
      if (file.endsWith(".md") && !(await sectionsOf(file)).includes(section))
        dead.push(`${page}: ${target}#${section}`);
    }
  }
  expect(dead).toEqual([]);
});

/** The names of the sections of a page, as GitHub makes them from the headings. */
async function sectionsOf(file: string): Promise<readonly string[]> {
  const text = (await readFile(file, "utf8")).replace(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}
