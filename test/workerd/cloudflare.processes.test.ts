// Process managers in Durable Objects, in real workerd: commands once, and timers that fire after an eviction.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import { task } from "../support/board-domain.ts";
import { closer } from "./subscribers.ts";
import { app, workLogs, WorkLogObject } from "./worker.ts";

afterEach(() => void (app.errors.length = 0));

let made = 0;
const newProcess = () => {
  const name = `processed-${++made}`;
  const stub = () => env.WORK_LOGS.getByName(name);
  const log = workLogs(env).log(name);
  return {
    ...log,
    add: (id: string, column: string) => log.execute(task.command.add(id, { title: id, column })),
    events: async (id: string) => {
      const found: string[] = [];
      for await (const { type, actor } of log.history(task, id)) found.push(`${type} by ${actor}`);
      return found;
    },
    evict: () =>
      evictDurableObject(stub()).then(
        () => true,
        () => false,
      ),
    abort: () => runInDurableObject(stub(), (_, ctx) => ctx.abort("a crash")).catch(() => {}),
    alarm: () => runInDurableObject(stub(), (_, { storage }) => storage.getAlarm()),
    runAlarm: () => runDurableObjectAlarm(stub()),
    rung: () => WorkLogObject.rung.get(name) ?? 0,
  };
};

const seen = ["TaskAdded by server", "TaskNoted by ~closer"];
const closed = [...seen, "TaskCompleted by ~closer"];

test("processes: a timer of an object fires after an eviction, without a visitor, and once", async () => {
  const log = newProcess();
  await log.add("t1", "timed");
  await expect.poll(() => log.events("t1")).toEqual(seen);
  expect((await log.rows(closer)).rows).toEqual([{ key: "t1", row: { title: "t1" } }]);
  await expect.poll(log.evict).toBe(true);
  const before = log.rung();
  // Nobody calls the object from here on.
  await expect.poll(log.rung).toBeGreaterThan(before);
  await expect.poll(() => log.events("t1")).toEqual(closed);
  await log.abort();
  await log.runAlarm();
  expect(await log.events("t1")).toEqual(closed);
});

test("processes: an object keeps its alarm at the next timer, and has no other one", async () => {
  const log = newProcess();
  const before = Date.now();
  await log.add("t1", "slow");
  await expect.poll(() => log.events("t1")).toEqual(seen);
  // The alarm for a loss of memory rings first, and then the timer is the next work.
  await expect
    .poll(
      async () => {
        await log.runAlarm();
        return log.alarm();
      },
      { timeout: 10_000 },
    )
    .toBeGreaterThan(before + 3_500_000);
  const [waiting] = await log.processes.commands(closer);
  expect(waiting).toMatchObject({ process: "t1", timer: "close" });
  expect(await log.processes.list()).toMatchObject([{ name: "closer", state: "running" }]);
});

test.each([1, 2])("processes: killed at any step, each event has one reaction (seed %i)", async (seed) => {
  let state = seed * 7_919;
  const pick = (below: number) => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) % below;
  const log = newProcess();
  for (let n = 0; n < 12; n++) {
    await log.add(`t${n}`, "slow");
    if (pick(2) === 0) await new Promise((resolve) => setTimeout(resolve, pick(8)));
    if (pick(2) === 0) continue;
    await log.abort();
  }
  await log.abort();
  expect(await log.alarm()).not.toBeNull();
  await log.runAlarm();
  for (let n = 0; n < 12; n++) expect(await log.events(`t${n}`)).toEqual(seen);
});

test("processes: a paused process manager does nothing until an operator resumes it", async () => {
  const log = newProcess();
  await log.add("t1", "slow");
  await expect.poll(() => log.events("t1")).toEqual(seen);
  await log.processes.pause(closer);
  await log.add("t2", "slow");
  await log.abort();
  await log.runAlarm();
  expect(await log.events("t2")).toEqual(["TaskAdded by server"]);
  await log.processes.resume("closer");
  await expect.poll(() => log.events("t2")).toEqual(seen);
});
