// Peers that send or read slowly: their connections end, and nothing of them is left.
import { once } from "node:events";
import type { Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { HTTP_TIMES, httpServer } from "../../../../src/sync-server/hosts/node-http.ts";
import { attachLive } from "../../../../src/sync-server/node.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { hangingApp } from "../../../support/hanging-app.ts";
import { liveClient, ticketOf } from "../../../support/live-client.ts";
import { runningServer } from "../../../support/running-server.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const { start, stopAll } = runningServer();
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await stopAll();
});

const SOON = { headersMs: 2_000, requestMs: 3_000, idleMs: 3_000, checkMs: 50 };
const UPGRADE =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

async function listening(
  http: Server,
): Promise<{ readonly port: number; readonly connections: () => Promise<number> }> {
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  });
  // The server listens on a port.
  const { port } = http.address() as AddressInfo;
  return { port, connections: () => new Promise((resolve) => http.getConnections((_, count) => resolve(count))) };
}

/** A connection that sends a first part, then one byte at a time. */
function drip(
  port: number,
  beginning: string,
): { readonly socket: Socket; readonly heard: () => string; readonly isEnded: () => boolean } {
  const socket = connect(port, "127.0.0.1");
  let [heard, ended] = ["", false];
  socket.on("error", () => {});
  socket.on("data", (data) => (heard += data.toString()));
  socket.write(beginning);
  const timer = setInterval(() => socket.write("a"), 50);
  socket.on("close", () => {
    clearInterval(timer);
    ended = true;
  });
  ends.push(() => socket.destroy());
  return { socket, heard: () => heard, isEnded: () => ended };
}

test("httpServer: headers, bodies and the reading of responses have a time limit", () => {
  const { headersTimeout, requestTimeout, timeout } = httpServer(() => {});
  expect({ headersTimeout, requestTimeout, timeout }).toEqual({
    headersTimeout: HTTP_TIMES.headersMs,
    requestTimeout: HTTP_TIMES.requestMs,
    timeout: HTTP_TIMES.idleMs,
  });
  for (const time of [headersTimeout, requestTimeout, timeout]) expect(time).toBeGreaterThan(0);
});

test("httpServer: ends a body that arrives byte by byte, and a handshake without end", async () => {
  let errors = 0;
  const http = httpServer(
    (request, response) => {
      request.on("error", () => errors++);
      request.resume().on("end", () => response.end());
    },
    { ...SOON, idleMs: HTTP_TIMES.idleMs },
  );
  attachLive(http, testServer(), "");
  const { port, connections } = await listening(http);
  const slow = [
    drip(port, "POST /logs/board/commits HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"),
    drip(port, `GET /logs/board/live?ticket=x HTTP/1.1\r\nhost: x\r\n${UPGRADE}x: `),
    drip(port, "GET /logs/board/live"),
  ];
  await until(() => slow.every(({ isEnded }) => isEnded()), "all are ended");
  expect(slow.map(({ heard }) => heard().slice(9, 12))).toEqual(["408", "408", "408"]);
  expect(errors).toBe(1);
  await until(async () => (await connections()) === 0, "no connection is left");
});

test("httpServer: ends a connection that requests a large response and reads nothing", async () => {
  const http = httpServer((_, response) => void response.end(Buffer.alloc(64 * 1024 * 1024)), SOON);
  const { port, connections } = await listening(http);
  const connected = once(http, "connection");
  const socket = connect(port, "127.0.0.1");
  ends.push(() => socket.destroy());
  socket.on("error", () => {});
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await connected;
  await until(async () => (await connections()) === 0, "it is ended");
  expect(await connections()).toBe(0);
});

test("memory budget: unread responses are bounded for each actor, and released at the end", async () => {
  const { port, person } = await start({
    limits: { answeringBytesMax: 50_000_000, answeringBytesPerActorMax: 20_000_000 },
  });
  const [ada, bob] = [person("ada"), person("bob")];
  let { cursor } = await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  // The pages of several connections together do not fit into the buffers of the system.
  for (let n = 0; n < 20; n++)
    ({ cursor } = await ada.push([ada.commit(task.command.note("t1", { text: "x".repeat(200_000) }))], cursor));
  await expectShared({ port, ada, bob, what: "records", times: 2 });
});

type Requester = Awaited<ReturnType<typeof start>>["person"] extends (name: string) => infer One ? One : never;

/** Sends a request several times on one connection, reads only the first bytes, and returns the status. */
function readFirstBytes(
  port: number,
  request: string,
  times: number,
): Promise<{ readonly socket: Socket; readonly status: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    ends.push(() => socket.destroy());
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("The server ended a connection without a response")));
    socket.once("data", (data) => {
      socket.pause();
      resolve({ socket, status: data.toString("latin1", 9, 12) });
    });
    socket.write(request.repeat(times));
  });
}

/**
 * Ada opens connections that read nothing until she is refused. Bob is served. After her connections end, Ada is
 * served again.
 */
async function expectShared({
  port,
  ada,
  bob,
  what,
  times,
}: {
  readonly port: number;
  readonly ada: Requester;
  readonly bob: Requester;
  readonly what: "records" | "export";
  readonly times: number;
}) {
  const unread: Socket[] = [];
  // One after the other. Of parallel requests, some would be refused because of a response that another one reads to
  // its end.
  await until(async () => {
    const { socket, status } = await readFirstBytes(
      port,
      `GET /sync/logs/board/${what} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token-of-ada\r\n\r\n`,
      times,
    );
    unread.push(socket);
    return status === "503";
  }, "Ada is refused");
  const statusOf = async (one: Requester) => {
    const response = await one.request(what);
    await response.arrayBuffer();
    return response.status;
  };
  expect(await statusOf(bob)).toBe(200);
  for (const socket of unread) socket.destroy();
  await until(async () => (await statusOf(ada)) === 200, "Ada is served again");
  return statusOf;
}

test("memory budget: unread exports count as unread responses, and are released at the end", async () => {
  const { port, person } = await start({ limits: { answeringBytesPerActorMax: 5_000_000 } });
  const [ada, bob] = [person("ada"), person("bob")];
  let { cursor } = await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  for (let n = 0; n < 40; n++)
    ({ cursor } = await ada.push([ada.commit(task.command.note("t1", { text: "x".repeat(200_000) }))], cursor));
  const statusOf = await expectShared({ port, ada, bob, what: "export", times: 1 });
  // A response that was read whole, and a HEAD request, hold no memory either. There is room for nine.
  for (let n = 0; n < 12; n++)
    expect([
      await statusOf(ada),
      (
        await fetch(`http://127.0.0.1:${port}/sync/logs/board/export`, {
          method: "HEAD",
          headers: { authorization: "Bearer token-of-ada" },
        })
      ).status,
    ]).toEqual([200, 200]);
});

test("attachLive: a socket opens only after `permit` answered, and never if it hangs", async () => {
  const { env, hang, isAsked, giveUp } = hangingApp();
  let hangs = false;
  const server = testServer({ env, permit: () => (hangs ? hang() : true), onError: () => {} });
  const http = httpServer(() => {}, HTTP_TIMES);
  const { clients } = attachLive(http, server, "");
  const { port, connections } = await listening(http);
  const { ticket } = parseOwnJson<{ ticket: string }>(
    await (await person(server, "ada").request("tickets", {})).text(),
  );
  hangs = true;
  const waiting = drip(port, `GET /logs/board/live?ticket=${ticket} HTTP/1.1\r\nhost: x\r\n${UPGRADE}\r\n`);
  await until(isAsked, "`permit` is called");
  expect([clients.size, waiting.heard()]).toEqual([0, ""]);
  giveUp();
  await until(() => waiting.isEnded(), "it is refused");
  expect(waiting.heard().slice(9, 12)).toBe("503");
  await until(async () => (await connections()) === 0, "no connection is left");
  expect(clients.size).toBe(0);
});

test("attachLive: a reset during the handshake leaves nothing behind", async () => {
  let letIn: (() => void)[] = [];
  let held = false;
  const { url, port, person } = await start({
    limits: { socketsPerActorMax: 1 },
    permit: () => (held ? new Promise<boolean>((resolve) => letIn.push(() => resolve(true))) : true),
  });
  const tickets = await Promise.all(Array.from({ length: 10 }, () => ticketOf(url, "board", "ada")));
  held = true;
  const sockets = tickets.map((ticket) =>
    drip(port, `GET /sync/logs/board/live?ticket=${ticket} HTTP/1.1\r\nhost: x\r\n${UPGRADE}\r\n`),
  );
  await until(() => letIn.length === sockets.length, "all wait for `permit`");
  sockets.forEach(({ socket }, n) => (n % 2 === 0 ? socket.resetAndDestroy() : socket.destroy()));
  await until(() => sockets.every(({ isEnded }) => isEnded()), "all are gone");
  held = false;
  letIn.forEach((answer) => answer());
  letIn = [];
  const ada = person("ada");
  // Her only allowed socket is free after the server has seen the resets.
  await until(
    async () =>
      liveClient(url, "ada").then(
        (live) => (live.close(), true),
        () => false,
      ),
    "she gets a socket",
  );
  expect(await ada.outcomes(ada.commit(task.command.add("t1", { title: "Milk", column: "todo" })))).toMatchObject([
    { outcome: "recorded" },
  ]);
});
