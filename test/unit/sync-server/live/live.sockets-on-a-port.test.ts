// Live sockets over a real port and a real SQLite file. Rules P14 and P17 to P23 of docs/protocol.md.
import { createServer } from "node:http";
import { connect } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { afterEach, expect, test } from "vitest";
import { WebSocket as RawSocket, WebSocketServer } from "ws";
import { attachLive } from "../../../../src/sync-server/node.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { liveClient, ticketOf } from "../../../support/live-client.ts";
import { runningServer } from "../../../support/running-server.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import { containing } from "../../../support/matchers.ts";
import { until } from "../../../support/device.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const { start, stopAll } = runningServer();
afterEach(stopAll);

/** Returns the HTTP status of an upgrade request: 101 if the server opens the socket. */
function upgradeStatus(url: string, query: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const socket = new RawSocket(`${url.replace(/^http/, "ws")}/logs/board/live?${query}`, { headers });
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.on("open", () => {
      socket.close();
      resolve(101);
    });
    socket.on("error", () => {});
  });
}

test("P14 live: records arrive once and in order, and each frame follows the one before", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  const first = await ada.push([ada.commit(add("t0"))]);
  const live = await liveClient(url, "bob");
  expect(await live.next("records")).toMatchObject({ after: null, cursor: first.cursor, more: false });
  await Promise.all(Array.from({ length: 30 }, (_, n) => ada.push([ada.commit(add(`t${n + 1}`))])));
  let position = 1;
  let { cursor } = first;
  while (position < 31) {
    const frame = await live.next("records");
    expect(frame.after).toEqual(cursor);
    for (const record of frame.records) expect(record.position).toBe(++position);
    cursor = frame.cursor;
  }
});

test("live: a socket that opens at a cursor gets the records after it", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  const { cursor } = await ada.push([ada.commit(add("t1"))]);
  const { records } = await ada.push([ada.commit(add("t2"))], cursor);
  const behind = await liveClient(url, "ada", { after: cursor });
  expect((await behind.next("records")).records).toEqual(records);
  const upToDate = await liveClient(url, "ada", { after: (await ada.pull()).cursor });
  upToDate.send({ type: "ping" });
  await upToDate.next("pong");
  expect(upToDate.frames).toHaveLength(1);
});

test("live: a socket on an absent log gets the log's first record", async () => {
  const { url, person } = await start();
  const live = await liveClient(url, "bob");
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"))]);
  expect(await live.next("records")).toMatchObject({ after: null, records: [{ position: 1 }] });
});

test("live: a push to one log sends nothing to sockets of another log", async () => {
  const { url, person } = await start();
  const other = await liveClient(url, "bob", { log: "other" });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"))]);
  other.send({ type: "ping" });
  await other.next("pong");
  expect(other.frames).toHaveLength(1);
});

test("P17 live: a socket with a foreign cursor is closed as diverged and gets no record", async () => {
  const { url, person } = await start();
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"))]);
  const live = await liveClient(url, "ada", { after: { position: 1, mark: "0000000000000000" } });
  expect(await live.next("bye")).toMatchObject({ code: "diverged" });
  await live.closed;
  expect(live.frames).toHaveLength(1);
});

test("live: appends of another server arrive at once after a poke, otherwise within seconds", async () => {
  const one = await start({ limits: { lookMs: 500 } });
  const other = await start({ file: one.file });
  const ada = other.person("ada");
  const live = await liveClient(one.url, "bob");
  const first = await ada.push([ada.commit(add("t1"))]);
  one.server.poke("board");
  expect(await live.next("records")).toMatchObject({ cursor: first.cursor });
  const second = await ada.push([ada.commit(add("t2"))]);
  // This server appends after a record that it has not read yet, so it reads both from the store in order.
  const bob = one.person("bob");
  const third = await bob.push([bob.commit(add("t3"))], first.cursor);
  const frames = [await live.next("records")];
  while (frames.at(-1)?.cursor?.position !== 3) frames.push(await live.next("records"));
  expect(frames[0]?.after).toEqual(first.cursor);
  expect(frames.flatMap(({ records }) => records.map(({ position }) => position))).toEqual([2, 3]);
  expect([second.head, third.head]).toEqual([2, 3]);
  const fourth = await ada.push([ada.commit(add("t4"))], third.cursor);
  expect(await live.next("records")).toMatchObject({ cursor: fourth.cursor });
});

test("P18 live: a socket that does not read gets a hint, a quick socket gets all records", async () => {
  const { url, person } = await start({ store: memory(), limits: { socketBufferBytesMax: 512 * 1024 } });
  const ada = person("ada");
  const quick = await liveClient(url, "bob");
  const slow = new RawSocket(
    `${url.replace(/^http/, "ws")}/logs/board/live?ticket=${await ticketOf(url, "board", "bob")}`,
  );
  const frames: { type: string; head?: number; records?: { position: number }[] }[] = [];
  slow.on("message", (data: Buffer) => frames.push(parseOwnJson(data.toString())));
  await new Promise((resolve) => slow.on("open", resolve));
  // The client reads nothing from here on. The server buffers the bytes that the kernel cannot hold.
  slow.pause();
  const text = "x".repeat(200_000);
  let { cursor: at } = await ada.push([ada.commit(add("t0"))]);
  for (let n = 0; n < 75; n++) at = (await ada.push([ada.commit(task.command.note("t0", { text }))], at)).cursor;
  slow.resume();
  const head = 76;
  await until(() => frames.at(-1)?.head === head, "the last frame");
  expect(frames.some(({ type }) => type === "head")).toBe(true);
  expect(frames.at(-1)).toMatchObject({ type: "head", head });
  let sent = 0;
  for (const { records = [] } of frames) for (const { position } of records) expect(position).toBe(++sent);
  expect(sent).toBeLessThan(head);
  let cursor = 0;
  while (cursor < head) cursor = (await quick.next("records")).cursor?.position ?? 0;
  slow.close();
});

test("P21 live: a ticket opens one socket on one log, and nothing else opens a socket", async () => {
  const { url } = await start();
  const ticket = await ticketOf(url, "board", "ada");
  const forOther = await ticketOf(url, "other", "ada");
  expect(await upgradeStatus(url, `ticket=${forOther}`)).toBe(401);
  expect(await upgradeStatus(url, `ticket=${ticket}`)).toBe(101);
  expect(await upgradeStatus(url, `ticket=${ticket}`)).toBe(401);
  for (const query of ["", "ticket=", "ticket=AAAA", `ticket=${ticket.slice(0, -2)}AA`, "ticket=token-of-ada"])
    expect(await upgradeStatus(url, query), query).toBe(401);
  expect(await upgradeStatus(url, "", { authorization: "Bearer token-of-ada" })).toBe(401);
  expect(await upgradeStatus(url, `ticket=${await ticketOf(url, "board", "ada")}&after=nonsense`)).toBe(400);
});

test("P21 live: a ticket expires, and servers that share a secret accept each other's tickets", async () => {
  let now = Date.now();
  const env = { ...runtimeEnv, now: () => now };
  const ticketSecret = "a secret that both nodes share";
  const one = await start({ env, ticketSecret });
  const other = await start({ env, ticketSecret });
  const stranger = await start({ env });
  const ticket = await ticketOf(one.url, "board", "ada");
  expect(await upgradeStatus(stranger.url, `ticket=${ticket}`)).toBe(401);
  expect(await upgradeStatus(other.url, `ticket=${ticket}`)).toBe(101);
  const late = await ticketOf(one.url, "board", "ada");
  now += 60_000;
  expect(await upgradeStatus(one.url, `ticket=${late}`)).toBe(401);
});

test("P23 live: a socket from a foreign page is refused, with any host and target", async () => {
  const { url, port } = await start({ origins: ["https://app.example"] });
  const ticket = () => ticketOf(url, "board", "ada");
  expect(await upgradeStatus(url, `ticket=${await ticket()}`, { origin: "https://evil.example" })).toBe(403);
  expect(await upgradeStatus(url, `ticket=${await ticket()}`, { origin: "null" })).toBe(403);
  expect(await upgradeStatus(url, `ticket=${await ticket()}`, { origin: "https://app.example" })).toBe(101);
  for (const target of [
    "//app.example/sync/logs/board/live",
    "http://app.example/sync/logs/board/live",
    "/sync//logs/board/live",
    "/sync/logs/%E0%A4%A/live",
    "/sync/logs/../logs/board/live",
    "/other",
    "*",
  ]) {
    const answer = await rawRequest(
      port,
      `GET ${target}?ticket=${await ticket()} HTTP/1.1\r\nHost: app.example\r\nOrigin: https://app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    expect(answer, target).toMatch(/^HTTP\/1\.1 4/);
  }
});

test("live: invalid bytes and broken connections do not stop the server", async () => {
  const { url, port, person } = await start();
  const ticket = await ticketOf(url, "board", "ada");
  const upgrade = `GET /sync/logs/board/live?ticket=${ticket} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`;
  await rawRequest(port, `${upgrade}\r\n`);
  await rawRequest(port, "\0\0\0\0\r\n\r\n");
  await rawRequest(port, "GET / HTTP/1.1\r\n", 50);
  for (let n = 0; n < 20; n++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`${upgrade}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`);
    await wait(n % 4);
    socket.resetAndDestroy();
  }
  const live = await liveClient(url, "ada");
  for (const frame of [
    "",
    "{",
    "null",
    '{"type":"records"}',
    `${"[".repeat(5_000)}`,
    '{"type":"presence","client":"x","data":{"__proto__":1}}',
  ])
    live.send(frame);
  live.send({ type: "ping" });
  await live.next("pong");
  live.send("x".repeat(20_000));
  expect((await live.closed).code).toBe(1009);
  const ada = person("ada");
  expect(await ada.outcomes(ada.commit(add("t1")))).toMatchObject([{ outcome: "recorded" }]);
});

/** Sends bytes, and returns the response until the server ends the connection or `ms` have passed. */
function rawRequest(port: number, bytes: string, ms = 20_000): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const end = () => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("data", (data) => (answer += data.toString()));
    socket.on("error", end);
    socket.on("close", end);
    setTimeout(end, ms);
  });
}

test("presence: people see each other arrive, change and leave, a newcomer sees everyone", async () => {
  const { url } = await start();
  const [ada, bob] = [await liveClient(url, "ada"), await liveClient(url, "bob")];
  const [hers, his] = [crypto.randomUUID(), crypto.randomUUID()];
  ada.send({ type: "presence", client: hers, data: { cursor: [1, 2] } });
  expect(await bob.next("presence")).toEqual({
    type: "presence",
    set: [{ client: hers, actor: "ada", data: { cursor: [1, 2] } }],
    gone: [],
  });
  bob.send({ type: "presence", client: his, data: "here" });
  const late = await liveClient(url, "ada");
  const seen = new Map<string, unknown>();
  while (seen.size < 2) for (const { client, data } of (await late.next("presence")).set) seen.set(client, data);
  expect(seen).toEqual(
    new Map<string, unknown>([
      [hers, { cursor: [1, 2] }],
      [his, "here"],
    ]),
  );
  ada.close();
  let frame = await bob.next("presence");
  while (frame.gone.length === 0) frame = await bob.next("presence");
  expect(frame.gone).toEqual([hers]);
});

test("presence: the actor is the verified one, and data over the size limit is refused", async () => {
  const { url } = await start();
  const [ada, bob, watcher] = [
    await liveClient(url, "ada"),
    await liveClient(url, "bob"),
    await liveClient(url, "bob"),
  ];
  const hers = crypto.randomUUID();
  ada.send({ type: "presence", client: hers, data: 1 });
  await watcher.next("presence");
  bob.send({ type: "presence", client: hers, actor: "ada", data: "x".repeat(1_100) });
  await wait(150);
  bob.send({ type: "presence", client: hers, actor: "ada", data: "I am Ada" });
  expect(await watcher.next("presence")).toEqual({
    type: "presence",
    set: [{ client: hers, actor: "bob", data: "I am Ada" }],
    gone: [],
  });
});

test("presence: two actors with one device id are shown separately and leave separately", async () => {
  const { url } = await start();
  const [ada, bob, watcher] = [
    await liveClient(url, "ada"),
    await liveClient(url, "bob"),
    await liveClient(url, "bob"),
  ];
  const hers = crypto.randomUUID();
  bob.send({ type: "presence", client: hers, data: "first" });
  expect((await watcher.next("presence")).set).toEqual([{ client: hers, actor: "bob", data: "first" }]);
  ada.send({ type: "presence", client: hers, data: "Ada" });
  expect(await watcher.next("presence")).toEqual({
    type: "presence",
    set: [{ client: hers, actor: "ada", data: "Ada" }],
    gone: [],
  });
  const late = await liveClient(url, "ada");
  expect((await late.next("presence")).set).toEqual([
    { client: hers, actor: "bob", data: "first" },
    { client: hers, actor: "ada", data: "Ada" },
  ]);
  // The id that left comes before the entry of the other actor under the same id.
  bob.close();
  for (const one of [watcher, late])
    expect(await one.next("presence")).toEqual({
      type: "presence",
      set: [{ client: hers, actor: "ada", data: "Ada" }],
      gone: [hers],
    });
  ada.close();
  expect(await watcher.next("presence")).toEqual({ type: "presence", set: [], gone: [hers] });
});

test("presence: many quick changes go out in few frames, and the last change arrives", async () => {
  const { url } = await start();
  const [ada, bob] = [await liveClient(url, "ada"), await liveClient(url, "bob")];
  const client = crypto.randomUUID();
  for (let n = 1; n <= 90; n++) ada.send({ type: "presence", client, data: n });
  let last: unknown = 0;
  while (last !== 90) last = (await bob.next("presence")).set.at(-1)?.data;
  expect(bob.frames.length).toBeLessThan(10);
});

test("rights: after a right is lost, its ticket opens nothing and its socket is closed", async () => {
  let allowed = true;
  let now = Date.now();
  const env = { ...runtimeEnv, now: () => now };
  const { url } = await start({ env, permit: () => allowed });
  const live = await liveClient(url, "ada");
  const ticket = await ticketOf(url, "board", "ada");
  allowed = false;
  expect(await upgradeStatus(url, `ticket=${ticket}`)).toBe(403);
  now += 50_000;
  expect(await live.next("bye")).toMatchObject({ code: "forbidden" });
  await live.closed;
});

test("live: a frame in too many pieces closes its socket", async () => {
  const { url, port } = await start();
  const codeAfter = async (pieces: number): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    let heard = Buffer.alloc(0);
    socket.on("data", (data) => (heard = Buffer.concat([heard, data])));
    const ended = new Promise((resolve) => socket.on("close", resolve));
    socket.write(
      `GET /sync/logs/board/live?ticket=${await ticketOf(url, "board", "ada")} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n`,
    );
    const masked = (first: number, text: string) =>
      Buffer.concat([Buffer.from([first, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
    // A ping cut into pieces, then a close frame.
    socket.write(
      Buffer.concat([
        masked(0x01, '{"type":"ping"'),
        ...Array.from({ length: pieces - 2 }, () => masked(0x00, " ")),
        masked(0x80, "}"),
        masked(0x88, ""),
      ]),
    );
    await ended;
    return heard.toString("latin1").split("\r\n\r\n").slice(1).join("");
  };
  expect(await codeAfter(8)).toContain('{"type":"pong"}');
  const refused = await codeAfter(100);
  expect(refused).not.toContain("pong");
  // The code of the close frame is 1008.
  expect(refused).toContain("\u0003\u00f0");
});

test("live: sockets over the limits of an actor and a log are refused before they open", async () => {
  const { url } = await start({ limits: { socketsPerActorMax: 2, socketsPerLogMax: 3 } });
  const open = await liveClient(url, "ada");
  await liveClient(url, "ada");
  expect(await upgradeStatus(url, `ticket=${await ticketOf(url, "board", "ada")}`)).toBe(429);
  await liveClient(url, "bob");
  expect(await upgradeStatus(url, `ticket=${await ticketOf(url, "board", "bob")}`)).toBe(503);
  open.close();
  await open.closed;
  await wait(20);
  await liveClient(url, "ada");
});

test("live: a dropped log and a restarting server say goodbye and close their sockets", async () => {
  const { url, server, person, close } = await start();
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"))]);
  const dropped = await liveClient(url, "ada");
  const other = await liveClient(url, "ada", { log: "other" });
  await dropped.next("records");
  await server.drop("board");
  expect(await dropped.next("bye")).toEqual({ type: "bye", code: "gone" });
  await close();
  const bye = await other.next("bye");
  expect(bye.code).toBe("restarting");
  expect(bye.retryAfterMs).toBeGreaterThan(500);
  expect((await other.closed).code).toBe(1012);
  // The port is free again, because the server closed its sockets.
  await expect(fetch(url)).rejects.toThrow("fetch failed");
});

test("attachLive: an app with a mounted server gets live sockets with one call", async () => {
  const app = new Hono();
  const sync = testServer();
  app.route("/api/sync", sync);
  app.get("/", (c) => c.text("home"));
  const http = createServer((request, response) => void getRequestListener(app.fetch)(request, response));
  attachLive(http, sync, "/api/sync");
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const home = await fetch(`${origin}/`);
  expect([await home.text(), home.headers.get("cache-control")]).toEqual(["home", null]);
  const refused = await fetch(`${origin}/api/sync/logs/board`);
  expect([refused.status, await refused.json()]).toMatchObject([401, { error: { code: "unauthorized" } }]);
  const ada = person({ request: (path, init) => fetch(`${origin}/api/sync${path}`, init) }, "ada");
  const live = await liveClient(`${origin}/api/sync`, "ada");
  await ada.push([ada.commit(add("t1"))]);
  expect(await live.next("records")).toMatchObject({ head: 1 });
  await sync.close();
  expect((await live.closed).code).toBe(1012);
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

test("attachLive: if another listener took the socket, `onError` receives the reason", async () => {
  const errors: unknown[] = [];
  const sync = testServer({ onError: (error) => errors.push(error) });
  const app = new Hono().route("/sync", sync);
  const http = createServer((request, response) => void getRequestListener(app.fetch)(request, response));
  // This server of `ws` has no path, so it opens each socket of the port.
  const greedy = new WebSocketServer({ server: http });
  attachLive(http, sync, "/sync");
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/sync`;
  const ticket = await ticketOf(url, "board", "ada");
  const socket = new RawSocket(`${url.replace(/^http/, "ws")}/logs/board/live?ticket=${ticket}`);
  await new Promise((resolve) => socket.on("close", resolve));
  expect(errors).toEqual([expect.objectContaining({ message: containing("more than once with the same socket") })]);
  greedy.close();
  await sync.close();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

test("serve: a taken port is reported as port-taken", async () => {
  const { port } = await start();
  await expect(start({ port })).rejects.toMatchObject({
    code: "port-taken",
    message: containing(String(port)),
  });
});
