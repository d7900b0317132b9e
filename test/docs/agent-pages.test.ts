// The pages for coding agents repeat the documentation. They must not lag behind it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { agentPages } from "../../scripts/agent-pages.ts";
import { root } from "../support/samples.ts";

test.each(Object.entries(agentPages()))("%s: is current; `npm run docs:agents` writes it", (name, text) => {
  expect(readFileSync(join(root, name), "utf8").replaceAll("\r\n", "\n")).toBe(text);
});

test("llms.txt: every link leads to a file of the package", () => {
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: readonly string[] };
  const links = [...(agentPages()["llms.txt"] ?? "").matchAll(/\]\(([^)]+)\)/g)].map(([, path = ""]) => path);
  expect(links.length).toBeGreaterThan(8);
  const isPacked = (path: string) => path === "README.md" || files.includes(path.replace(/^docs\/[^/]+$/, "docs/*.md"));
  expect(links.filter((path) => !isPacked(path))).toEqual([]);
});
