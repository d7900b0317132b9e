// The live socket in virtual time, on a WebSocket whose other end is the test.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { ClientWebSocket } from "../../../../src/client/sync/client-socket.ts";

/** The part of a browser's WebSocket that the client uses. */
class TestSocket {
  static readonly OPEN = 1;
  static readonly made: TestSocket[] = [];
  readonly url: string;
  readyState = 0;
  readonly sent: unknown[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: (() => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(url: string) {
    this.url = url;
    TestSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.isClosed = true;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "object" ? JSON.stringify(frame) : frame });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", TestSocket);
  TestSocket.made.length = 0;
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const ADDRESS = "wss://example.org/live?ticket=t";
const SECOND = 1_000;
const CLIENT = "00000000-0000-4000-8000-000000000001";

/** A socket that was requested, and everything that it reports. */
async function requested({ expiresInMs = null as number | null, address = null as Promise<never> | null } = {}) {
  const heard: unknown[] = [];
  const socket = new ClientWebSocket({
    env: browserEnv,
    events: {
      opened: () => heard.push("opened"),
      records: ({ head }, text) => heard.push(["records", head, typeof text]),
      head: (position) => heard.push(["head", position]),
      presence: (set, gone) => heard.push(["presence", set, gone]),
      closed: (code, retryAfterMs) => heard.push(["closed", code, retryAfterMs]),
    },
    address: () => address ?? Promise.resolve({ url: ADDRESS, tokenExpiresInMs: expiresInMs }),
    token: () => Promise.resolve("a-token"),
  });
  await vi.advanceTimersByTimeAsync(0);
  return { socket, heard, server: TestSocket.made[0] };
}

async function opened(options: Parameters<typeof requested>[0] = {}) {
  const { server = expect.fail("no socket"), ...rest } = await requested(options);
  server.open();
  return { server, ...rest };
}

test("socket: reports each frame of the server in order", async () => {
  const { server, heard } = await opened();
  expect(server.url).toBe(ADDRESS);
  server.say({ type: "records", after: null, records: [], cursor: null, head: 4, more: false });
  server.say({ type: "head", head: 5 });
  server.say({ type: "presence", set: [{ client: CLIENT, actor: "bob", data: 1 }], gone: [CLIENT] });
  server.say({ type: "pong" });
  expect(heard).toEqual([
    "opened",
    ["records", 4, "string"],
    ["head", 5],
    ["presence", [{ client: CLIENT, actor: "bob", data: 1 }], [CLIENT]],
  ]);
});

test("socket: ends with the server's code and wait, and reports nothing after that", async () => {
  const { server, heard, socket } = await opened();
  server.say({ type: "bye", code: "busy", retryAfterMs: 700 });
  server.say({ type: "head", head: 5 });
  server.onclose?.();
  socket.close();
  await vi.advanceTimersByTimeAsync(60 * SECOND);
  expect(heard).toEqual(["opened", ["closed", "busy", 700]]);
  expect([server.isClosed, server.sent]).toEqual([true, []]);
});

test.each([
  ["an invalid frame", (server: TestSocket) => server.say({ type: "unknown" }), "unreadable"],
  ["a text that is no JSON", (server: TestSocket) => server.say("{"), "unreadable"],
  ["a binary frame", (server: TestSocket) => server.say(7), "unreadable"],
  ["an error", (server: TestSocket) => server.onerror?.(), "lost"],
  ["its end", (server: TestSocket) => server.onclose?.(), "lost"],
  ["a bye without a wait", (server: TestSocket) => server.say({ type: "bye", code: "later" }), "later"],
])("socket: %s ends it once", async (_, fault, code) => {
  const { server, heard } = await opened();
  fault(server);
  fault(server);
  expect(heard).toEqual(["opened", ["closed", code, null]]);
  expect(server.isClosed).toBe(true);
});

test("socket: checks a silent server after 20 seconds, and ends 10 seconds later", async () => {
  const { server, heard } = await opened();
  await vi.advanceTimersByTimeAsync(19 * SECOND);
  expect(server.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(2 * SECOND);
  expect(server.sent).toEqual([{ type: "ping" }]);
  await vi.advanceTimersByTimeAsync(8 * SECOND);
  expect(heard).toEqual(["opened"]);
  await vi.advanceTimersByTimeAsync(2 * SECOND);
  expect(heard).toEqual(["opened", ["closed", "lost", null]]);
});

test("socket: each frame of the server starts the silence again, so a live socket stays", async () => {
  const { server, heard } = await opened();
  for (let turn = 0; turn < 5; turn++) {
    await vi.advanceTimersByTimeAsync(25 * SECOND);
    server.say({ type: "pong" });
  }
  expect(server.sent).toEqual(Array.from({ length: 5 }, () => ({ type: "ping" })));
  expect(heard).toEqual(["opened"]);
});

test("socket: ends if it gets no address, and if it does not open within 10 seconds", async () => {
  const refused = await requested({ address: Promise.reject(new Error("no ticket")) });
  expect(refused.heard).toEqual([["closed", "lost", null]]);
  const { heard, server } = await requested();
  await vi.advanceTimersByTimeAsync(9 * SECOND);
  expect(heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(2 * SECOND);
  expect(heard).toEqual([["closed", "lost", null]]);
  // It opens too late: it is closed, and is not used.
  if (server) server.isClosed = false;
  server?.open();
  expect([server?.isClosed, heard.length]).toEqual([true, 1]);
});

test("socket: opens no WebSocket if it was closed before its address came", async () => {
  let arrive: (address: { url: string; tokenExpiresInMs: null }) => void = () => {};
  const closed: string[] = [];
  const nothing = () => {};
  const socket = new ClientWebSocket({
    env: browserEnv,
    events: {
      opened: nothing,
      records: nothing,
      head: nothing,
      presence: nothing,
      closed: (code) => closed.push(code),
    },
    address: () => new Promise((resolve) => (arrive = resolve)),
    token: () => Promise.resolve(null),
  });
  socket.close();
  arrive({ url: ADDRESS, tokenExpiresInMs: null });
  await vi.advanceTimersByTimeAsync(60 * SECOND);
  expect([closed, TestSocket.made]).toEqual([["closed"], []]);
});

test("socket: shows the newest presence when it opens, and each change after that", async () => {
  const { socket, server = expect.fail("no socket") } = await requested();
  socket.setPresence(CLIENT, { at: 1 });
  socket.setPresence(CLIENT, { at: 2 });
  expect(server.sent).toEqual([]);
  server.open();
  socket.setPresence(CLIENT, { at: 3 });
  const presence = (data: object) => ({ type: "presence", client: CLIENT, data });
  expect(server.sent).toEqual([presence({ at: 2 }), presence({ at: 3 })]);
});

test("socket: sends a new token before the old one ends, when the server says", async () => {
  const { server } = await opened({ expiresInMs: 10 * SECOND });
  await vi.advanceTimersByTimeAsync(6 * SECOND);
  expect(server.sent).toEqual([{ type: "token", token: "a-token" }]);
  server.say({ type: "renewed", expiresInMs: 14 * SECOND });
  await vi.advanceTimersByTimeAsync(6 * SECOND);
  expect(server.sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2 * SECOND);
  expect(server.sent).toHaveLength(2);
  server.say({ type: "renewed", expiresInMs: null });
  await vi.advanceTimersByTimeAsync(19 * SECOND);
  expect(server.sent).toHaveLength(2);
});

test("socket: sends no token after it was closed", async () => {
  const { server, socket } = await opened({ expiresInMs: 10 * SECOND });
  socket.close();
  await vi.advanceTimersByTimeAsync(20 * SECOND);
  expect(server.sent).toEqual([]);
});
