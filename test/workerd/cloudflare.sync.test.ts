// The sync server in a Durable Object, in real workerd. Evictions drop the object's memory between requests.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { wireCursor } from "../../src/core/wire/messages.ts";
import { newLog } from "./log-object.ts";
import { archivePieces } from "../../src/sync-server/archive/archive-pieces.ts";
import { cloudflare } from "../../src/sync-server/cloudflare.ts";
import { memory } from "../../src/sync-server/stores/memory.ts";
import { domain, task } from "../support/board-domain.ts";
import { person, testServer } from "../support/sync-requests.ts";
import { app, LogObject, logs, smallWorker, worker } from "./worker.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("logObject: a push is recorded, and another person pulls it", async () => {
  const { person } = newLog();
  const [ada, bob] = [person("ada"), person("bob")];
  const commit = ada.commit(add("t1"));
  const answer = await ada.push([commit]);
  expect(answer.outcomes).toMatchObject([{ id: commit.id, outcome: "recorded", at: answer.cursor }]);
  expect(await bob.pull()).toMatchObject({
    head: 1,
    cursor: answer.cursor,
    records: [{ commit: commit.id, actor: "ada", events: [{ type: "TaskAdded", stream: "task/t1", version: 1 }] }],
  });
});

test("P22 logObject: a push in gzip is recorded, and a bomb is refused", async () => {
  const { log, person } = newLog();
  const ada = person("ada");
  const push = async (text: string) => {
    const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    const headers = {
      authorization: "Bearer token-of-ada",
      "content-type": "application/json",
      "content-encoding": "gzip",
    };
    const body = await new Response(packed).arrayBuffer();
    const url = `https://example.org/sync/logs/${log}/commits`;
    return worker.fetch(new Request(url, { method: "POST", body, headers }), env);
  };
  const commits = [ada.commit(add("t1"))];
  expect((await push(JSON.stringify({ after: null, domain: 1, commits }))).status).toBe(200);
  expect(await ada.pull()).toMatchObject({ head: 1 });
  expect((await push(" ".repeat(64 * 1024 * 1024))).status).toBe(413);
});

test("logObject: a large page leaves in gzip for a reader that accepts it", async () => {
  const { log, person } = newLog();
  const ada = person("ada");
  const title = "Milk ".repeat(39);
  await ada.push(
    Array.from({ length: 200 }, (_, n) => ada.commit(task.command.add(`t${n}`, { title, column: "todo" }))),
  );
  const get = async (encoding: string) => {
    const headers = { authorization: "Bearer token-of-ada", "accept-encoding": encoding };
    const response = await worker.fetch(new Request(`https://example.org/sync/logs/${log}/records`, { headers }), env);
    return [response.headers.get("content-encoding"), await response.text()];
  };
  const [, plain] = await get("identity");
  expect(plain).toContain(title);
  expect(await get("gzip")).toEqual(["gzip", plain]);
});

test("logs: an exported log is imported unchanged into an object after its log was dropped", async () => {
  const one = newLog();
  const ada = one.person("ada");
  await ada.push([1, 2, 3].map((n) => ada.commit(add(`t${n}`))));
  const archive = await (await ada.request("export")).text();
  const other = newLog();
  const moved = archive.replaceAll(`"${one.log}"`, `"${other.log}"`);
  const imported = await logs(env).importLog(other.log, new Blob([moved]).stream());
  const bob = other.person("bob");
  expect(imported).toEqual({
    records: 3,
    events: 3,
    cursor: wireCursor((await bob.pull()).cursor),
    isComplete: true,
  });
  expect(await (await bob.request("export")).text()).toBe(moved);
  expect(await logs(env).importLog(other.log, moved)).toEqual(imported);
  const ended = await other.live("token-of-ada");
  await logs(env).drop(other.log);
  expect(await ended.next("bye")).toMatchObject({ code: "gone" });
  expect((await bob.request("records")).status).toBe(410);
  await expect(logs(env).importLog(other.log, moved)).rejects.toMatchObject({ code: "gone" });
});

test("logs: an object imports an archive in parts, and loses its memory between them", async () => {
  const one = newLog();
  const [store, log] = [memory(), newLog()];
  const source = testServer({ store });
  const bob = person(source, "bob", { log: log.log });
  await bob.push(Array.from({ length: 30 }, (_, n) => bob.commit(add(`t${n}`))));
  const rejected = bob.commit(task.command.rename("none", { title: "x" }));
  const answer = await bob.outcomes(rejected);
  const parts: string[] = [];
  const options = { page: { events: 5, bytes: 10_000 }, hasOutcomes: true, partBytes: 2_000 };
  for await (const { part, text } of archivePieces(store, log.log, options)) parts[part] = (parts[part] ?? "") + text;
  expect(parts.length).toBeGreaterThan(2);
  const results: boolean[] = [];
  for (const part of parts) {
    expect(await log.person("bob").pull()).toMatchObject({ head: 0 });
    results.push((await logs(env).importLog(log.log, part)).isComplete);
    await log.evict();
    expect((await logs(env).importLog(log.log, new Blob([part]).stream())).isComplete).toBe(results.at(-1));
  }
  expect(results).toEqual([...parts.slice(1).map(() => false), true]);
  expect(await log.person("bob").pull()).toMatchObject({ head: 30 });
  expect(await log.person("bob").outcomes(rejected)).toEqual(answer);
  await expect(logs(env).importLog(one.log, parts[0] ?? "")).rejects.toMatchObject({ code: "invalid" });
});

test("P14 logObject: a record reaches two live sockets, each frame at the socket's cursor", async () => {
  const { person, live } = newLog();
  const ada = person("ada");
  const { cursor } = await ada.push([ada.commit(add("t1"))]);
  const sockets = [await live("token-of-ada", cursor), await live("token-of-bob", cursor)];
  const { cursor: next } = await ada.push([ada.commit(add("t2"))], cursor);
  for (const socket of sockets)
    expect(await socket.next("records")).toMatchObject({ after: cursor, cursor: next, records: [{ position: 2 }] });
});

test("logObject: a push after an eviction reaches the sleeping sockets without a gap", async () => {
  const { person, live, evict } = newLog();
  const ada = person("ada");
  let { cursor } = await ada.push([ada.commit(add("t0"))]);
  const sockets = [await live("token-of-ada", cursor), await live("token-of-bob", cursor)];
  for (let n = 1; n <= 3; n++) {
    await evict();
    const after = cursor;
    ({ cursor } = await ada.push([ada.commit(add(`t${n}`))], after));
    for (const socket of sockets)
      expect(await socket.next("records")).toMatchObject({ after, cursor, records: [{ position: n + 1 }] });
  }
  for (const socket of sockets) expect(socket.frames).toHaveLength(3);
});

test("P4 logObject: a push sent again after an eviction gets the same outcomes, adds nothing", async () => {
  const { person, evict } = newLog();
  const ada = person("ada");
  const [good, bad] = [ada.commit(add("t1")), ada.commit(task.command.rename("nothing", { title: "Bread" }))];
  const first = await ada.push([good, bad]);
  await evict();
  const again = await ada.push([good, bad]);
  expect(again.outcomes).toEqual(first.outcomes);
  expect(again.outcomes).toMatchObject([{ outcome: "recorded" }, { outcome: "rejected", code: "no-such-task" }]);
  expect(await ada.pull()).toMatchObject({ head: 1 });
});

test("P6 logObject: a foreign cursor is diverged by push, pull and socket, also when evicted", async () => {
  const { person, live, evict } = newLog();
  const ada = person("ada");
  const { cursor } = await ada.push([ada.commit(add("t1"))]);
  const other = { position: 1, mark: "0000000000000000" };
  const body = { after: "1-0000000000000000", domain: 1, commits: [ada.commit(add("t2"))] };
  for (let round = 0; round < 2; round++) {
    expect((await ada.request("commits", body)).status).toBe(409);
    expect((await ada.request(`records?after=${body.after}`)).status).toBe(409);
    expect(await (await live("token-of-ada", other)).next("bye")).toMatchObject({ code: "diverged" });
    await evict();
  }
  expect(await ada.pull()).toMatchObject({ head: 1, cursor });
});

test("P21 logObject: a ticket opens one socket, also if the object was evicted meanwhile", async () => {
  const { ticket, upgrade, evict } = newLog();
  const spent = await ticket("token-of-ada");
  const { status, webSocket } = await upgrade({ ticket: spent });
  expect(status).toBe(101);
  webSocket?.accept();
  expect((await upgrade({ ticket: spent })).status).toBe(401);
  const kept = await ticket("token-of-ada");
  await evict();
  expect((await upgrade({ ticket: spent })).status).toBe(401);
  expect((await upgrade({ ticket: kept })).status).toBe(101);
  expect((await upgrade({ ticket: kept })).status).toBe(401);
});

test("logObject: presence survives an eviction and ends with its socket", async () => {
  const { live, evict } = newLog();
  const [ada, bob] = [await live("token-of-ada"), await live("token-of-bob")];
  const hers = crypto.randomUUID();
  ada.send({ type: "presence", client: hers, data: { card: "t1" } });
  expect(await bob.next("presence")).toMatchObject({
    set: [{ client: hers, actor: "ada", data: { card: "t1" } }],
    gone: [],
  });
  await evict();
  const late = await live("token-of-bob");
  expect(await late.next("presence")).toMatchObject({ set: [{ client: hers, actor: "ada", data: { card: "t1" } }] });
  await evict();
  ada.close();
  for (const socket of [bob, late]) expect(await socket.next("presence")).toMatchObject({ set: [], gone: [hers] });
});

test("logObject: a ping does not wake the object, another frame wakes it into the same room", async () => {
  const { live, evict } = newLog();
  const [ada, bob] = [await live("token-of-ada"), await live("token-of-bob")];
  await evict();
  const { made } = LogObject;
  ada.send({ type: "ping" });
  await ada.next("pong");
  expect(LogObject.made).toBe(made);
  const client = crypto.randomUUID();
  bob.send({ type: "presence", client, data: "here" });
  for (const socket of [ada, bob])
    expect(await socket.next("presence")).toMatchObject({ set: [{ client, actor: "bob" }] });
  expect(LogObject.made).toBe(made + 1);
  bob.send(`{ "type": "ping" }`);
  await bob.next("pong");
});

test("alarm: a socket with an expired token is closed after a sleep, a valid one stays open", async () => {
  const { live, evict, runAlarm } = newLog();
  const end = Date.now() + 5_000;
  const [guest, ada] = [await live(`guest-until-${end}`), await live("token-of-ada")];
  await wait(end - Date.now() + 1);
  // An object cannot be evicted while its own alarm rings.
  await evict().catch(() => {});
  await runAlarm();
  expect(await guest.next("bye")).toMatchObject({ code: "unauthorized" });
  ada.send(`{ "type": "ping" }`);
  await ada.next("pong");
  // An open socket sets the next alarm, because its rights are due again.
  expect(await runAlarm()).toBe(true);
});

test("alarm: a socket whose holder lost the right to read is closed, also after a sleep", async () => {
  const { live, evict, runAlarm } = newLog();
  const [ada, bob] = [await live("token-of-ada"), await live("token-of-bob")];
  app.refused.add("bob");
  await wait(60);
  await evict().catch(() => {});
  await runAlarm();
  app.refused.delete("bob");
  expect(await bob.next("bye")).toMatchObject({ code: "forbidden" });
  ada.send(`{ "type": "ping" }`);
  await ada.next("pong");
  expect(ada.frames).toHaveLength(1);
});

test("alarm: without `permit`, an idle log with a socket wakes after ten minutes, not after 40 s", async () => {
  const { live, stub } = newLog(smallWorker, env.SMALL_LOGS);
  const before = Date.now();
  await live("token-of-ada");
  const at = await runInDurableObject(stub, (_, ctx) => ctx.storage.getAlarm());
  expect((at ?? 0) - before).toBeGreaterThan(590_000);
  expect((at ?? 0) - before).toBeLessThan(610_000);
});

test("logObject: the attachment of a socket stays below 2 KB", async () => {
  const { stub, live } = newLog();
  const ada = await live("token-of-ada");
  ada.send({ type: "presence", client: crypto.randomUUID(), data: "x".repeat(630) });
  await ada.next("presence");
  const sizes = await runInDurableObject(stub, (_, ctx) =>
    ctx.getWebSockets().map((socket) => (socket.deserializeAttachment() as Uint8Array).byteLength),
  );
  // The largest attachment has a principal of 1 KiB and a log name that is 123 bytes longer.
  expect(sizes[0]).toBeGreaterThan(640);
  expect((sizes[0] ?? 0) + 1_024 + 123).toBeLessThan(2_048);
});

test("logObject: a binary or too long frame closes its own socket only", async () => {
  const { live, upgrade, ticket } = newLog();
  const bob = await live("token-of-bob");
  const closed = async (data: string | ArrayBuffer): Promise<number> => {
    const { webSocket } = await upgrade({ ticket: await ticket("token-of-ada") });
    const code = new Promise<number>((resolve) => webSocket?.addEventListener("close", (event) => resolve(event.code)));
    webSocket?.accept();
    webSocket?.send(data);
    return code;
  };
  expect(await closed(new ArrayBuffer(4))).toBe(1003);
  expect(await closed("x".repeat(20_000))).toBe(1009);
  bob.send(`{ "type": "ping" }`);
  await bob.next("pong");
});

test("cloudflare: refuses a path that sockets cannot have", () => {
  const make = () => cloudflare({ domain, authorize: () => null, path: "/:tenant" });
  expect(make).toThrow(expect.objectContaining({ code: "definition", details: { option: "path" } }) as Error);
});
