// The guides list failures in tables whose last column, "test", names a test. Each of these tests exists.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
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
