// Subscribers of a server: each event once or more, in order, with retries, parked events and an operator.
import { afterEach, expect, test } from "vitest";
import { type HandlerContext, subscriber, type Subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { stagePrefix } from "../../../../src/sync-server/archive/log-intake.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
const removals: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
  for (const remove of removals.splice(0)) await remove();
});

function started(subscribers: readonly Subscriber[], options: Parameters<typeof testServer>[0] = {}): SyncServer {
  // Without ticks no walk hides a lost poke.
  const server = testServer({ subscribers, onError: () => {}, liveTicks: false, ...options });
  servers.push(server);
  return server;
}

const add = (id: string, title: string = id) => task.command.add(id, { title, column: "todo" });
const rename = (id: string, title: string) => task.command.rename(id, { title });
const fast = { firstMs: 1, maxMs: 2 };

type Call = { readonly title: string } & Pick<HandlerContext, "log" | "effectId" | "attempt">;

/** A subscriber that keeps its calls. `fails` decides about each attempt. */
function recorder(
  fails: (title: string, attempt: number) => boolean = () => false,
  options: { readonly attempts?: number; readonly afterRetries?: "stop"; readonly afterPark?: "continue" } = {},
) {
  const calls: Call[] = [];
  const { attempts = 8, ...rest } = options;
  const call = (title: string, { log, effectId, attempt }: HandlerContext): void => {
    calls.push({ title, log, effectId, attempt });
    if (fails(title, attempt)) throw new Error(`no mail for ${title}`);
  };
  const mailer = subscriber("mailer", {
    from: [task],
    start: "beginning",
    retry: { ...fast, attempts },
    ...rest,
    on: {
      TaskAdded: async ({ data }, context) => {
        await Promise.resolve();
        call(data.title, context);
      },
      TaskRenamed: ({ data }, context) => call(data.title, context),
    },
  });
  return { calls, mailer, titles: () => calls.map(({ title }) => title) };
}

const statusOf = async (server: SyncServer, log = "board") => (await server.log(log).subscribers.list())[0];
const isDone = async (server: SyncServer, log = "board"): Promise<boolean> => {
  const status = await statusOf(server, log);
  return status?.at !== null && status?.behind === 0 && status.waiting === 0;
};

test("subscriber: handles each event of its types once, in the order of its stream", async () => {
  const { mailer, calls, titles } = recorder();
  const server = started([mailer]);
  const log = server.log("board");
  await log.execute([add("t1", "a"), rename("t1", "b"), task.command.complete("t1"), rename("t1", "c")]);
  await until(() => isDone(server), "all events handled");
  expect(titles()).toEqual(["a", "b", "c"]);
  expect(new Set(calls.map(({ effectId }) => effectId)).size).toBe(3);
  expect(calls[0]).toEqual({
    title: "a",
    log: "board",
    attempt: 1,
    effectId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) as string,
  });
  expect(await statusOf(server)).toMatchObject({ name: "mailer", state: "running", behind: 0, waiting: 0, parked: 0 });
});

test("subscriber: a failing event is tried again with one effect id, and its stream waits", async () => {
  const { mailer, calls, titles } = recorder((title, attempt) => title === "a" && attempt < 4);
  const server = started([mailer]);
  await server.log("board").execute([add("t1", "a"), rename("t1", "b"), add("t2", "x")]);
  await until(() => isDone(server), "all events handled");
  expect(titles().filter((title) => title !== "x")).toEqual(["a", "a", "a", "a", "b"]);
  expect(calls.filter(({ title }) => title === "a").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  expect(new Set(calls.map(({ effectId }) => effectId)).size).toBe(3);
});

test("subscriber: after the last attempt an event is parked, and an operator retries or skips it", async () => {
  let isBroken = true;
  const errors: unknown[] = [];
  const { mailer, titles } = recorder((title) => isBroken && title.startsWith("bad"), { attempts: 2 });
  const server = started([mailer], { onError: (error) => errors.push(error) });
  const { subscribers, ...log } = server.log("board");
  await log.execute([add("t1", "bad 1"), rename("t1", "b"), add("t2", "bad 2"), rename("t2", "c"), add("t3", "ok")]);
  await until(async () => (await statusOf(server))?.parked === 2, "two parked events");
  expect(titles().sort()).toEqual(["bad 1", "bad 1", "bad 2", "bad 2", "ok"]);
  expect(errors.map((error) => String((error as Error).cause)).toSorted()).toEqual([
    "Error: no mail for bad 1",
    "Error: no mail for bad 2",
  ]);
  const [first, second] = await subscribers.parked(mailer);
  expect([first, second]).toMatchObject([
    { type: "TaskAdded", stream: "task/t1", version: 1, position: 1, attempts: 2, reason: "Error: no mail for bad 1" },
    { stream: "task/t2" },
  ]);
  const checkpoint = (await statusOf(server))?.at;
  isBroken = false;
  expect(await subscribers.retry(mailer, [first?.event ?? ""])).toBe(1);
  await until(async () => (await statusOf(server))?.waiting === 2, "the first stream handled");
  expect(titles().slice(-2)).toEqual(["bad 1", "b"]);
  expect((await statusOf(server))?.at).toBe(checkpoint);
  await subscribers.skip("mailer", second?.event ?? "", "no such address");
  await until(() => isDone(server), "all events handled");
  expect(titles().slice(-1)).toEqual(["c"]);
  expect((await statusOf(server))?.skipped).toMatchObject([{ event: second?.event, reason: "no such address" }]);
  await expect(subscribers.skip(mailer, second?.event ?? "", "again")).rejects.toMatchObject({ code: "invalid" });
});

test("subscriber: live events are handled while an event waits for its retry", async () => {
  const { mailer, titles } = recorder((title) => title === "bad", { attempts: 1 });
  const server = started([mailer]);
  const log = server.log("board");
  await log.execute([add("t1", "bad"), rename("t1", "held")]);
  for (let n = 0; n < 20; n++) await log.execute(add(`u${n}`, "live"));
  await until(async () => (await statusOf(server))?.behind === 0, "the checkpoint at the head");
  expect(titles().filter((title) => title === "live")).toHaveLength(20);
  expect(titles()).not.toContain("held");
  expect(await statusOf(server)).toMatchObject({ waiting: 2, parked: 1 });
});

test("subscriber: `continue` handles later events, and `stop` waits with all streams", async () => {
  const bad = (title: string): boolean => title === "bad";
  const going = recorder(bad, { attempts: 1, afterPark: "continue" });
  const first = started([going.mailer]);
  await first.log("board").execute([add("t1", "bad"), rename("t1", "b")]);
  await until(() => going.titles().includes("b"), "the event behind the parked one");
  const stopping = recorder(bad, { attempts: 1, afterRetries: "stop" });
  const second = started([stopping.mailer]);
  const log = second.log("board");
  await log.execute(add("t1", "bad"));
  await until(async () => (await statusOf(second))?.state === "stopped", "the stop");
  await log.execute(add("t2", "x"));
  await log.subscribers.pause(stopping.mailer);
  expect((await statusOf(second))?.state).toBe("paused");
  expect(stopping.titles()).toEqual(["bad"]);
  await log.subscribers.resume(stopping.mailer);
  await log.subscribers.skip("mailer", (await log.subscribers.parked("mailer"))[0]?.event ?? "", "known");
  await until(() => stopping.titles().includes("x"), "the event of another stream");
});

test("subscriber: a handler that hangs fails after its time, and other streams continue", async () => {
  const titles: string[] = [];
  const hanging = subscriber("hanging", {
    from: [task],
    start: "beginning",
    timeoutMs: 100,
    concurrency: 2,
    retry: { ...fast, attempts: 2 },
    on: {
      TaskAdded: async ({ data }, { signal }) => {
        titles.push(data.title);
        if (data.title !== "hangs") return;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        titles.push("aborted");
      },
    },
  });
  const server = started([hanging]);
  await server.log("board").execute([add("t1", "hangs"), ...Array.from({ length: 20 }, (_, n) => add(`u${n}`))]);
  const others = () => titles.filter((title) => title.startsWith("u"));
  await until(async () => (await statusOf(server))?.parked === 1 && others().length === 20, "the parked event");
  expect(titles.findIndex((title) => title.startsWith("u"))).toBeLessThan(titles.indexOf("aborted"));
  // On a busy machine the time of an attempt may end before its handler begins.
  const count = (title: string) => titles.filter((one) => one === title).length;
  expect(count("aborted")).toBe(count("hangs"));
  expect((await server.log("board").subscribers.parked("hanging"))[0]?.reason).toContain("100 ms");
});

test("subscriber: pause survives a restart, and resume continues at the place", async () => {
  const { mailer, titles } = recorder();
  const file = await sqliteFile();
  removals.push(file.remove);
  const first = testServer({ subscribers: [mailer], store: file.open() });
  await first.log("board").execute(add("t1", "a"));
  await until(() => isDone(first), "the first event");
  await first.log("board").subscribers.pause(mailer);
  await first.log("board").execute(add("t2", "b"));
  await first.close();
  const second = started([mailer], { store: file.open() });
  expect(await statusOf(second)).toMatchObject({ state: "paused", behind: 1 });
  await second.log("board").subscribers.resume(mailer);
  await until(() => isDone(second), "the second event");
  expect(titles()).toEqual(["a", "b"]);
});

test("subscriber: reset handles the events behind a cursor again, with the same effect ids", async () => {
  const { mailer, calls, titles } = recorder();
  const server = started([mailer]);
  const log = server.log("board");
  const { at } = await log.execute(add("t1", "a"));
  await log.execute(add("t2", "b"));
  await until(() => isDone(server), "both events");
  await log.subscribers.reset(mailer, { from: { cursor: at ?? "" }, effects: "repeat" });
  await until(() => titles().length === 3 && isDone(server), "the second event again");
  expect(titles()).toEqual(["a", "b", "b"]);
  expect(calls[2]?.effectId).toBe(calls[1]?.effectId);
  await log.subscribers.reset("mailer", { from: "beginning", effects: "repeat" });
  await until(() => titles().length === 5, "both events again");
  const stranger = { from: { cursor: "1-0000000000000000" }, effects: "repeat" } as const;
  await expect(log.subscribers.reset(mailer, stranger)).rejects.toMatchObject({ code: "diverged" });
});

test("subscriber: a reset while a handler runs begins at the new place at once", async () => {
  const titles: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const slow = subscriber("slow", {
    from: [task],
    start: "beginning",
    on: {
      TaskAdded: async ({ data }) => {
        titles.push(data.title);
        if (data.title === "b") await released;
      },
    },
  });
  const server = started([slow]);
  const { subscribers, ...log } = server.log("board");
  await log.execute(add("t1", "a"));
  await log.execute(add("t2", "b"));
  await until(() => titles.includes("b"), "the slow handler");
  await subscribers.reset(slow, { from: "beginning", effects: "repeat" });
  await until(() => titles.filter((title) => title === "a").length === 2, "the first event again");
  release();
  await until(() => isDone(server), "all events handled");
  expect(titles.filter((title) => title === "b").length).toBeGreaterThan(1);
});

test("subscriber: `since` passes over events that the server received before", async () => {
  const titles: string[] = [];
  const recent = subscriber("recent", {
    from: [task],
    start: { since: new Date(Date.now() + 60_000) },
    on: { TaskAdded: ({ data }) => void titles.push(data.title) },
  });
  const server = started([recent]);
  await server.log("board").execute(add("t1", "old"));
  await until(() => isDone(server), "the checkpoint at the head");
  expect(titles).toEqual([]);
});

test("subscriber: many logs each have their own place", async () => {
  const { mailer, calls } = recorder();
  const server = started([mailer]);
  const names = Array.from({ length: 30 }, (_, n) => `log-${n}`);
  await Promise.all(names.map((name) => server.log(name).execute(add("t1"))));
  for (const name of names) await until(() => isDone(server, name), name);
  expect(calls.map(({ log }) => log).sort()).toEqual(names.sort());
});

test("subscriber: an unfinished import is not handled before it has the name of its log", async () => {
  const { mailer, calls } = recorder();
  const store = memory();
  const source = testServer();
  await source.log("board").execute(add("t1", "imported"));
  const [record] = (await person(source, "ada").pull()).records;
  if (!record) throw new Error("The source has no record");
  await source.close();
  const stage = `${stagePrefix("board")}test 1`;
  await store.append(stage, batch(null, { records: [storedRecord(record)] }));
  started([mailer], { store, liveTicks: true, limits: { lookMs: 10 } });
  // The log behind the stage in the order of the walk shows that a walk passed the stage.
  await store.append("later", batch(null, { records: [storedRecord({ ...record, commit: crypto.randomUUID() })] }));
  await until(() => calls.some(({ log }) => log === "later"), "the log behind the stage");
  await store.rename(stage, "board");
  await until(() => calls.length > 1, "the imported log");
  expect(calls.map(({ log }) => log)).toEqual(["later", "board"]);
});

test("subscriber: a server with a wrong definition does not start", () => {
  const { mailer } = recorder();
  expect(() => testServer({ subscribers: [mailer, mailer] })).toThrow(/two subscribers of the name mailer/);
  expect(() => testServer({ subscribers: [{} as Subscriber] })).toThrow(/an entry that is no subscriber/);
  const wrong = (options: object) => () => subscriber("x", { from: [task], start: "beginning", on: {}, ...options });
  expect(wrong({})).toThrow(/handles no events/);
  expect(wrong({ on: { Nope: () => {} } })).toThrow(/handles Nope/);
  expect(wrong({ on: { TaskAdded: () => {} }, start: "now" })).toThrow(/no valid start/);
  expect(wrong({ on: { TaskAdded: () => {} }, retry: { attempts: 0 } })).toThrow(/retry.attempts of subscriber x is 0/);
  // Node runs a timer of more milliseconds at once, so that each attempt would fail.
  for (const options of [{ timeoutMs: 2 ** 31 }, { retry: { firstMs: 2 ** 31 } }, { retry: { maxMs: 2 ** 31 } }])
    expect(wrong({ on: { TaskAdded: () => {} }, ...options })).toThrow(/Ms of subscriber x is 2147483648/);
  expect(wrong({ on: { TaskAdded: () => {} }, timeoutMs: 2 ** 31 - 1 })).not.toThrow();
  expect(wrong({ on: { TaskAdded: () => {} }, afterRetries: "drop" })).toThrow(/afterRetries of subscriber x is drop/);
});
