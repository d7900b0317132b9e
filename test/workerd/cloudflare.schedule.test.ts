// The alarm of an object: the rights of sleeping sockets, and outcomes that nobody pushes away any more.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { task } from "../support/board-domain.ts";
import { newLog } from "./log-object.ts";
import { app, idleLogs, idleWorker, LogObject } from "./worker.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const newIdleLog = () => newLog(idleWorker, env.IDLE_LOGS);
type Stub = ReturnType<typeof newLog>["stub"];

const alarmOf = (stub: Stub) => runInDurableObject(stub, (_, ctx) => ctx.storage.getAlarm());

/** Makes the last check of each socket older, as if the object had slept since. */
const sleepFor = (ms: number, { stub, evict }: ReturnType<typeof newLog>) =>
  runInDurableObject(stub, (_, ctx) => {
    for (const socket of ctx.getWebSockets()) {
      const saved = JSON.parse(new TextDecoder().decode(socket.deserializeAttachment() as Uint8Array)) as {
        readonly checkedAt: number;
      };
      const aged = { ...saved, checkedAt: saved.checkedAt - ms };
      socket.serializeAttachment(new TextEncoder().encode(JSON.stringify(aged)));
    }
  }).then(evict);

test("permitEveryMs: by default an idle log with a socket wakes after ten minutes", async () => {
  const { live, stub } = newIdleLog();
  const before = Date.now();
  await live("token-of-ada");
  const inMs = ((await alarmOf(stub)) ?? 0) - before;
  expect(inMs).toBeGreaterThan(590_000);
  expect(inMs).toBeLessThan(610_000);
});

test("permit: a person who lost the right gets no record of a push that wakes the object", async () => {
  const log = newIdleLog();
  const [ada, bob] = [await log.live("token-of-ada"), await log.live("token-of-bob")];
  app.refused.add("bob");
  await sleepFor(60_000, log);
  const author = log.person("ada");
  await author.push([author.commit(add("t1"))]);
  app.refused.delete("bob");
  expect(await bob.next("bye")).toMatchObject({ code: "forbidden" });
  expect(await ada.next("records")).toMatchObject({ records: [{ position: 1 }] });
  expect(bob.frames.map(({ type }) => type)).toEqual(["bye"]);
});

test("permit: a person who lost the right gets no presence, and no imported record", async () => {
  const [log, source] = [newIdleLog(), newIdleLog()];
  const author = source.person("ada");
  await author.push([author.commit(add("t1"))]);
  const archive = (await (await author.request("export")).text()).replaceAll(`"${source.log}"`, `"${log.log}"`);
  const [ada, bob, eve] = [
    await log.live("token-of-ada"),
    await log.live("token-of-bob"),
    await log.live("token-of-bob"),
  ];
  app.refused.add("bob");
  await sleepFor(60_000, log);
  ada.send({ type: "presence", client: crypto.randomUUID(), data: "here" });
  await ada.next("presence");
  app.refused.delete("bob");
  for (const socket of [bob, eve]) expect(socket.frames.map(({ type }) => type)).toEqual(["bye"]);

  const late = await log.live("token-of-bob");
  await late.next("presence");
  app.refused.add("bob");
  await sleepFor(60_000, log);
  await idleLogs(env).importLog(log.log, archive);
  expect(await ada.next("records")).toMatchObject({ records: [{ position: 1 }] });
  app.refused.delete("bob");
  expect(late.frames.map(({ type }) => type)).toEqual(["presence", "bye"]);
});

test("permit: is not called for sockets whose right is younger than 40 seconds", async () => {
  const log = newIdleLog();
  await log.live("token-of-bob");
  await sleepFor(20_000, log);
  app.permitted.length = 0;
  const author = log.person("ada");
  await author.push([author.commit(add("t1"))]);
  expect(app.permitted).toEqual(["read", "write", "record"]);
});

test("alarm: two sockets share each alarm of the runtime", async () => {
  const { live } = newLog();
  await live("token-of-ada");
  await live("token-of-bob");
  app.permitted.length = 0;
  const rung = LogObject.rung;
  await expect.poll(() => LogObject.rung - rung).toBeGreaterThanOrEqual(3);
  await expect.poll(() => app.permitted.length).toBe(2 * (LogObject.rung - rung));
});

test("outcomes: an object wakes a month after a rejection, and forgets it then", async () => {
  const { person, stub, evict, runAlarm } = newIdleLog();
  const ada = person("ada");
  const rename = (id: string) => ada.commit(task.command.rename(id, { title: "Bread" }));
  await ada.push([ada.commit(add("t1"))]);
  expect(await alarmOf(stub)).toBeNull();
  const before = Date.now();
  await ada.push([rename("none"), rename("nothing")]);
  await expect.poll(() => alarmOf(stub)).toBeGreaterThanOrEqual(before + 31 * DAY_MS);
  const received = () =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.sql
        .exec<{ received: number }>("select received from dacapo_outcomes order by id")
        .toArray()
        .map((row) => row.received),
    );
  const age = (days: number) =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec(
        "update dacapo_outcomes set received = received - ? where id = (select min(id) from dacapo_outcomes)",
        days * DAY_MS,
      ),
    );

  await age(32);
  await evict();
  await runAlarm();
  const [left, ...others] = await received();
  expect(left).toBeGreaterThanOrEqual(before);
  expect(others).toEqual([]);
  expect(await alarmOf(stub)).toBe((left ?? 0) + 31 * DAY_MS);

  await age(32);
  await evict();
  await runAlarm();
  expect(await received()).toEqual([]);
  expect(await alarmOf(stub)).toBeNull();
  expect(await ada.pull()).toMatchObject({ head: 1 });
  expect(app.errors).toEqual([]);
});
