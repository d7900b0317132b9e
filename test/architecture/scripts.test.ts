// The commands of package.json work in a fresh clone: each one installs what is missing before it starts.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseOwnJson } from "../support/own-json.ts";
import { root } from "../support/samples.ts";

const { scripts } = parseOwnJson<{ scripts: Record<string, string> }>(readFileSync(join(root, "package.json"), "utf8"));
const SCRIPT = /^node scripts\/setup\.mjs (scripts\/[\w-]+\.ts)(?: (?:--browser )?(\S+\/\S+))?/;

test.each(Object.entries(scripts))("scripts: %s installs what is missing, and its files exist", (_, command) => {
  const [, script = "", entry] = SCRIPT.exec(command) ?? [];
  expect(script, command).not.toBe("");
  expect(existsSync(join(root, script)), script).toBe(true);
  if (script === "scripts/tool.ts") expect(existsSync(join(root, "node_modules", entry ?? "")), command).toBe(true);
});

test("scripts: CONTRIBUTING.md describes each command", () => {
  const guide = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const isDescribed = (name: string) => new RegExp(`npm (run )?${name}(?![\\w:])|\`${name}\``).test(guide);
  expect(Object.keys(scripts).filter((name) => !isDescribed(name))).toEqual([]);
});

test("scripts: the commands that need a browser find or install one", () => {
  for (const name of ["test:browser", "test:e2e"]) expect(scripts[name]).toContain("scripts/tool.ts --browser ");
  expect(readFileSync(join(root, "scripts/bench.ts"), "utf8")).toContain("requireChromium()");
});
