// A test is found by its file's name: the name of the module that it tests, or `topic.scenario`.
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./modules.ts";

/** Folders whose tests are about modules. In all other folders the folder is the topic. */
const bound = ["test/unit", "test/conformance", "test/browser", "test/workerd"];
/** Topics that are no module and no folder of src or demo. */
const otherTopics = ["platform"];

const modules = new Set<string>();
const folders = new Set<string>(otherTopics);
for (const path of globSync(["src/**/*.{ts,tsx}", "demo/**/*.{ts,tsx}", "scripts/*.ts"], { cwd: root })) {
  modules.add(basename(path).replace(/\.tsx?$/, ""));
  folders.add(basename(dirname(path)));
}

test("file names: each test has the name of its module, or topic.scenario", () => {
  const files = globSync(
    bound.map((folder) => `${folder}/**/*.test.{ts,tsx}`),
    { cwd: root },
  );
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((path) => !isFound(basename(path)))).toEqual([]);
});

test("file names: a name that leads nowhere is found", () => {
  expect(
    ["fold.test.ts", "http.limits.test.ts", "fold.refused.types.test.ts", "platform.node.test.ts"].every(isFound),
  ).toBe(true);
  expect(["edges.test.ts", "envelope.test.ts", "nowhere.limits.test.ts", "http.test.ts"].some(isFound)).toBe(false);
});

test("comments of src: each test that one names exists", () => {
  const tests = new Set(globSync("test/**/*.test.{ts,tsx}", { cwd: root }).map((path) => basename(path)));
  const named = globSync("src/**/*.{ts,tsx}", { cwd: root }).flatMap((path) =>
    [...readFileSync(join(root, path), "utf8").matchAll(/[\w-]+(?:\.[\w-]+)*\.test\.tsx?/g)].map(([test]) => ({
      path,
      test,
    })),
  );
  expect(named.length).toBeGreaterThan(200);
  expect(named.filter(({ test }) => !tests.has(test))).toEqual([]);
});

test("toMatchObject: no test compares a text with a bare RegExp, which matches everything", () => {
  expect(() => expect({ code: "a" }).toMatchObject({ code: /b/ })).not.toThrow();
  const files = globSync("test/**/*.test.{ts,tsx}", { cwd: root });
  // `matching(/…/)` of test/support/matchers.ts compares. A locator of Playwright reads a RegExp itself.
  const found = files
    .filter((path) => !path.startsWith("test/e2e/"))
    .flatMap((path) =>
      readFileSync(join(root, path), "utf8")
        .split("\n")
        .filter((line) => /\b(message|fix|code|reason|text|stack|name): \/[^/*]/.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(found.filter((line) => !line.includes("toMatchObject({ code: /b/ })"))).toEqual([]);
});

function isFound(file: string): boolean {
  const [topic = "", ...scenario] = file.replace(/(\.types)?\.test\.tsx?$/, "").split(".");
  return modules.has(topic) || (scenario.length > 0 && folders.has(topic));
}
