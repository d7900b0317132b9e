// Parts of a log folded again: single streams, parked events, ranges in memory, and rows of an earlier version.
import { afterEach, expect, test } from "vitest";
import { projection } from "../../../../src/index.ts";
import { strong, type SyncServer } from "../../../../src/sync-server/app.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { seededRandom } from "../../../support/random.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
const folders: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const remove of folders.splice(0)) await remove();
});

function started(options: Parameters<typeof testServer>[0] = {}): SyncServer {
  const server = testServer({ models: [board, columnCounts], onError: () => {}, ...options });
  servers.push(server);
  return server;
}

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const rename = (id: string, title: string) => task.command.rename(id, { title });

/** The switch is what a new release changes. */
const faulty = { titles: new Set<string>() };
const titles = projection("titles", {
  version: 1,
  from: [task],
  initial: null as { title: string; renames: number } | null,
  on: {
    TaskAdded: (_, { data }) => ({ title: checked(data.title), renames: 0 }),
    TaskRenamed: (row, { data }) => row && { title: checked(data.title), renames: row.renames + 1 },
  },
});
const byTitle = projection("by-title", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: ({ data }) => (data as { title: string }).title,
  on: { TaskAdded: (row, { data }) => (checked(data.title) ? { tasks: row.tasks + 1 } : row) },
});
const checked = (title: string): string => {
  if (faulty.titles.has(title)) throw new Error(`${title} is unknown`);
  return title;
};

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("populateStreams: builds the rows of given streams again, while other commits continue (%s)", async (_, store) => {
  const random = seededRandom(3);
  const server = started({ store: store() });
  const log = server.log("board");
  const ids = Array.from({ length: 12 }, (__, n) => `t${n}`);
  await log.execute(ids.map((id) => add(id)));
  // One commit writes to several streams, and only one of them is folded again.
  for (let n = 0; n < 30; n++)
    await log.execute([rename(random.pick(ids), `a${n}`), rename(random.pick(ids), `b${n}`)]);
  const { at } = await log.execute(rename("t0", "last"));
  await log.rows(board, { at });
  for (const id of ids.slice(0, 6)) await log.models.delete(board, `task/${id}`);
  const streams = ["task/t0", "task/t3", "task/t3", "task/missing"];
  const [parked] = await Promise.all([
    log.models.populateStreams(board, streams),
    ...ids.slice(8).map((id) => log.execute(rename(id, "meanwhile"))),
  ]);
  expect(parked).toEqual([]);
  const end = await log.execute(rename("t11", "end"));
  const keys = (await log.rows(board, { at: end.at })).rows.map(({ key }) => key);
  expect(keys.toSorted()).toEqual(["t0", "t3", ...ids.slice(6)].map((id) => `task/${id}`).toSorted());
  expect((await log.models.verify(board)).differences).toEqual([]);
});

test("populateStreams: ends though a commit comes between all of its reads of streams", async () => {
  const inner = memory();
  let read = 0;
  let commit = (): Promise<unknown> => Promise.resolve();
  const readStream: EventStore["readStream"] = async (...args) => {
    read++;
    const page = await inner.readStream(...args);
    await commit();
    return page;
  };
  const store: EventStore = new Proxy(inner, {
    get: (target, name): unknown => {
      const value: unknown = name === "readStream" ? readStream : Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  // A strong model moves with each commit.
  const log = started({ store, models: [strong(board)] }).log("board");
  await log.execute([add("t1"), add("t2"), add("other")]);
  for (const id of ["t1", "t2"]) await log.models.delete(board, `task/${id}`);
  let commits = 0;
  commit = async () => {
    const title = `title ${commits++}`;
    // Its own reads cause no further commit. The first of these commits changes a stream that was folded.
    const before = commit;
    commit = () => Promise.resolve();
    await log.execute(rename(commits === 2 ? "t1" : "other", title));
    commit = before;
  };
  expect(await log.models.populateStreams(board, ["task/t1", "task/t2"])).toEqual([]);
  expect(read).toBeLessThan(20);
  expect((await log.rows(board, { keys: ["task/t1"] })).rows).toMatchObject([{ row: { title: "title 1" } }]);
  expect((await log.models.verify(board)).differences).toEqual([]);
});

test("populateStreams: refuses a model with a key, a wrong stream, and rows that are not there", async () => {
  const { models, execute, rows } = started().log("board");
  const { at } = await execute(add("t1"));
  await rows(board, { at });
  const refusals = [
    [models.populateStreams(columnCounts, ["task/t1"]), "not-by-stream"],
    [models.populateStreams(board, []), "invalid"],
    [models.populateStreams(board, ["t1"]), "invalid"],
    [models.populateStreams(board, ["column/todo"]), "invalid"],
    [models.populateStreams("other", ["task/t1"]), "definition"],
  ] as const;
  for (const [call, code] of refusals) await expect(call).rejects.toMatchObject({ code });
  await models.purge(board);
  await expect(models.populateStreams(board, ["task/t1"])).rejects.toMatchObject({ code: "rows-not-populated" });
});

test("retry: folds a parked event again in its place, after the code was corrected", async () => {
  faulty.titles = new Set(["odd"]);
  const log = started({ models: [titles] }).log("board");
  await log.execute([add("t1"), rename("t1", "odd"), rename("t1", "later"), add("t2", "odd")]);
  const { at } = await log.execute(add("t3"));
  await log.rows(titles, { at });
  const [first, second] = await log.models.parked(titles);
  expect([first?.stream, second?.stream]).toEqual(["task/t1", "task/t2"]);
  expect(await log.models.retry(titles, first?.event ?? "")).toMatchObject({
    outcome: "parked",
    reason: expect.stringContaining("odd is unknown") as unknown,
    job: null,
  });
  expect(await log.models.parked(titles)).toEqual([first, second]);
  faulty.titles = new Set();
  expect(await log.models.retry(titles, first?.event ?? "")).toMatchObject({ outcome: "folded", reason: null });
  expect(await log.models.parked(titles)).toEqual([second]);
  const page = await log.rows(titles);
  expect(page.rows).toContainEqual({ key: "task/t1", row: { title: "later", renames: 2 } });
  expect(page.parked).toBe(1);
  await log.models.delete(titles, "task/t2");
  await log.models.retry(titles, second?.event ?? "");
  expect((await log.rows(titles, { keys: ["task/t2"] })).rows).toEqual([]);
  expect((await log.models.verify(titles)).differences).toEqual([]);
  await expect(log.models.retry(titles, second?.event ?? "")).rejects.toMatchObject({ code: "invalid" });
});

test("retry: builds a model with a key again, because its rows belong to several streams", async () => {
  faulty.titles = new Set(["odd"]);
  const log = started({ models: [byTitle] }).log("board");
  const { at } = await log.execute([add("t1", "odd"), add("t2", "odd"), add("t3")]);
  await log.rows(byTitle, { at });
  const [parked] = await log.models.parked(byTitle);
  faulty.titles = new Set();
  const { outcome, job } = await log.models.retry(byTitle, parked?.event ?? "");
  expect(outcome).toBe("rebuilding");
  expect(await job?.finished()).toMatchObject({ phase: "done", parked: 0 });
  expect((await log.rows(byTitle)).rows).toContainEqual({ key: "odd", row: { tasks: 2 } });
});

test("replayIntoScratch: returns the rows that a range makes, and stores nothing", async () => {
  const log = started().log("board");
  await log.execute([add("t1"), add("t2"), rename("t1", "one")]);
  const { at } = await log.execute([rename("t1", "two"), rename("t2", "two"), add("t3")]);
  await log.rows(columnCounts, { at });
  const stored = await log.models.list();
  const whole = await log.models.replayIntoScratch(board);
  expect(whole).toMatchObject({ events: 6, parked: [] });
  expect(whole.rows).toEqual((await log.rows(board, { at })).rows);
  const counts = await log.models.replayIntoScratch(columnCounts, { after: 1, to: 6 });
  expect(counts.rows).toEqual([{ key: "todo", row: { tasks: 2 } }]);
  const some = await log.models.replayIntoScratch(board, { types: ["TaskAdded"], streams: ["task/t1", "task/t3"] });
  expect(some.rows.map(({ key, row }) => [key, row.title])).toEqual([
    ["task/t1", "Milk"],
    ["task/t3", "Milk"],
  ]);
  await expect(log.models.replayIntoScratch(board, { after: 3, to: 1 })).rejects.toMatchObject({ code: "invalid" });
  expect(await log.models.list()).toEqual(stored);
});

test("rows older=allow: returns ready rows of another version while those of this one are built", async () => {
  const folder = await temporaryFolder();
  folders.push(folder.remove);
  const file = folder.path("logs.db");
  const first = testServer({ store: sqlite(file), models: [board] });
  const { at } = await first.log("board").execute([add("t1"), add("t2")]);
  await first.log("board").rows(board, { at });
  await first.close();
  const next = projection("board", {
    version: 2,
    from: [task],
    initial: null as { name: string } | null,
    on: { TaskAdded: (_row, { data }) => ({ name: data.title }) },
  });
  // Without walks and pokes, the rows of version 2 are missing until a reader waits for them.
  const server = started({ store: sqlite(file), models: [next], liveTicks: false });
  const log = server.log("board");
  const ada = person(server, "ada");
  const older = await ada.request("rows/board?older=allow&version=1&limit=1");
  expect(await older.json()).toMatchObject({
    identity: "board@1<task@1",
    at,
    next: "task/t1",
    rows: [{ row: { title: "Milk" } }],
  });
  expect((await log.rows(next, { older: "allow", waitMs: 0 })).identity).toBe("board@1<task@1");
  await expect(log.rows(next, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-building" });
  expect((await log.rows(next, { at })).identity).toBe("board@2<task@1");
  expect(await log.rows(next, { older: "allow", keys: ["task/t1"] })).toMatchObject({
    identity: "board@2<task@1",
    rows: [{ key: "task/t1", row: { name: "Milk" } }],
  });
});
