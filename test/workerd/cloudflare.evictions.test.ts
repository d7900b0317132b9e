// A log whose object loses its memory at any step: also while pushes are under way.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { type Cursor, sameCursor } from "../../src/core/history/record.ts";
import { wireCursor } from "../../src/core/wire/messages.ts";
import { task } from "../support/board-domain.ts";
import { parseOwnJson } from "../support/own-json.ts";
import { newLog, type ObjectSocket } from "./log-object.ts";
import { app, LogObject, logs } from "./worker.ts";

const ROUNDS = 40;
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

/** Numbers that look random and are the same in each run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Frame = { readonly type: string; readonly after: Cursor | null; readonly cursor: Cursor | null };

/** The cursor of a socket after its frames, each of which must follow the one before. */
function cursorOf(socket: ObjectSocket, start: Cursor | null): Cursor | null {
  return (socket.frames as unknown as readonly Frame[])
    .filter(({ type }) => type === "records")
    .reduce((at, { after, cursor }) => {
      expect(after).toEqual(at);
      return cursor;
    }, start);
}

test.each([1, 2, 3])("evictions: at any step nothing is lost or doubled (seed %i)", async (seed) => {
  const pick = numbersFrom(seed);
  const { person, live, evict, runAlarm } = newLog();
  // An object that sleeps already cannot be evicted.
  const sleep = () => evict().catch(() => {});
  const people = [person("ada"), person("bob")] as const;
  const sockets: { readonly socket: ObjectSocket; readonly start: Cursor | null }[] = [];
  const acknowledged: string[] = [];
  let head: Cursor | null = null;

  for (let round = 0; round < ROUNDS; round++) {
    const author = people[pick(2) === 0 ? 0 : 1];
    const commits = Array.from({ length: 1 + pick(3) }, (_, n) => author.commit(add(`t${round}-${n}`)));
    const body = { after: wireCursor(head), domain: 1, commits };
    const running = author.request("commits", body);
    if (pick(2) === 0) await sleep();
    const first = await running;
    await first.text();
    expect([200, 503]).toContain(first.status);
    if (pick(3) === 0) await sleep();
    // A device that lost the answer sends the push again.
    const answer = await author.push(commits, head);
    expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual(commits.map(() => "recorded"));
    acknowledged.push(...commits.map(({ id }) => id));
    head = answer.cursor;
    if (pick(4) === 0) sockets.push({ socket: await live("token-of-ada", head), start: head });
    if (pick(4) === 0) await runAlarm();
    if (sockets.length > 2 && pick(2) === 0) sockets.shift()?.socket.close();
  }

  const { records } = await people[0].pull();
  expect(records.map(({ commit }) => commit)).toEqual(acknowledged);
  expect(records.map(({ position }) => position)).toEqual(acknowledged.map((_, n) => n + 1));
  expect(sockets.length).toBeGreaterThan(0);
  for (const { socket, start } of sockets)
    await expect.poll(() => sameCursor(cursorOf(socket, start), head)).toBe(true);
  expect(parseOwnJson<object>(await (await people[0].request("")).text())).toMatchObject({ cursor: wireCursor(head) });
});

test("evictions: an object that is aborted during a push answers 503, and the push is sent again", async () => {
  const { person, stub } = newLog();
  const ada = person("ada");
  let head: Cursor | null = null;
  const statuses = new Set<number>();
  for (let round = 0; round < 20; round++) {
    const commit = ada.commit(add(`t${round}`));
    const running = ada.request("commits", { after: wireCursor(head), domain: 1, commits: [commit] });
    // The runtime does the same when it deploys a release, or when the machine of an object fails.
    const aborted = runInDurableObject(stub, (_, ctx) => ctx.abort("a deploy")).catch(() => {});
    const { status } = await running;
    await aborted;
    statuses.add(status);
    const answer = await ada.push([commit], head);
    expect(answer.outcomes).toMatchObject([{ id: commit.id, outcome: "recorded", at: answer.cursor }]);
    head = answer.cursor;
  }
  expect([...statuses].filter((status) => status !== 200)).toEqual([503]);
  expect((await ada.pull()).records.map(({ position }) => position)).toEqual(
    Array.from({ length: 20 }, (_, n) => n + 1),
  );
});

test("evictions: a push whose answer was lost is stored once, and each socket gets it or closes", async () => {
  const { person, live } = newLog();
  const ada = person("ada");
  const { cursor: start } = await ada.push([ada.commit(add("t0"))]);
  const sockets = [await live("token-of-ada", start), await live("token-of-bob", start)];
  const [commit, lost] = [ada.commit(add("t1")), ada.commit(task.command.rename("none", { title: "Bread" }))];
  app.crashes = 1;
  const body = { after: wireCursor(start), domain: 1, commits: [commit, lost] };
  const { status, headers } = await ada.request("commits", body);
  expect({ status, retryAfter: headers.get("retry-after") }).toEqual({ status: 503, retryAfter: "1" });
  const again = await ada.push([commit, lost], start);
  expect(again.outcomes).toMatchObject([
    { id: commit.id, outcome: "recorded", at: again.cursor },
    { id: lost.id, outcome: "rejected", code: "no-such-task" },
  ]);
  expect((await ada.pull()).records.map((record) => record.position)).toEqual([1, 2]);
  for (const socket of sockets)
    await expect.poll(() => socket.isClosed() || sameCursor(cursorOf(socket, start), again.cursor)).toBe(true);
  // A device whose socket closed reconnects at its cursor.
  expect(await (await live("token-of-bob", start)).next("records")).toMatchObject({
    after: start,
    cursor: again.cursor,
  });
});

test("evictions: a ticket opens one socket, also if the object failed before or while it opened", async () => {
  const { ticket, upgrade, person, stub } = newLog();
  const ada = person("ada");
  await ada.push([ada.commit(add("t0"))]);
  const [before, during] = [await ticket("token-of-ada"), await ticket("token-of-ada")];
  await runInDurableObject(stub, (_, ctx) => ctx.abort("a crash")).catch(() => {});
  const opened = await upgrade({ ticket: before });
  opened.webSocket?.accept();
  expect(opened.status).toBe(101);
  expect((await upgrade({ ticket: before })).status).toBe(401);
  app.crashes = 1;
  expect((await upgrade({ ticket: during })).status).toBe(503);
  // The object stored that the ticket is spent. The device fetches another one.
  expect((await upgrade({ ticket: during })).status).toBe(401);
  expect((await upgrade({ ticket: await ticket("token-of-ada") })).status).toBe(101);
});

test("evictions: a due alarm rings by itself after an eviction, and closes the right socket", async () => {
  const { live, evict } = newLog();
  const [ada, bob] = [await live("token-of-ada"), await live("token-of-bob")];
  app.refused.add("bob");
  const { rung } = LogObject;
  // An object that sleeps already, or rings, cannot be evicted.
  await evict().catch(() => {});
  expect(await bob.next("bye")).toMatchObject({ code: "forbidden" });
  app.refused.delete("bob");
  expect(LogObject.rung).toBeGreaterThan(rung);
  ada.send(`{ "type": "ping" }`);
  await ada.next("pong");
});

test("evictions: a renewed token keeps its socket open, and closes it at its own end", async () => {
  const { live, evict, runAlarm } = newLog();
  const token = (until: number) => `guest-until-${until}`;
  const firstEnd = Date.now() + 8_000;
  const guest = await live(token(firstEnd));
  await evict();
  guest.send({ type: "token", token: token(Date.now() + 3_600_000) });
  expect((await guest.next("renewed")).expiresInMs).toBeGreaterThan(3_000_000);
  await evict();
  await expect.poll(() => Date.now()).toBeGreaterThan(firstEnd);
  await runAlarm();
  guest.send(`{ "type": "ping" }`);
  await guest.next("pong");
  await evict().catch(() => {});
  guest.send({ type: "token", token: token(Date.now() + 6_000) });
  await guest.next("renewed");
  await evict().catch(() => {});
  // The alarm is set for the earlier end, and rings by itself.
  expect(await guest.next("bye")).toMatchObject({ code: "unauthorized" });
});

test("evictions: an import that is cut off stores nothing, and the same import succeeds later", async () => {
  const [source, target] = [newLog(), newLog()];
  const ada = source.person("ada");
  await ada.push(Array.from({ length: 50 }, (_, n) => ada.commit(add(`t${n}`))));
  const archive = (await (await ada.request("export")).text()).replaceAll(`"${source.log}"`, `"${target.log}"`);
  const middle = archive.indexOf("\n", archive.length / 2) + 1;
  const pipe = new TransformStream<Uint8Array, Uint8Array>();
  const writer = pipe.writable.getWriter();
  const importing = logs(env)
    .importLog(target.log, pipe.readable)
    .catch((error: unknown) => error);
  await writer.write(new TextEncoder().encode(archive.slice(0, middle)));
  await runInDurableObject(target.stub, (_, ctx) => ctx.abort("a crash")).catch(() => {});
  await writer.abort("the upload ends").catch(() => {});
  expect(await importing).toMatchObject({ code: "unreachable", retry: "later" });
  const bob = target.person("bob");
  expect(await bob.pull()).toMatchObject({ head: 0, records: [] });
  expect(await logs(env).importLog(target.log, archive)).toMatchObject({ records: 50 });
  expect(await (await bob.request("export")).text()).toBe(archive);
});

test("restore: older rows under live clients are `diverged` for pushes, pulls and sockets", async () => {
  const { person, stub, live, evict } = newLog();
  const ada = person("ada");
  const { cursor: kept } = await ada.push([ada.commit(add("t1"))]);
  const lost = ada.commit(add("t2"));
  const { cursor: head } = await ada.push([lost], kept);
  const socket = await live("token-of-ada", head);
  // Cloudflare's point-in-time recovery puts the older rows back and restarts the object.
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec("delete from dacapo_records where last > 1");
    storage.sql.exec("delete from dacapo_stream_records where record > 1");
  });
  await evict();
  const body = { after: wireCursor(head), domain: 1, commits: [lost] };
  expect((await ada.request("commits", body)).status).toBe(409);
  expect((await ada.request(`records?after=${wireCursor(head)}`)).status).toBe(409);
  expect(await socket.next("bye")).toMatchObject({ code: "diverged" });
  // The device cuts its log back, and pushes its lost commit again.
  expect((await ada.push([lost], kept)).outcomes).toMatchObject([{ id: lost.id, outcome: "recorded" }]);
  expect(await ada.pull()).toMatchObject({ head: 2 });
});
