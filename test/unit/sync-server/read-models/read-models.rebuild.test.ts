// A rebuild builds rows beside those that are read, and one write replaces them: on SQLite, with appends and readers.
import { afterEach, expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { keysOf } from "../../../../src/testing/model-store/samples.ts";
import { ALL, batch } from "../../../../src/testing/event-store/samples.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import type { JobProgress, SyncServer } from "../../../../src/sync-server/app.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { addOldRow, BOARD, COUNTS, fillBoard, OLD, taskAdded } from "../../../support/filled-log.ts";
import { containing } from "../../../support/matchers.ts";
import { seededRandom } from "../../../support/random.ts";
import { runningServer } from "../../../support/running-server.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const { start, stopAll } = runningServer();
const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopAll();
  for (const step of undo.splice(0).reverse()) await step();
});

const models = [board, columnCounts];

/** The texts of all rows of a follower. */
async function textsOf(store: EventStore, follower: string) {
  const range = { from: null, to: null, after: null, limit: 100_000, bytes: 100_000_000 };
  return (await store.models?.rows("board", follower, "rows", range))?.rows;
}

/** The rows of both models, folded from the records of a store by a new server in memory. */
async function replayed(store: EventStore) {
  const copy = memory();
  const page = await store.read("board", null, ALL);
  if (page.kind !== "page") throw new Error("The log has no records");
  await copy.append("board", batch(null, { records: page.records }));
  const server = testServer({ store: copy, models });
  for (const model of models) await server.log("board").rows(model, { limit: 1, waitMs: 30_000 });
  const rows = { board: await textsOf(copy, BOARD), counts: await textsOf(copy, COUNTS) };
  await server.close();
  return rows;
}

/** Reads the counts until `isEnded`, and requires that each page has the sum of its cursor. */
async function readPages(server: SyncServer, isEnded: () => boolean): Promise<readonly boolean[]> {
  const seen: boolean[] = [];
  let before = 0;
  while (!isEnded()) {
    const { rows, at } = await server.log("board").rows(columnCounts, { waitMs: 10_000 });
    const position = Number(at?.split("-")[0]);
    const isOld = rows.some(({ key }) => key === OLD.key);
    expect(rows.reduce((sum, { row }) => sum + row.tasks, 0)).toBe(position + (isOld ? OLD.tasks : 0));
    expect(position).toBeGreaterThanOrEqual(before);
    before = position;
    if (seen.at(-1) !== isOld) seen.push(isOld);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return seen;
}

test.each([1, 2, 3])("rebuild: readers see old rows or new rows while two nodes append (%i)", async (seed) => {
  const random = seededRandom(seed);
  const events = 1_500 + random.below(1_500);
  const first = await start({ models });
  const store = sqlite(first.file);
  undo.push(() => store.close());
  await fillBoard(store, events);
  const second = await start({ file: first.file, models });
  const nodes = [first.server, second.server];
  for (const server of nodes)
    await server.log("board").rows(columnCounts, { at: `${events}-m${events}`, waitMs: 20_000 });
  await addOldRow(store);
  let isEnded = false;
  const readers = nodes.map((server) => readPages(server, () => isEnded));
  const appends = nodes.map(async (server, node) => {
    for (let n = 0; !isEnded; n++) {
      const column = `column${random.below(3)}`;
      await server.log("board").execute(task.command.add(`node${node}-${n}`, { title: "Bread", column }));
    }
  });
  const job = await first.server.log("board").models.rebuild(columnCounts);
  const { phase, parked } = await job.finished();
  await second.server.log("board").rows(columnCounts, { waitMs: 10_000 });
  isEnded = true;
  await Promise.all(appends);
  for (const seen of await Promise.all(readers)) expect([[true, false], [true], [false]]).toContainEqual(seen);
  expect({ phase, parked }).toEqual({ phase: "done", parked: 0 });
  const head = await store.head("board");
  const position = head.kind === "open" ? (head.cursor?.position ?? 0) : 0;
  await until(async () => {
    const found = await store.models?.followers("board");
    return (
      found?.kind === "open" &&
      found.followers.every(({ name, at }) => !name.startsWith("rows/") || at?.position === position)
    );
  }, "both models at the head");
  const rows = { board: await textsOf(store, BOARD), counts: await textsOf(store, COUNTS) };
  expect(rows).toEqual(await replayed(store));
});

async function filledServer(events: number) {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  await fillBoard(store, events);
  const server = testServer({ store, models });
  undo.push(server.close);
  const log = server.log("board");
  await log.rows(columnCounts, { at: `${events}-m${events}`, waitMs: 20_000 });
  await log.rows(board, { limit: 1, at: `${events}-m${events}`, waitMs: 20_000 });
  await addOldRow(store);
  const another = () => {
    const next = testServer({ store: sqlite(file), models });
    undo.push(next.close);
    return next.log("board");
  };
  return { store, server, log, another };
}

const isOld = async ({ log }: Awaited<ReturnType<typeof filledServer>>) =>
  (await log.rows(columnCounts, { keys: [OLD.key] })).rows.length === 1;

test("rebuild: a paused job does nothing, and resume continues it to the end", async () => {
  const server = await filledServer(6_000);
  const { log, store } = server;
  const seen: JobProgress[] = [];
  const job = await log.models.rebuild(columnCounts, { duty: 0.1, onProgress: (progress) => seen.push(progress) });
  await until(async () => (await job.progress()).done > 0, "a first page");
  await job.pause();
  await job.pause();
  const paused = await job.progress();
  expect(paused).toMatchObject({ phase: "paused", of: 6_000, leftMs: null });
  expect(paused.done).toBeLessThan(6_000);
  // The other rows follow the log, and the job does not move. A node that just started does not rest, so it would fold
  // a page of the job between these two commits.
  const other = server.another();
  for (const id of ["new", "next"]) {
    const { at } = await other.execute(task.command.add(id, { title: "Bread", column: "column0" }));
    await other.rows(columnCounts, { at, waitMs: 10_000 });
  }
  expect(await job.progress()).toEqual({ ...paused, of: 6_002 });
  expect(await isOld(server)).toBe(true);
  await job.resume();
  expect(await job.finished()).toMatchObject({ phase: "done", done: 6_002, of: 6_002, leftMs: null, parked: 0 });
  expect(await isOld(server)).toBe(false);
  expect(await textsOf(store, COUNTS)).toEqual((await replayed(store)).counts);
  await until(() => seen.at(-1)?.phase === "done", "the last progress");
  expect(
    seen.some(({ phase, perSecond, leftMs }) => phase === "running" && perSecond !== null && leftMs !== null),
  ).toBe(true);
});

test("rebuild: a cancelled job leaves the rows as they are, and nothing of its own", async () => {
  const server = await filledServer(6_000);
  const { log, store } = server;
  const job = await log.models.rebuild(columnCounts, { duty: 0.1 });
  await until(async () => (await job.progress()).done > 0, "a first page");
  await job.cancel();
  expect(await job.finished()).toMatchObject({ phase: "cancelled" });
  await job.resume();
  expect((await job.progress()).phase).toBe("cancelled");
  expect(await isOld(server)).toBe(true);
  expect(await store.models?.rows("board", "beside/column-counts@1<task@1", "rows", keysOf())).toBeNull();
  await until(async () => (await store.models?.sweep(1)) === false, "the sweep of the orphaned rows");
});

test("rebuild: a log that is dropped meanwhile ends its job as gone, and leaves no row", async () => {
  const { log, server, store } = await filledServer(6_000);
  const job = await log.models.rebuild(columnCounts, { duty: 0.1 });
  await until(async () => (await job.progress()).done > 0, "a first page");
  const isGone = expect(job.finished()).rejects.toMatchObject({ code: "gone" });
  await server.drop("board");
  await isGone;
  await expect(log.models.list()).rejects.toMatchObject({ code: "gone" });
  for (const follower of [BOARD, COUNTS, COUNTS.replace("rows/", "beside/")])
    expect(await textsOf(store, follower)).toBeUndefined();
  await until(async () => (await store.models?.sweep(1_000)) === false, "the sweep");
});

test("rebuild: a second call continues the job that is there, and lists show it", async () => {
  const { log } = await filledServer(3_000);
  const job = await log.models.rebuild(columnCounts, { duty: 0.1 });
  await job.pause();
  const again = await log.models.rebuild(columnCounts);
  expect((await again.progress()).phase).toBe("running");
  const status = (await log.models.list()).find(({ name }) => name === "column-counts");
  expect(status).toMatchObject({ phase: "ready", at: "3000-m3000", behind: 0, parked: 0, job: { of: 3_000 } });
  await again.finished();
  expect((await job.progress()).phase).toBe("done");
});

test("rebuild: a job knows its end after a later job began, and says if two began", async () => {
  const { log } = await filledServer(300);
  const first = await log.models.rebuild(columnCounts, { duty: 0.1 });
  await first.pause();
  await first.cancel();
  const second = await log.models.rebuild(columnCounts);
  expect(await first.finished()).toMatchObject({ kind: "build", phase: "cancelled" });
  await second.finished();
  expect((await log.models.verify(columnCounts)).differences).toHaveLength(0);
  expect(await second.finished()).toMatchObject({ kind: "build", phase: "done", done: 300, of: 300, lastError: null });
  await expect(first.finished()).rejects.toMatchObject({
    code: "gone",
    message: expect.stringContaining("Later jobs replaced the job of column-counts in the log board") as string,
  });
});

test("rebuild: a log without records has nothing to do, and a dropped log is gone", async () => {
  const server = testServer({ store: memory(), models });
  const { models: empty } = server.log("empty");
  expect(await (await empty.rebuild(board)).finished()).toMatchObject({ phase: "done", of: 0 });
  await server.log("board").execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await server.drop("board");
  await expect(server.log("board").models.rebuild(board)).rejects.toMatchObject({ code: "gone" });
  await expect(server.log("board").models.list()).rejects.toMatchObject({ code: "gone" });
  await expect(server.log("empty").models.rebuild(board, { duty: 0 })).rejects.toMatchObject({ code: "invalid" });
  await server.close();
});

test("verify, rebuild, populate: rows that lack more than 1,000 events can be compared and built", async () => {
  const store = memory();
  // The key of a row has at most 512 characters.
  const records = Array.from({ length: 1_700 }, (_, n) =>
    storedRecord(taskAdded(n + 1, "x".repeat(n < 100 ? 5 : 600))),
  );
  await store.append("board", batch(null, { records }));
  const server = testServer({ store, models });
  const { models: calls, rows } = server.log("board");
  expect(await rows(columnCounts, { at: "1700-m1700", waitMs: 10_000 })).toMatchObject({ parked: 1_600 });
  expect(await calls.verify(columnCounts)).toMatchObject({ rows: 1, differences: [] });
  const rebuilt = await (await calls.rebuild(columnCounts)).finished();
  expect(rebuilt).toMatchObject({ phase: "done", parked: 1_600 });
  // Without rows to compare with, so many parked events may be a mistake of the code.
  await calls.purge(columnCounts);
  const job = await calls.populate([columnCounts]);
  expect(await job.finished()).toMatchObject({ phase: "stopped", of: 1_700 });
  await job.resume();
  expect(await job.finished()).toMatchObject({ phase: "done", parked: 1_600 });
  expect((await rows(columnCounts)).rows).toMatchObject([{ row: { tasks: 100 } }]);
  await server.close();
});

test("rebuild: with onError stop, the job stops before a poison event and the old rows stay", async () => {
  const store = memory();
  // The key of a row has at most 512 characters.
  const columnAt = (position: number) => (position === 700 ? "x".repeat(600) : "todo");
  const records = Array.from({ length: 900 }, (_, n) => storedRecord(taskAdded(n + 1, columnAt(n + 1))));
  await store.append("board", batch(null, { records }));
  const reports: unknown[] = [];
  const server = testServer({ store, models, onError: (error) => reports.push(error) });
  const log = server.log("board");
  await log.rows(columnCounts, { at: "900-m900", waitMs: 10_000 });
  await addOldRow(store);
  reports.length = 0;
  const job = await log.models.rebuild(columnCounts, { onError: "stop" });
  const stopped = await job.finished();
  expect(stopped).toMatchObject({ phase: "stopped", done: 699, of: 900, parked: 0 });
  expect(stopped.lastError).toContain("of task/t700 cannot be folded");
  expect((await log.rows(columnCounts, { keys: [OLD.key] })).rows).toHaveLength(1);
  await job.resume();
  expect(await job.finished()).toMatchObject({ phase: "stopped", done: 699 });
  // Each stop is one report to `onError`, because nobody may wait for the job.
  const report = {
    code: "job-stopped",
    message: containing("task/t700"),
    details: { log: "board", model: "column-counts" },
  };
  expect(reports).toMatchObject([report, report]);
  await job.cancel();
  const parking = await (await log.models.rebuild(columnCounts)).finished();
  expect(parking).toMatchObject({ phase: "done", parked: 1 });
  expect(parking.lastError).toContain("task/t700");
  await server.close();
});
