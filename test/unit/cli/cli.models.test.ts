// The operator's commands for read models and subscribers, as real processes on a real SQLite file.
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { SyncServer } from "../../../src/sync-server/app.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { board, columnCounts, domain, task } from "../../support/board-domain.ts";
import { printed, resultOf, runCli, startCli } from "../../support/cli.ts";
import { until } from "../../support/device.ts";
import { addOldRow, fillBoard } from "../../support/filled-log.ts";
import { invoices, order, ordersDomain } from "../../support/invoices-domain.ts";
import { models, subscribers } from "../../support/operator-config.ts";
import { temporaryFolder } from "../../support/server.ts";
import { testServer } from "../../support/sync-requests.ts";

const configFile = fileURLToPath(new URL("../../support/operator-config.ts", import.meta.url));
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function newFile(): Promise<string> {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  return folder.path("logs.db");
}

function serverOn(file: string, options: Parameters<typeof testServer>[0] = {}): SyncServer {
  const server = testServer({ domain, store: sqlite(file), models, onError: () => {}, ...options });
  cleanUp.push(() => server.close());
  return server;
}

/** A file with a log of tasks, whose rows are ready. */
async function readyFile(events: number): Promise<string> {
  const file = await newFile();
  const store = sqlite(file);
  await fillBoard(store, events);
  const server = testServer({ store, models: [board, columnCounts] });
  for (const model of [board, columnCounts])
    await server.log("board").rows(model, { limit: 1, at: `${events}-m${events}`, waitMs: 30_000 });
  await server.close();
  return file;
}

const args = (file: string, ...rest: readonly string[]) => [
  ...rest,
  "--store",
  `sqlite:${file}`,
  "--config",
  configFile,
];
const cli = (file: string, ...rest: readonly string[]) => runCli(args(file, ...rest));

type Status = { readonly name: string; readonly phase: string; readonly job: { phase: string; done: number } | null };
const countsOf = async (file: string) =>
  (await cli(file, "models", "board", "--json")).json<Status>().find(({ name }) => name === "column-counts");

test("models, rows: show the state and a page of rows, and change nothing", async () => {
  const file = await readyFile(10);
  const { code, stdout, stderr } = await cli(file, "models", "board");
  expect([code, stderr]).toEqual([0, "2 models\n"]);
  expect(stdout.split("\n").map((line) => line.split(/ {2,}/).slice(0, 2).join(" "))).toEqual([
    "model phase",
    "board ready",
    "column-counts ready",
    "",
  ]);
  const page = await cli(file, "rows", "board", "board", "--prefix", "task/t1", "--limit", "1");
  expect(page.code).toBe(0);
  expect(page.stdout).toBe('task/t1  {"title":"Milk","column":"column0","done":false,"notes":0}\n');
  expect(page.stderr).toContain('More rows follow. Pass --after "task/t1"');
  const next = await cli(file, "rows", "board", "board", "--prefix", "task/t1", "--after", "task/t1", "--json");
  expect(next.json()).toMatchObject([{ key: "task/t10" }, { page: { at: "10-m10", next: null, parked: 0 } }]);
});

test("rebuild: continues after a kill, and verify-model then finds no difference", async () => {
  const file = await readyFile(12_000);
  const store = sqlite(file);
  await addOldRow(store);
  await store.close();
  const damaged = await cli(file, "verify-model", "board", "column-counts");
  expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringContaining("old: stored") as unknown]);
  const child = startCli(args(file, "rebuild", "board", "column-counts", "--duty", "0.05", "--json"));
  const killed = resultOf(child);
  await printed(child, /"progress":\{"done":[1-9]/);
  child.kill("SIGKILL");
  await killed;
  const before = await countsOf(file);
  expect(before).toMatchObject({ phase: "ready", job: { phase: "running" } });
  expect(before?.job?.done).toBeGreaterThan(0);
  const again = await cli(file, "rebuild", "board", "column-counts", "--json");
  expect(again.code, again.stderr).toBe(0);
  expect(again.json().at(-1)).toMatchObject({ model: "column-counts", phase: "ready", at: "12000-m12000", parked: 0 });
  const sound = await cli(file, "verify-model", "board", "column-counts");
  expect([sound.code, sound.stdout]).toEqual([0, "column-counts: 3 rows, 0 differences, as of 12000-m12000.\n"]);
});

test("rebuild: works beside a server that appends, and the server's readers get the new rows", async () => {
  const file = await readyFile(3_000);
  const store = sqlite(file);
  await addOldRow(store);
  await store.close();
  const server = serverOn(file);
  const stop = { isStopped: false };
  const appending = (async () => {
    for (let n = 0; !stop.isStopped; n++)
      await server.log("board").execute(task.command.add(`live${n}`, { title: "Milk", column: "todo" }));
  })();
  const rebuilt = await cli(file, "rebuild", "board", "column-counts");
  stop.isStopped = true;
  await appending;
  expect([rebuilt.code, rebuilt.stderr]).toEqual([0, expect.not.stringContaining("Error") as unknown]);
  const { rows } = await server.log("board").rows("column-counts");
  expect(rows.map(({ key }) => key)).toEqual(["column0", "column1", "column2", "todo"]);
  expect((await server.log("board").models.verify("column-counts")).differences).toEqual([]);
});

test("purge, populate: remove all rows only with --yes, and build them again", async () => {
  const file = await readyFile(20);
  expect(await cli(file, "purge", "board", "board")).toMatchObject({ code: 2, stdout: "" });
  expect(await cli(file, "purge", "board", "board", "--yes")).toMatchObject({ code: 0, stdout: "Purged board.\n" });
  const empty = await cli(file, "rows", "board", "board", "--json");
  expect(empty.code).toBe(1);
  expect(JSON.parse(empty.stderr)).toMatchObject({ error: { code: "rows-not-populated", exitCode: 1 } });
  expect((await cli(file, "populate", "board", "board")).stdout).toContain("contain the log up to 20-m20");
  expect((await cli(file, "rows", "board", "board", "--json")).json()).toHaveLength(21);
});

test("rebuild --pause, --cancel: change the job of another process, and say so without a job", async () => {
  const file = await readyFile(12_000);
  expect(await cli(file, "rebuild", "board", "column-counts", "--pause")).toMatchObject({ code: 1, stdout: "" });
  const child = startCli(args(file, "rebuild", "board", "column-counts", "--duty", "0.02", "--json"));
  const ended = resultOf(child);
  await printed(child, /"progress"/);
  expect((await cli(file, "rebuild", "board", "column-counts", "--pause")).stdout).toContain("is paused");
  expect(await countsOf(file)).toMatchObject({ job: { phase: "paused" } });
  expect((await cli(file, "rebuild", "board", "column-counts", "--cancel")).stdout).toContain("is cancelled");
  const { code, stderr } = await ended;
  expect([code, JSON.parse(stderr)]).toMatchObject([1, { error: { code: "concurrency" } }]);
});

test("subscribers: lists, pauses, retries, skips and resets, and runs no handler", async () => {
  const file = await newFile();
  const server = serverOn(file, { subscribers, models: [] });
  for (const title of ["Milk", "bad"])
    await server.log("board").execute(task.command.add(title, { title, column: "todo" }));
  const places = server.log("board").subscribers;
  await until(async () => (await places.list())[0]?.parked === 1, "the parked event");
  await server.close();
  const act = async (...rest: readonly string[]) => (await cli(file, "subscribers", "board", ...rest, "--json")).json();
  const mailer = (facts: object) => [expect.objectContaining({ name: "mailer", ...facts }) as unknown];
  expect(await act()).toEqual(mailer({ state: "running", behind: 0, parked: 1 }));
  const [event] = (await act("parked", "mailer")) as { event: string; reason: string }[];
  expect(event?.reason).toContain("no such address");
  expect(await act("pause", "mailer")).toEqual(mailer({ state: "paused" }));
  expect(await act("retry", "mailer")).toEqual(mailer({ parked: 0, waiting: 1 }));
  expect(await act("resume", "mailer")).toEqual(mailer({ state: "running" }));
  const again = serverOn(file, { subscribers, models: [] });
  await until(async () => (await again.log("board").subscribers.list())[0]?.parked === 1, "parked again");
  await again.close();
  const skipped = await act("skip", "mailer", event?.event ?? "", "--reason", "wrong address");
  expect(skipped).toEqual(mailer({ parked: 0, skipped: [expect.objectContaining({ reason: "wrong address" })] }));
  expect((await cli(file, "subscribers", "board", "reset", "mailer", "--from", "beginning")).code).toBe(2);
  expect(await act("reset", "mailer", "--from", "beginning", "--yes")).toEqual(mailer({ at: null, behind: 2 }));
});

test("rows, replay: of a SQL model, the error names the views that an operator can read", async () => {
  const file = await newFile();
  const server = testServer({ domain: ordersDomain, store: sqlite(file), models: [invoices] });
  await server.log("board").execute(order.command.place("o1", { total: 5 }));
  await server.close();
  const config = fileURLToPath(new URL("../../support/invoices-config.ts", import.meta.url));
  for (const verb of ["rows", "replay"]) {
    const run = await runCli([verb, "board", "invoices", "--store", `sqlite:${file}`, "--config", config]);
    expect([run.code, run.stdout], verb).toEqual([1, ""]);
    expect(run.stderr, verb).toContain("invoices is a SQL model, which has tables in place of rows");
    expect(run.stderr, verb).toContain("Select from its views invoice_v1 and total_v1 in the database.");
  }
});

test("operator's commands: a wrong log, model, verb or option is one or two sentences", async () => {
  const file = await readyFile(3);
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [["models", "other"], 1, "The store has no log other"],
    [["rows", "board", "other"], 2, "no model other"],
    [["rows", "board", "board", "--limit", "0"], 2, "--limit is 0"],
    [["rebuild", "board", "board", "--duty", "2"], 2, "--duty is 2"],
    [["rebuild", "board", "board", "--on-error", "x"], 2, "--on-error is x"],
    [["subscribers", "board", "drop", "mailer"], 2, "no verb drop"],
    [["subscribers", "board", "pause"], 2, "pause needs a subscriber"],
    [["subscribers", "board", "pause", "other"], 2, "no subscriber other"],
    [["subscribers", "board", "skip", "mailer"], 2, "needs one event and a reason"],
    [["subscribers", "board", "reset", "mailer", "--from", "7"], 2, "reset needs a place"],
  ];
  for (const [rest, exitCode, sentence] of cases) {
    const { code, stdout, stderr } = await cli(file, ...rest);
    expect([code, stdout], rest.join(" ")).toEqual([exitCode, ""]);
    expect(stderr, rest.join(" ")).toContain(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
  }
});
