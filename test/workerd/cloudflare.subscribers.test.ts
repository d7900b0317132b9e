// Subscribers in Durable Objects, in real workerd: also while the object loses its memory, and without visitors.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { subscriber } from "../../src/sync-server/app.ts";
import { bearer, cloudflare } from "../../src/sync-server/cloudflare.ts";
import { domain, task } from "../support/board-domain.ts";
import type { Seen } from "../support/sync-requests.ts";
import { newLog } from "./log-object.ts";
import { mails } from "./subscribers.ts";
import { app, workLogs, WorkLogObject, workWorker } from "./worker.ts";

afterEach(() => {
  mails.broken.clear();
  mails.held.clear();
  app.errors.length = 0;
});

let made = 0;
const newWork = (prefix = "work") => {
  const log = newLog(workWorker, env.WORK_LOGS, `${prefix}-${++made}`);
  const operator = workLogs(env).log(log.log);
  const ada = log.person("ada");
  // A stub of an object that was aborted fails for ever.
  const stub = () => env.WORK_LOGS.getByName(log.log);
  const alarm = () => runInDurableObject(stub(), (_, { storage }) => storage.getAlarm());
  return {
    ...log,
    operator,
    alarm,
    evict: () => evictDurableObject(stub()),
    runAlarm: () => runDurableObjectAlarm(stub()),
    /** Pushes commands as a device does, each as a commit. */
    push: (...commands: readonly Seen[]) => ada.push(commands.map((command) => ada.commit(command))),
    rung: () => WorkLogObject.rung.get(log.log) ?? 0,
    titles: () => mails.titles(log.log),
    abort: () => runInDurableObject(stub(), (_, ctx) => ctx.abort("a crash")).catch(() => {}),
    status: async () => (await operator.subscribers.list()).find(({ name }) => name === "mailer"),
  };
};
const add = (id: string, title: string = id) => task.command.add(id, { title, column: "todo" });
const rename = (id: string, title: string) => task.command.rename(id, { title });

test("subscribers: an object handles each event once, in order, and its handlers get the secrets", async () => {
  const { push, titles, log, status } = newWork();
  await push(add("t1", "a"), rename("t1", "b"), rename("t1", "c"));
  await expect.poll(titles).toEqual(["a", "b", "c"]);
  expect(new Set(mails.of(log).map(({ effectId }) => effectId)).size).toBe(3);
  expect(mails.of(log)[0]).toMatchObject({ attempt: 1, secret: env.MAIL_SECRET });
  await expect.poll(status).toMatchObject({ name: "mailer", state: "running", behind: 0, waiting: 0, parked: 0 });
});

test("subscribers: an object without work has no alarm", async () => {
  const { push, titles, alarm, runAlarm, request, log, operator } = newWork();
  const headers = { authorization: "Bearer token-of-ada" };
  await request(`/logs/${log}`, { headers });
  await operator.subscribers.list();
  expect(await alarm()).toBeNull();
  await push(add("t1", "a"));
  await expect.poll(titles).toEqual(["a"]);
  // The alarm for a loss of memory rings once, and finds nothing.
  await runAlarm();
  expect(await alarm()).toBeNull();
});

test("subscribers: a failed event is tried again by the alarm after an eviction", async () => {
  const { push, titles, alarm, evict, runAlarm, log, status } = newWork();
  mails.broken.add("a");
  const before = Date.now();
  await push(add("t1", "a"), rename("t1", "b"));
  await expect.poll(() => mails.failed.filter((title) => title === "a").length).toBe(1);
  await expect.poll(status).toMatchObject({ waiting: 2, behind: 0 });
  // The next attempt is due after 10 to 30 s, and the alarm for a loss of memory after 15 s.
  await expect.poll(alarm).toBeGreaterThan(before + 5_000);
  mails.broken.clear();
  await evict();
  await expireRetries(log);
  await runAlarm();
  await expect.poll(titles).toEqual(["a", "b"]);
  expect(mails.of(log)[0]).toMatchObject({ attempt: 2 });
});

/** Makes the next attempts due, as if the time had passed. */
const expireRetries = (log: string) =>
  runInDurableObject(env.WORK_LOGS.getByName(log), (_, { storage }) =>
    storage.sql.exec(
      "update dacapo_rows set row = json_set(row, '$.notBefore', 0) where json_extract(row, '$.notBefore') > 0",
    ),
  );

test("subscribers: an alarm rings by itself after an eviction, without a visitor", async () => {
  const { push, evict, rung, operator } = newWork("late");
  await push(add("t1", "a"));
  const notes = async () => (await operator.load(task, "t1")).state?.notes;
  expect(await notes()).toBe(0);
  await expect
    .poll(() =>
      evict().then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  // Nobody calls the object from here on.
  await expect.poll(rung).toBeGreaterThan(0);
  await expect.poll(notes).toBe(1);
});

test("subscribers: an alarm continues the work of a lost memory", async () => {
  const { push, titles, abort, runAlarm, alarm } = newWork();
  let release = (): void => {};
  mails.held.set("a", new Promise((resolve) => (release = resolve)));
  await push(add("t1", "a"));
  await abort();
  release();
  mails.held.clear();
  expect(titles()).toEqual([]);
  const dueAt = (await alarm()) ?? 0;
  expect(Math.abs(dueAt - Date.now() - 15_000)).toBeLessThan(10_000);
  await runAlarm();
  expect(titles()).toEqual(["a"]);
});

test.each([1, 2, 3])("subscribers: killed at any step, no event is lost or out of order (seed %i)", async (seed) => {
  let state = seed * 7_919;
  const pick = (below: number) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  const work = newWork();
  const streams = 3;
  for (let round = 0; round < 25; round++) {
    const stream = `t${pick(streams)}`;
    const command = round < streams ? add(`t${round}`, `${round}`) : rename(stream, `${round}`);
    await work.push(command);
    if (pick(2) === 0) await new Promise((resolve) => setTimeout(resolve, pick(8)));
    if (pick(2) === 0) continue;
    await work.abort();
    if (new Set(work.titles()).size <= round) expect(await work.alarm()).not.toBeNull();
  }
  // No visitor: only the alarm. A ring may find that the next event is due later.
  await expect
    .poll(
      async () => {
        await work.runAlarm();
        return new Set(work.titles()).size;
      },
      { timeout: 20_000 },
    )
    .toBe(25);
  const byEffect = Map.groupBy(mails.of(work.log), ({ effectId }) => effectId);
  expect(byEffect.size).toBe(25);
  const { records } = await work.person("ada").pull();
  for (const [, ofStream] of Map.groupBy(records, ({ events: [event] }) => event?.stream)) {
    const wanted = ofStream.flatMap(({ events }) => events.map(({ data }) => (data as { title: string }).title));
    const first = [...new Set(work.titles().filter((title) => wanted.includes(title)))];
    expect(first).toEqual(wanted);
  }
});

test("subscribers: a command in the own log is recorded once, also if the event is handled again", async () => {
  const { push, operator, evict } = newWork("note");
  await push(add("t1", "a"));
  const events = async () => {
    const found: string[] = [];
    for await (const { type, actor } of operator.history(task, "t1")) found.push(`${type} by ${actor}`);
    return found;
  };
  await expect.poll(events).toEqual(["TaskAdded by ada", "TaskNoted by ~follower"]);
  await evict().catch(() => {});
  await operator.subscribers.reset("follower", { from: "beginning", effects: "repeat" });
  await expect
    .poll(async () => (await operator.subscribers.list()).find(({ name }) => name === "follower"))
    .toMatchObject({ behind: 0, waiting: 0 });
  expect(await events()).toEqual(["TaskAdded by ada", "TaskNoted by ~follower"]);
});

test("subscribers: a command in another log reaches its object, and is recorded once", async () => {
  const { push, operator, log } = newWork("copy");
  const target = workLogs(env).log(`to-${log}`);
  await push(add("t1", "a"), add("t2", "b"));
  const copied = async () => (await target.load(task, "t1")).version + (await target.load(task, "t2")).version;
  await expect.poll(copied).toBe(2);
  expect((await target.load(task, "t1")).state).toMatchObject({ title: "a", column: "copied" });
  const first = target.history(task, "t1")[Symbol.asyncIterator]();
  expect((await first.next()).value).toMatchObject({ actor: "~follower" });
  await first.return?.();
  await operator.subscribers.reset("follower", { from: "beginning", effects: "repeat" });
  await expect
    .poll(async () => (await operator.subscribers.list()).find(({ name }) => name === "follower"))
    .toMatchObject({ behind: 0, waiting: 0 });
  expect(await copied()).toBe(2);
  // The subscribers of the other object handle the new events.
  await expect.poll(() => mails.titles(`to-${log}`)).toEqual(["a", "b"]);
});

test("subscribers: a parked event is listed, retried and skipped by the operator's calls", async () => {
  const { push, titles, operator, runAlarm, log, status } = newWork();
  const { subscribers } = operator;
  mails.broken.add("a").add("x");
  await push(add("t1", "a"), rename("t1", "b"), add("t2", "x"));
  await expect
    .poll(
      async () => {
        await expireRetries(log);
        await subscribers.resume("mailer");
        await runAlarm();
        return (await status())?.parked;
      },
      { timeout: 20_000 },
    )
    .toBe(2);
  const [first, second] = await subscribers.parked("mailer");
  expect([first, second]).toMatchObject([
    { stream: "task/t1", version: 1, attempts: 3, reason: "Error: no mail for a" },
    { stream: "task/t2" },
  ]);
  mails.broken.delete("a");
  expect(await subscribers.retry("mailer", [first?.event ?? ""])).toBe(1);
  await expect.poll(titles).toEqual(["a", "b"]);
  await subscribers.skip("mailer", second?.event ?? "", "no such address");
  expect(await status()).toMatchObject({ parked: 0, waiting: 0, skipped: [{ reason: "no such address" }] });
  await expect(subscribers.skip("mailer", second?.event ?? "", "again")).rejects.toMatchObject({ code: "invalid" });
  await expect(subscribers.pause("nobody")).rejects.toMatchObject({ code: "definition" });
});

test("subscribers: a paused one handles nothing until it is resumed, also after an eviction", async () => {
  const { push, titles, operator, evict, status } = newWork();
  await push(add("t1", "a"));
  await expect.poll(titles).toEqual(["a"]);
  await operator.subscribers.pause("mailer");
  await push(add("t2", "b"));
  await evict().catch(() => {});
  await push(add("t3", "c"));
  await expect.poll(status).toMatchObject({ state: "paused", behind: 2 });
  expect(titles()).toEqual(["a"]);
  await operator.subscribers.resume("mailer");
  await expect.poll(titles).toEqual(["a", "b", "c"]);
});

test("subscribers: cloudflare() refuses a handler that may outlast an alarm, before any request", () => {
  const slow = subscriber("slow", {
    from: [task],
    start: "beginning",
    timeoutMs: 3_600_000,
    on: { TaskAdded: () => {} },
  });
  expect(() => cloudflare({ domain, authorize: bearer({ tokens: { a: "ada" } }), subscribers: [slow] })).toThrow(
    "The timeoutMs of subscriber slow is 3600000, and an object has at most 600000",
  );
});
