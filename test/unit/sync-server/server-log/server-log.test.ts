// Commands and reads of the server's own code, on one log with the pushes of devices.
import { aggregate, defineDomain } from "dacapo";
import * as v from "valibot";
import { afterEach, expect, test, vi } from "vitest";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import type { Principal, SyncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, column, task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function started(options: Parameters<typeof testServer>[0] = {}): SyncServer {
  const server = testServer({ models: [board], ...options });
  servers.push(server);
  return server;
}

const add = (id: string, title: string = id) => task.command.add(id, { title, column: "todo" });
const rename = (id: string, title: string) => task.command.rename(id, { title });

test("execute: records the events of the author, and devices pull them", async () => {
  const server = started();
  const log = server.log("board");
  const done = await log.execute([add("t1"), rename("t1", "Milk")], { actor: "till-3", meta: { from: "till" } });
  expect(done).toMatchObject({
    outcome: "recorded",
    events: [
      { type: "TaskAdded", stream: "task/t1", version: 1, position: 1, actor: "till-3", meta: { from: "till" } },
      { type: "TaskRenamed", data: { title: "Milk" }, version: 2, position: 2 },
    ],
  });
  const { records } = await person(server, "ada").pull();
  expect(records).toMatchObject([{ actor: "till-3", events: [{ type: "TaskAdded" }, { type: "TaskRenamed" }] }]);
  expect((await log.rows(board, { at: done.at })).rows).toEqual([
    { key: "task/t1", row: { title: "Milk", column: "todo", done: false, notes: 0 } },
  ]);
});

test("execute: decides on the current state, also of streams that a command reads", async () => {
  const server = started();
  const log = server.log("board");
  await log.execute(add("t1"));
  await expect(log.execute(task.command.move("t1", { column: "doing" }))).rejects.toMatchObject({
    code: "rejected",
    message: "move on task/t1: no-such-column",
    details: { code: "no-such-column", reason: "no-such-column", command: 0 },
  });
  const ada = person(server, "ada");
  await ada.push([ada.commit(column.command.add("doing", { name: "Doing" }))]);
  expect(await log.execute(task.command.move("t1", { column: "doing" }))).toMatchObject({ outcome: "recorded" });
  // A command with the policy `reject` has no conflict, because it is decided after all other commits.
  const titles = Array.from({ length: 20 }, (_, n) => `title ${n}`);
  await Promise.all(titles.map((title) => log.execute(task.command.claim("t1", { title }))));
  expect((await log.load(task, "t1")).version).toBe(22);
  expect(await log.execute(task.command.complete("t1"))).toMatchObject({ outcome: "recorded" });
  expect(await log.execute(task.command.complete("t1"))).toEqual({
    outcome: "empty",
    id: expect.any(String) as unknown,
    at: null,
    events: [],
  });
});

test("execute: expectedVersion lets one of many writers through", async () => {
  const log = started().log("board");
  const attempt = (request: CommandRequest, expectedVersion: number | "none") =>
    log.execute(request, { expectedVersion }).then(
      () => "recorded",
      (error: { code: string; details: object }) => [error.code, error.details],
    );
  const results = await Promise.all(["a", "b", "c"].map((title) => attempt(add("t1", title), "none")));
  expect(results.filter((one) => one === "recorded")).toHaveLength(1);
  const concurrency = ["concurrency", { log: "board", stream: "task/t1", version: 1 }];
  expect(results.filter((one) => one !== "recorded")).toEqual([concurrency, concurrency]);
  expect(await attempt(rename("t1", "x"), 1)).toBe("recorded");
  expect(await attempt(rename("t1", "y"), 1)).toEqual(["concurrency", { log: "board", stream: "task/t1", version: 2 }]);
  await expect(log.execute(rename("t1", "z"), { expectedVersion: 5 })).rejects.toThrow(
    "The stream task/t1 of the log board has version 2, not 5 as expected",
  );
});

test("execute: an id that comes again records nothing, and returns the first outcome", async () => {
  const store = sqlite(":memory:");
  const log = started({ store }).log("board");
  const id = crypto.randomUUID();
  const first = await log.execute(add("t1"), { id, expectedVersion: "none" });
  await log.execute(rename("t1", "later"));
  expect(await log.execute(add("t1"), { id, expectedVersion: "none" })).toEqual(first);
  await expect(log.execute(add("t2"), { id, actor: "other" })).rejects.toMatchObject({ code: "rejected" });
  expect((await log.load(task, "t1")).version).toBe(2);
});

test("execute: an id that comes again returns the first events, also of a later command", async () => {
  const store = sqlite(":memory:");
  const log = started({ store }).log("board");
  await log.execute([add("t0"), add("done"), task.command.complete("done")]);
  for (let n = 0; n < 300; n++) await log.execute([rename("t0", `before ${n}`), rename("done", `before ${n}`)]);
  const id = crypto.randomUUID();
  // The first command has no event, because the task is done already.
  const commands = [task.command.complete("done"), rename("t0", "Milk"), rename("t0", "Oat milk")];
  const first = await log.execute(commands, { id });
  expect(first.events).toMatchObject([{ data: { title: "Milk" } }, { data: { title: "Oat milk" } }]);
  for (let n = 0; n < 300; n++) await log.execute([rename("done", `after ${n}`), rename("t0", `after ${n}`)]);
  const reads = vi.spyOn(store, "readStream");
  expect(await log.execute(commands, { id })).toEqual(first);
  // The search halves the streams. To read all of them would return a record for each commit.
  const read = await Promise.all(reads.mock.results.map(({ value }) => value as ReturnType<typeof store.readStream>));
  expect(read.flat().length).toBeLessThan(100);
});

test("execute: permit is called only for a principal", async () => {
  const asked: string[] = [];
  const permit = ({ actor }: Principal) => {
    asked.push(actor);
    return actor !== "eve";
  };
  const log = started({ permit }).log("board");
  await log.execute(add("t1"), { actor: "eve" });
  expect(asked).toEqual([]);
  await log.execute(rename("t1", "x"), { as: { actor: "ada" } });
  await expect(log.execute(rename("t1", "y"), { as: { actor: "eve" } })).rejects.toMatchObject({
    details: { code: "forbidden" },
  });
  expect(new Set(asked)).toEqual(new Set(["ada", "eve"]));
});

test("execute: refuses what is not a command, a wrong id, actor or version, and a dropped log", async () => {
  const server = started();
  const log = server.log("board");
  const invalid = { code: "invalid" };
  await expect(log.execute([])).rejects.toMatchObject(invalid);
  await expect(log.execute(add("t1"), { id: "x" })).rejects.toMatchObject(invalid);
  await expect(log.execute(add("t1"), { actor: "" })).rejects.toMatchObject(invalid);
  await expect(log.execute(add("t1"), { expectedVersion: -1 })).rejects.toMatchObject(invalid);
  await expect(log.execute({ stream: "none/a", name: "add", v: 1 })).rejects.toMatchObject({ code: "rejected" });
  await expect(log.execute(add("t1", ""))).rejects.toMatchObject({ details: { code: "invalid-input" } });
  await server.drop("board");
  await expect(log.execute(add("t1"))).rejects.toMatchObject({ code: "gone" });
  await expect(log.load(task, "t1")).rejects.toMatchObject({ code: "gone" });
});

test("load, exists, stateAt, history: read a stream as it is and as it was", async () => {
  const log = started().log("board");
  expect(await log.load(task, "t1")).toEqual({ state: null, version: 0, at: null });
  expect(await log.exists(task, "t1")).toBe(false);
  await log.execute([add("t1", "one"), add("t2")]);
  const { at } = await log.execute(rename("t1", "two"));
  expect(await log.load(task, "t1")).toEqual({
    state: { title: "two", column: "todo", done: false, notes: 0 },
    version: 2,
    at,
  });
  expect(await log.exists(task, "t1")).toBe(true);
  expect(await log.exists(task, "none")).toBe(false);
  expect((await log.stateAt(task, "t1", { version: 1 }))?.title).toBe("one");
  expect((await log.stateAt(task, "t1", { position: 2 }))?.title).toBe("one");
  expect((await log.stateAt(task, "t1", { position: 3 }))?.title).toBe("two");
  // A program may build its options so.
  expect((await log.stateAt(task, "t1", { version: undefined, position: 2 }))?.title).toBe("one");
  expect(await log.stateAt(task, "t1", { version: 0 })).toBeNull();
  await expect(log.stateAt(task, "t1", { version: 3 })).rejects.toMatchObject({ details: { code: "no-such-version" } });
  const types: string[] = [];
  for await (const event of log.history(task, "t1")) types.push(`${event.version} ${event.type} ${event.position}`);
  expect(types).toEqual(["1 TaskAdded 1", "2 TaskRenamed 3"]);
  for await (const event of log.history(task, "t1", { after: 1 })) expect(event.type).toBe("TaskRenamed");
  expect(() => log.history(task, "a b")).toThrow("cannot name a stream");
});

test("subscribe: returns old and new events in order, and continues from a cursor", async () => {
  const store = memory();
  const server = started({ store });
  const log = server.log("board");
  await log.execute([add("t1"), rename("t1", "two")]);
  const seen: string[] = [];
  const cursors: (string | null)[] = [];
  const end = new AbortController();
  const following = (async () => {
    for await (const { event, at } of log.subscribe({ from: "beginning", signal: end.signal })) {
      seen.push(`${event.position} ${event.type}`);
      cursors.push(at);
      if (seen.length === 4) end.abort();
    }
  })();
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t2"))]);
  await log.execute(rename("t1", "three"));
  await following;
  expect(seen).toEqual(["1 TaskAdded", "2 TaskRenamed", "3 TaskAdded", "4 TaskRenamed"]);
  const rest: string[] = [];
  const options = { from: { cursor: cursors[1] ?? null }, types: ["TaskRenamed"], streams: ["task/t1"] };
  for await (const { event } of log.subscribe(options)) {
    rest.push(`${event.position} ${event.type}`);
    break;
  }
  expect(rest).toEqual(["4 TaskRenamed"]);
  // Inside a commit, the cursor is the one before it.
  expect(cursors[0]).toBeNull();
});

test('subscribe: from "now" returns the events after the call, also before the first read', async () => {
  const server = started();
  const log = server.log("board");
  await log.execute(add("t1"));
  const events = log.subscribe();
  await log.execute(add("t2"));
  for await (const { event } of events) {
    expect(event.stream).toBe("task/t2");
    break;
  }
});

test("subscribe, replay: other work of the server continues between two pages", async () => {
  const server = started();
  const log = server.log("board");
  const PAGES = 4;
  const PAGE_EVENTS = 500;
  await log.execute(add("t1"));
  for (let n = 0; n < PAGES * PAGE_EVENTS; n += 100)
    await log.execute(Array.from({ length: 100 }, (_, i) => rename("t1", `${n + i}`)));
  /** The turns of other work while `read` runs. */
  const turnsDuring = async (read: () => Promise<void>): Promise<number> => {
    let turns = 0;
    let isReading = true;
    const others = (async () => {
      for (; isReading; turns++) await new Promise((resolve) => setImmediate(resolve));
    })();
    await read();
    isReading = false;
    await others;
    return turns;
  };
  const subscribed = turnsDuring(async () => {
    let count = 0;
    for await (const _ of log.subscribe({ from: "beginning" })) if (++count === PAGES * PAGE_EVENTS) return;
  });
  expect(await subscribed).toBeGreaterThanOrEqual(PAGES - 1);
  const replayed = turnsDuring(async () => {
    await log.models.replay({ into: () => {} });
  });
  expect(await replayed).toBeGreaterThanOrEqual(PAGES);
});

test("subscribe: ends when the server closes, and refuses a foreign cursor", async () => {
  const server = started();
  const log = server.log("board");
  const next = log.subscribe()[Symbol.asyncIterator]().next();
  await log.execute(column.command.add("todo", { name: "To do" }));
  expect((await next).value).toMatchObject({ event: { type: "ColumnAdded" } });
  const foreign = log
    .subscribe({ from: { cursor: "1-other" } })
    [Symbol.asyncIterator]()
    .next();
  await expect(foreign).rejects.toMatchObject({ code: "diverged" });
  const waiting = log.subscribe()[Symbol.asyncIterator]().next();
  await server.close();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

test("execute: the error of a command whose decide throws says what to fix", async () => {
  const broken = aggregate("broken", {
    version: 1,
    initial: null,
    events: { Broken: v.object({}) },
    evolve: { Broken: () => null },
    commands: {
      fall: {
        decide: () => {
          throw new TypeError("no such field");
        },
      },
    },
  });
  const server = started({ domain: defineDomain({ version: 1, aggregates: [broken] }), models: [] });
  await expect(server.log("board").execute(broken.command.fall("b1"))).rejects.toMatchObject({
    message: "fall on broken/b1: TypeError: no such field",
    fix: expect.stringContaining("Fix the function of the command") as unknown,
    details: { code: "command-failed" },
  });
});
