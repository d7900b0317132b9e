// The tables of docs/client.md are complete.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/samples.ts";

const read = (file: string) => readFileSync(join(root, file), "utf8");
const [client, operating, storage, rows] = ["client.md", "operating.md", "storage-server.md", "read-models.md"].map(
  (page) => read(`docs/${page}`),
);

/** The codes of reading rows on a server. */
const rowCodes = [
  "diverged",
  "rows-behind",
  "rows-building",
  "not-by-stream",
  "rows-not-populated",
  "parked",
  "job-stopped",
  "sql-models-unsupported",
  "overloaded",
];

/** The names in the first column of the tables of a section. */
function named(section: string): ReadonlySet<string> {
  const text = client?.split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  const cells = [...text.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell = ""]) => cell);
  return new Set(cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, name = ""]) => name)));
}

const source = (from: string, to: string) =>
  read("src/client/messages/log-types.ts").split(from)[1]?.split(to)[0] ?? "";

test("client.md: the table of the status has each field and each connection", () => {
  const fields = [...source("export type LogStatus = {", "\n};").matchAll(/^ {2}readonly (\w+)/gm)].map(
    ([, name]) => name,
  );
  const connections = [...source("export type Connection =", ";").matchAll(/"([\w-]+)"/g)].map(([, name]) => name);
  expect([fields.length, connections.length]).toEqual([18, 8]);
  const names = named("The status");
  expect([...fields, ...connections].filter((name = "") => !names.has(name))).toEqual([]);
});

test("client.md: the table of the errors has each code that a server does not keep to itself", () => {
  const codes = [...read("src/core/values/error-codes.ts").matchAll(/^ {2}\| "([\w-]+)"/gm)].map(
    ([, code = ""]) => code,
  );
  expect(codes.length).toBeGreaterThan(20);
  const names = named("Errors");
  const rest = codes.filter((code) => !names.has(code));
  expect(rest).toEqual(["storage-newer", ...rowCodes, "port-taken", "cannot-listen"]);
  expect(rest.filter((code) => !`${operating}${storage}${rows}`.includes(`\`${code}\``))).toEqual([]);
});
