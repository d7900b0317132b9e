// The operator's commands for single events and streams of read models, as real processes on a real SQLite file.
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { domain, task } from "../../support/board-domain.ts";
import { runCli } from "../../support/cli.ts";
import { temporaryFolder } from "../../support/server.ts";
import { testServer } from "../../support/sync-requests.ts";

const config = fileURLToPath(new URL("../../support/faulty-config.ts", import.meta.url));
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const FAULTY = { DACAPO_TEST_FAULTY: "1" };
const run = (file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli([...args, "--store", `sqlite:${file}`, "--config", config], { env });

/** A file with three tasks. Both models were built by faulty code, so that they lack one of them. */
async function faultyFile(): Promise<string> {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const file = folder.path("logs.db");
  const server = testServer({ domain, store: sqlite(file) });
  for (const [id, title] of [
    ["t1", "Milk"],
    ["t2", "bad"],
    ["t3", "Bread"],
  ] as const)
    await server.log("board").execute(task.command.add(id, { title, column: "todo" }));
  await server.close();
  for (const model of ["titles", "by-column"]) await run(file, ["rebuild", "board", model], FAULTY);
  return file;
}

const rowsOf = async (file: string, model: string): Promise<readonly unknown[]> =>
  (await run(file, ["rows", "board", model, "--json"])).json<object>().filter((line) => "key" in line);

test("models retry: folds parked events after the code was corrected, by stream or by a rebuild", async () => {
  const file = await faultyFile();
  const parked = await run(file, ["models", "board", "parked", "titles"]);
  expect([parked.stdout, parked.stderr]).toEqual([
    expect.stringMatching(/^\S+ {2}task\/t2: Error: a bad title\n$/) as unknown,
    "1 event parked.\n",
  ]);
  const again = await run(file, ["models", "board", "retry", "titles", "--json"], FAULTY);
  expect([again.code, again.json()]).toMatchObject([1, [{ model: "titles", retried: 1, parked: 1 }]]);
  const titles = await run(file, ["models", "board", "retry", "titles"]);
  expect(titles).toMatchObject({ code: 0, stdout: "titles: 1 event folded, 0 events parked again.\n" });
  expect(await rowsOf(file, "titles")).toHaveLength(3);
  const byColumn = await run(file, ["models", "board", "retry", "by-column"]);
  expect(byColumn).toMatchObject({ code: 0, stdout: "by-column: 1 event folded, 0 events parked again.\n" });
  expect(await rowsOf(file, "by-column")).toEqual([{ key: "todo", row: { titles: "Milk,bad,Bread," } }]);
});

test("populate --stream: folds streams again, also that of a deleted row, and only where it can", async () => {
  const file = await faultyFile();
  expect((await run(file, ["models", "board", "delete", "titles", "task/t1"])).code).toBe(0);
  const streams = ["--stream", "task/t1", "--stream", "task/t2"];
  const populated = await run(file, ["populate", "board", "titles", ...streams]);
  expect(populated).toMatchObject({ code: 0, stdout: "titles: 2 streams folded again, 0 events parked.\n" });
  expect(await rowsOf(file, "titles")).toHaveLength(3);
  const refused = await run(file, ["populate", "board", "by-column", "--stream", "task/t1"]);
  expect([refused.stdout, refused.stderr]).toEqual(["", expect.stringContaining("several streams") as unknown]);
  expect(refused.code).not.toBe(0);
});

test("replay: prints the rows of a range, and changes no stored row", async () => {
  const file = await faultyFile();
  const before = await rowsOf(file, "by-column");
  const range = await run(file, ["replay", "board", "by-column", "--after", "1", "--to", "2", "--json"]);
  expect(range.json()).toEqual([
    { key: "todo", row: { titles: "bad," } },
    { replayed: { rows: 1, events: 1, parked: [] } },
  ]);
  const streams = ["--stream", "task/t1", "--stream", "task/t3", "--type", "TaskAdded"];
  const chosen = await run(file, ["replay", "board", "by-column", ...streams]);
  expect([chosen.stdout, chosen.stderr]).toEqual(['todo  {"titles":"Milk,Bread,"}\n', "1 row of 2 events.\n"]);
  expect(await rowsOf(file, "by-column")).toEqual(before);
  expect(await run(file, ["replay", "board", "titles", "--to", "x"])).toMatchObject({ code: 2, stdout: "" });
});
