// One damaged record of a log: its streams stop, and what reads the other streams continues or names the record.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { StorageLostError } from "../../../../src/core/values/errors.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { subscriber } from "../../../../src/sync-server/subscribers/subscriber.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { flow, titles } from "../../../support/board-followers.ts";
import { until } from "../../../support/device.ts";
import { fillBoard } from "../../../support/filled-log.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const EVENTS = 20;
const DAMAGED = 10;
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

/** A server on a log of 20 tasks, of which the record of the tenth is cut. */
async function damagedLog() {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const first = sqlite(file);
  await fillBoard(first, EVENTS);
  await first.close?.();
  const found = changeText(file, (text) => text.slice(0, -5));
  const handled: string[] = [];
  const watcher = subscriber("watcher", {
    from: [task],
    start: "beginning",
    on: {
      TaskAdded: async ({ stream }, { attempt }) => {
        // The runner would read the next page meanwhile.
        await new Promise((resolve) => setTimeout(resolve, 20));
        if (stream === "task/t2" && attempt === 1) throw new Error("The mail server is away");
        handled.push(stream);
      },
    },
  });
  const reports: unknown[] = [];
  const server = testServer({
    store: sqlite(file),
    models: [board, columnCounts, titles],
    subscribers: [watcher, flow],
    base: { everyEvents: 1 },
    onError: (error) => reports.push(error),
  });
  undo.push(server.close);
  const repair = (): void => void changeText(file, () => found);
  return { log: server.log("board"), handled, reports, repair };
}

/** Changes the text of the damaged record, and returns the text before. */
function changeText(file: string, change: (text: string) => string): string {
  const database = new DatabaseSync(file);
  const text = String(database.prepare("select text from dacapo_records where first = ?").get(DAMAGED)?.["text"]);
  database.prepare("update dacapo_records set text = ? where first = ?").run(change(text), DAMAGED);
  database.close();
  return text;
}

test("a damaged record: models park its events, and the rows of other streams follow the log", async () => {
  const { log, reports, repair } = await damagedLog();
  expect((await log.execute([add("new")], { actor: "ada" })).outcome).toBe("recorded");
  const at = (await log.load(task, "new")).at;
  const { rows, parked } = await log.rows(board, { at, waitMs: 20_000 });
  expect([rows.length, parked]).toEqual([EVENTS, 1]);
  expect(rows.some(({ key }) => key === `task/t${DAMAGED}`)).toBe(false);
  const reason = "its stored record is damaged";
  const place = { stream: `task/t${DAMAGED}`, position: DAMAGED, reason };
  expect(await log.models.parked(board)).toMatchObject([place]);
  await until(async () => (await log.models.status(titles)).behind === 0, "the rows of the SQL model");
  expect(await log.models.parked(titles)).toMatchObject([place]);
  expect(reports).toContainEqual(
    expect.objectContaining({
      code: "parked",
      message: expect.stringContaining(`of the log board parked the event`) as unknown,
      fix: 'Restore a backup of the database. Then call `retry` or `rebuild` of `server.log("board").models`.',
      details: expect.objectContaining({ log: "board", model: "board", ...place }) as unknown,
    }),
  );
  expect((await log.models.verify(board)).differences).toEqual([]);
  const [event = { event: "" }] = await log.models.parked(board);
  expect(await log.models.retry(board, event.event)).toMatchObject({ outcome: "parked", reason });
  repair();
  expect(await log.models.retry(board, event.event)).toMatchObject({ outcome: "folded" });
  expect((await log.rows(board)).rows).toHaveLength(EVENTS + 1);
});

test("a damaged record: subscribers and processes stop before it, and their lists name it", async () => {
  const { log, handled, reports, repair } = await damagedLog();
  const lastError = expect.stringContaining(
    `The stored record at position ${DAMAGED} of the log board is damaged`,
  ) as unknown;
  await expect.poll(() => log.subscribers.list()).toMatchObject([{ name: "watcher", state: "running", lastError }]);
  await expect.poll(() => log.processes.list()).toMatchObject([{ name: "flow", state: "running", lastError }]);
  await expect.poll(() => log.subscribers.list()).toMatchObject([{ waiting: 0, behind: EVENTS - DAMAGED + 1 }]);
  const lost = () => reports.filter((one) => one instanceof StorageLostError).length;
  const before = lost();
  await until(async () => lost() > before + 2, "further runs");
  expect(handled.toSorted()).toEqual(Array.from({ length: DAMAGED - 1 }, (_, n) => `task/t${n + 1}`));
  expect(reports).toContainEqual(
    expect.objectContaining({
      code: "storage-lost",
      fix: expect.stringContaining("restore a backup") as unknown,
      details: expect.objectContaining({ log: "board", position: DAMAGED }) as unknown,
    }),
  );
  repair();
  await until(async () => (await log.subscribers.list())[0]?.lastError === null, "the subscriber continues");
  await until(async () => handled.length === EVENTS, "all events");
});

test("a damaged record: history, subscribe, replay and base name it", async () => {
  const { log, reports } = await damagedLog();
  const lost = { code: "storage-lost", details: { log: "board", position: DAMAGED } };
  const drain = async (events: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of events);
  };
  await expect(drain(log.history(task, `t${DAMAGED}`))).rejects.toMatchObject(lost);
  await expect(drain(log.subscribe({ from: "beginning" }))).rejects.toMatchObject(lost);
  await expect(log.models.replay({ into: () => {} })).rejects.toMatchObject(lost);
  await expect(log.models.replayIntoScratch(board)).rejects.toMatchObject(lost);
  await until(async () => reports.length > 0, "a report");
});

test("a damaged record: a subscriber does not handle the event before it again", async () => {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const handled: string[] = [];
  const { promise: isDamaged, resolve: damaged } = Promise.withResolvers<void>();
  const watcher = subscriber("watcher", {
    from: [task],
    start: "beginning",
    concurrency: 1,
    on: {
      TaskAdded: async ({ stream }) => {
        handled.push(stream);
        await isDamaged;
      },
    },
  });
  const server = testServer({ store: sqlite(file), subscribers: [watcher], onError: () => {} });
  undo.push(server.close);
  const log = server.log("board");
  for (let n = 1; n <= DAMAGED; n++) await log.execute([add(`t${n}`)]);
  const status = async () => (await log.subscribers.list()).find(({ name }) => name === "watcher");
  // The place is stored while the first handler runs. So the next events are read again when their turn comes.
  await until(async () => (await status())?.waiting === DAMAGED, "the stored place");
  const found = changeText(file, (text) => text.slice(0, -5));
  damaged();
  await until(async () => (await status())?.lastError?.includes("damaged") === true, "the damaged record");
  changeText(file, () => found);
  await until(async () => (await status())?.waiting === 0, "all events");
  expect(handled).toEqual(Array.from({ length: DAMAGED }, (_, n) => `task/t${n + 1}`));
});
