// The verbs on rows: verify, purge, populate, delete, parked and replay, on SQLite.
import { afterEach, expect, test } from "vitest";
import { StorageFullError } from "../../../../src/core/values/errors.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { board, column, columnCounts, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { addOldRow, BOARD, fillBoard, OLD, taskAdded } from "../../../support/filled-log.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const models = [board, columnCounts];

async function filled(
  events: number,
  fill: (store: EventStore) => Promise<void> = (store) => fillBoard(store, events),
) {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const store = sqlite(folder.path("logs.db"));
  await fill(store);
  const server = testServer({ store, models });
  undo.push(server.close);
  const log = server.log("board");
  for (const model of models) await log.rows(model, { limit: 1, at: `${events}-m${events}`, waitMs: 20_000 });
  return { store, log };
}

/** Writes a row as no event does. Null removes it. */
function damage(store: EventStore, key: string, row: unknown): Promise<void> {
  return damageText(store, key, row === null ? null : JSON.stringify(row));
}

async function damageText(store: EventStore, key: string, damaged: string | null): Promise<void> {
  for (;;) {
    const found = await store.models?.followers("board");
    const follower = found?.kind === "open" ? found.followers.find(({ name }) => name === BOARD) : undefined;
    if (!follower) throw new Error("The log has no board");
    const { name, revision, at, wake, text } = follower;
    const next = { at, wake, text, tables: { rows: "keep", states: "keep" } } as const;
    const set = damaged === null ? [] : [[key, damaged] as const];
    const rows = [{ follower: BOARD, table: "rows", set, remove: damaged === null ? [key] : [] }];
    const written = await store.models?.write("board", { followers: [{ name, revision, next }], rows });
    if (written?.kind === "ok") return;
  }
}

test("verify: shows the rows that differ, while commits continue", async () => {
  const { log, store } = await filled(1_300);
  expect(await log.models.verify(board)).toEqual({ at: "1300-m1300", rows: 1_300, differences: [], more: false });
  await damage(store, "task/t700", { title: "Wrong" });
  await damage(store, "task/t3", null);
  await damage(store, "task/unknown", { title: "Extra" });
  let isEnded = false;
  const appends = (async () => {
    for (let n = 0; !isEnded; n++) await log.execute(task.command.add(`new${n}`, { title: "Bread", column: "todo" }));
  })();
  const { differences, more, rows, at } = await log.models.verify(board);
  isEnded = true;
  await appends;
  const milk = (n: number) => ({ title: "Milk", column: `column${(n - 1) % 3}`, done: false, notes: 0 });
  expect(differences).toEqual([
    { key: "task/t3", stored: null, folded: milk(3) },
    { key: "task/t700", stored: { title: "Wrong" }, folded: milk(700) },
    { key: "task/unknown", stored: { title: "Extra" }, folded: null },
  ]);
  expect({ more, isAll: rows >= 1_301, isLater: Number(at?.split("-")[0]) >= 1_300 }).toEqual({
    more: false,
    isAll: true,
    isLater: true,
  });
  await (await log.models.rebuild(board)).finished();
  expect((await log.models.verify(board)).differences).toEqual([]);
});

test("verify: shows a stored row that is no JSON as its text, and `list` answers", async () => {
  const { log, store } = await filled(2);
  await damageText(store, "task/t1", '{"title":');
  const { differences } = await log.models.verify(board);
  expect(differences).toMatchObject([{ key: "task/t1", stored: '{"title":', folded: { title: "Milk" } }]);
  expect(await log.models.list()).toMatchObject([{ job: { kind: "verify", phase: "done" } }, {}]);
});

test("verify: another job of the model is not disturbed", async () => {
  const { log } = await filled(3_000);
  const job = await log.models.rebuild(board, { duty: 0.1 });
  await job.pause();
  await expect(log.models.verify(board)).rejects.toMatchObject({ code: "concurrency" });
  await job.cancel();
  expect((await log.models.verify(board)).differences).toEqual([]);
});

test("purge: readers get rows-not-populated, and live events make no half rows", async () => {
  const { log } = await filled(600);
  await log.models.purge(board);
  await expect(log.rows(board, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-not-populated" });
  await log.execute(task.command.add("new", { title: "Bread", column: "todo" }));
  const { at } = await log.load(task, "new");
  expect((await log.rows(columnCounts, { at, waitMs: 10_000 })).rows).toHaveLength(4);
  await expect(log.rows(board, { waitMs: 100 })).rejects.toMatchObject({ code: "rows-not-populated" });
  expect((await log.models.list()).find(({ name }) => name === "board")).toMatchObject({ phase: "purged", at: null });
  await log.models.purge(board);
  await expect(log.models.verify(board)).rejects.toMatchObject({ code: "rows-not-populated" });
  await expect(log.models.delete(board, "task/t1")).rejects.toMatchObject({ code: "rows-not-populated" });
});

test("rows: a reader waits as long as it wants, though the clock jumps back", async () => {
  const store = memory();
  await fillBoard(store, 3_000);
  const clock = { backMs: 0 };
  const env = { ...runtimeEnv, now: () => Date.now() - clock.backMs };
  const server = testServer({ store, models, env });
  undo.push(server.close);
  const log = server.log("board");
  await log.models.purge(board);
  await (await log.models.populate(board, { duty: 0.01 })).pause();
  const read = log.rows(board, { waitMs: 300 });
  clock.backMs = 3_600_000;
  await expect(read).rejects.toMatchObject({ code: "rows-building" });
});

test("verify, rows, list: rows of a purged model are being built while they are populated", async () => {
  const { log } = await filled(3_000);
  await log.models.purge(board);
  const job = await log.models.populate(board, { duty: 0.1 });
  await job.pause();
  const verbs: readonly (() => Promise<unknown>)[] = [
    () => log.models.verify(board),
    () => log.models.startVerify(board),
    () => log.models.delete(board, "task/t1"),
    () => log.models.populateStreams(board, ["task/t1"]),
    () => log.models.retry(board, "event"),
    () => log.rows(board, { waitMs: 0 }),
  ];
  for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: "rows-building", retry: "later" });
  expect((await log.models.status(board)).phase).toBe("building");
  // A reader that waits gets the rows of the job.
  await job.resume();
  expect((await log.rows(board, { limit: 1, waitMs: 30_000 })).rows).toHaveLength(1);
  // A comparison is no job that builds rows.
  const compared = await log.models.startVerify(board, { duty: 0.1 });
  await log.models.purge(board);
  expect((await log.models.status(board)).phase).toBe("purged");
  await expect(log.models.verify(board)).rejects.toMatchObject({ code: "rows-not-populated" });
  await expect(compared.finished()).resolves.toMatchObject({ phase: "cancelled" });
});

test("verify, delete, populateStreams, retry: rows-building while the rows are first built", async () => {
  const store = memory();
  const { models: rows } = store;
  if (!rows) throw new Error("The memory store has no models");
  // No write of rows succeeds, as on a node that is always too late.
  rows.write = () => Promise.resolve({ kind: "moved", followers: [] });
  const log = testServer({ store, models }).log("board");
  const verbs: readonly (() => Promise<unknown>)[] = [
    () => log.models.delete(board, "task/t1"),
    () => log.models.populateStreams(board, ["task/t1"]),
    () => log.models.retry(board, "event"),
  ];
  // A log without records has no rows yet, and nobody has purged them.
  for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: "rows-building" });
  await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  for (const verb of [...verbs, () => log.models.verify(board), () => log.models.startVerify(board)])
    await expect(verb()).rejects.toMatchObject({ code: "rows-building", retry: "later" });
});

test("populate: builds several models in one pass, and leaves a ready model as it is", async () => {
  const { log, store } = await filled(1_200);
  for (const model of models) await log.models.purge(model);
  const job = await log.models.populate(models);
  expect(await job.finished()).toMatchObject({ phase: "done", done: 2_400, of: 2_400, parked: 0 });
  expect((await log.rows(board, { limit: 5_000 })).rows).toHaveLength(1_200);
  for (const model of models) expect((await log.models.verify(model)).differences).toEqual([]);
  await addOldRow(store);
  expect(await (await log.models.populate([columnCounts])).finished()).toMatchObject({ phase: "done" });
  expect((await log.rows(columnCounts, { keys: [OLD.key] })).rows).toHaveLength(1);
});

test("rebuild: while the disk is full, the job says so, and nothing is half", async () => {
  const { log, store } = await filled(1_200);
  const rows = store.models;
  if (!rows) throw new Error("The store has no models");
  const write = rows.write.bind(rows);
  const before = await log.rows(columnCounts, { limit: 5_000 });
  const job = await log.models.rebuild(columnCounts, { duty: 0.5 });
  await job.pause();
  let isFull = true;
  rows.write = (name, change) =>
    isFull && change.rows.length > 0
      ? Promise.reject(new StorageFullError({ message: "The disk is full", fix: "Free some space." }))
      : write(name, change);
  await job.resume();
  await until(async () => (await job.progress()).lastError !== null, "the reason in the progress");
  expect(await job.progress()).toMatchObject({ phase: "running", lastError: "StorageFullError: The disk is full" });
  expect(await log.rows(columnCounts, { limit: 5_000 })).toEqual(before);
  isFull = false;
  expect(await job.finished()).toMatchObject({ phase: "done", lastError: null });
  expect((await log.models.verify(columnCounts)).differences).toEqual([]);
});

test("populate: a cancelled job leaves a purged model, and purge ends a job", async () => {
  const { log } = await filled(3_000);
  await log.models.purge(board);
  const first = await log.models.populate(board, { duty: 0.1 });
  await first.cancel();
  expect((await log.models.list()).find(({ name }) => name === "board")?.phase).toBe("purged");
  const second = await log.models.populate(board, { duty: 0.1 });
  await log.models.purge(board);
  expect((await second.finished()).phase).toBe("cancelled");
  await expect(log.rows(board, { waitMs: 50 })).rejects.toMatchObject({ code: "rows-not-populated" });
});

test("populate: a new model that a cancelled or stopped job was to build becomes ready by itself", async () => {
  const store = memory();
  const columnAt = (position: number) => (position === 7 ? "x".repeat(600) : "todo");
  const records = Array.from({ length: 3_000 }, (_, n) => storedRecord(taskAdded(n + 1, columnAt(n + 1))));
  await store.append("board", batch(null, { records }));
  const server = testServer({ store, models, onError: () => {} });
  undo.push(server.close);
  const log = server.log("board");
  const first = await log.models.populate(board, { duty: 0.01 });
  await first.pause();
  const second = await log.models.populate(columnCounts, { onError: "stop" });
  expect([first.models, second.models]).toEqual([["board"], ["column-counts"]]);
  expect((await second.finished()).phase).toBe("stopped");
  // A job builds the rows, so nothing else does.
  expect((await log.rows(columnCounts, { at: "3000-m3000", waitMs: 20_000 })).parked).toBe(1);
  expect((await log.models.status(board)).phase).toBe("building");
  await first.cancel();
  expect((await log.rows(board, { at: "3000-m3000", limit: 1, waitMs: 20_000 })).rows).toHaveLength(1);
  const { at } = await log.execute(task.command.add("new", { title: "Bread", column: "todo" }));
  await log.rows(board, { at, limit: 1, waitMs: 20_000 });
  expect(await log.models.status(board)).toMatchObject({ phase: "ready", behind: 0, job: { phase: "cancelled" } });
});

test("delete: a row stays absent after later events and a running rebuild", async () => {
  const { log } = await filled(1_300);
  const read = async () => (await log.rows(board, { keys: ["task/t1"] })).rows.length;
  const job = await log.models.rebuild(board, { duty: 0.1 });
  await log.models.delete(board, "task/t1");
  expect(await read()).toBe(0);
  const { at } = await log.execute(task.command.rename("t1", { title: "Bread" }));
  await log.rows(board, { at, waitMs: 10_000 });
  expect(await read()).toBe(0);
  await job.finished();
  expect(await read()).toBe(0);
  expect((await log.models.verify(board)).differences).toEqual([]);
  await (await log.models.rebuild(board)).finished();
  expect((await log.rows(board, { keys: ["task/t1"] })).rows).toMatchObject([{ row: { title: "Bread" } }]);
  await expect(log.models.delete(board, "x".repeat(600))).rejects.toMatchObject({ code: "invalid" });
});

test("parked: names the event that the rows lack, and why", async () => {
  const columnAt = (position: number) => (position === 7 ? "x".repeat(600) : "todo");
  const { log } = await filled(9, async (store) => {
    const records = Array.from({ length: 9 }, (_, n) => storedRecord(taskAdded(n + 1, columnAt(n + 1))));
    await store.append("board", batch(null, { records }));
  });
  const parked = await log.models.parked(columnCounts);
  expect(parked).toMatchObject([{ stream: "task/t7", position: 7 }]);
  expect(parked[0]?.reason).toContain("too long");
  expect(await log.models.parked(board)).toEqual([]);
  expect((await log.rows(columnCounts)).rows).toEqual([{ key: "todo", row: { tasks: 8 } }]);
});

test("replay: returns a range of the log to a function, and changes no rows", async () => {
  const { log } = await filled(1_100);
  await log.execute(column.command.add("c1", { name: "To do" }));
  const seen: (number | null)[] = [];
  const count = await log.models.replay({ after: 498, to: 503, into: ({ position }) => void seen.push(position) });
  expect({ count, seen }).toEqual({ count: 5, seen: [499, 500, 501, 502, 503] });
  const types: string[] = [];
  await log.models.replay({ types: ["ColumnAdded"], into: async ({ type }) => void types.push(type) });
  expect(types).toEqual(["ColumnAdded"]);
  expect(await log.models.replay({ streams: ["task/t9"], into: () => {} })).toBe(1);
  await expect(log.models.replay({ after: 9, to: 3, into: () => {} })).rejects.toMatchObject({ code: "invalid" });
  await expect(
    log.models.replay({
      into: () => {
        throw new Error("full");
      },
    }),
  ).rejects.toThrow("full");
  await until(async () => (await log.models.list()).every(({ phase }) => phase === "ready"), "the models");
});
