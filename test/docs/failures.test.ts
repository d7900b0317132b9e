// The guides list failures in tables whose last column, "test", names a test. Each of these tests exists.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { followerMutants } from "../simulation/mutants/follower-mutants.ts";
import { serverCodeMutants } from "../simulation/mutants/server-code-mutants.ts";
import { serverStoreMutants } from "../simulation/mutants/server-store-mutants.ts";
import { root } from "../support/samples.ts";

const code = globSync("test/**/*.test.{ts,tsx}", { cwd: root })
  .map((path) => readFileSync(join(root, path), "utf8"))
  .join("\n");

/** The last cells of the tables whose header ends with the column "test". */
const lastCells = (page: string): readonly string[] =>
  page.split("\n\n").flatMap((block) => {
    const [header = "", , ...rows] = block.trim().split("\n");
    return header.endsWith("| test |") ? rows.map((row) => row.split(" | ").at(-1) ?? "") : [];
  });

test.each(["client.md", "processes.md", "read-models.md", "subscribers.md"])(
  "failures of %s: each row names a test that exists",
  (file) => {
    const cells = lastCells(readFileSync(join(root, "docs", file), "utf8"));
    expect(cells.length).toBeGreaterThan(4);
    const missing = cells.filter((cell) => {
      const [, title] = /^`(.+)` \|$/.exec(cell) ?? [];
      return title === undefined || !code.includes(`"${title}"`);
    });
    expect(missing).toEqual([]);
  },
);

test("reliability.md: the failures of followers name each planted fault once", () => {
  const page = readFileSync(join(root, "docs", "reliability.md"), "utf8");
  const rows = page.split("\n").filter((line) => line.startsWith("| "));
  const start = rows.findIndex((line) => line.endsWith("| planted faults |"));
  const end = rows.findIndex((line, n) => n > start && line.endsWith("| test |"));
  const named = rows.slice(start + 1, end).flatMap((row) => {
    const last = row.split(" | ").at(-1) ?? "";
    return [...last.matchAll(/`([a-z0-9-]+)`/g)].map(([, name = ""]) => name);
  });
  const planted = [...followerMutants, ...serverCodeMutants, ...serverStoreMutants].map(({ name }) => name);
  expect(named.toSorted()).toEqual(planted.toSorted());
});
