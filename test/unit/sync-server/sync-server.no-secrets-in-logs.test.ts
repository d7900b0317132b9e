// A secret in a request (token, name, input, event, presence) appears in no log line and in no error response.
import { once } from "node:events";
import { connect } from "node:net";
import { inspect } from "node:util";
import { sign } from "hono/jwt";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { bearer, jwt } from "../../../src/sync-server/app.ts";
import { type RunningServer, serve, type ServeOptions } from "../../../src/sync-server/node.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { domain, task } from "../../support/board-domain.ts";
import { parseOwnJson } from "../../support/own-json.ts";

const CANARY = "c4n4ryBird";
const token = `${CANARY}-token-of-ada`;
/** The only names of a request that its sender hears again, because an author looks for the wrong one. */
const NAMED = [`is of the actor ${CANARY},`, `no read model \\"${CANARY}\\".`];
const said: string[] = [];
let running: RunningServer | null = null;

beforeEach(() => {
  said.length = 0;
  for (const method of ["log", "info", "warn", "error", "debug", "trace"] as const)
    vi.spyOn(console, method).mockImplementation(
      (...words: unknown[]) => void said.push(words.map(everything).join(" ")),
    );
});
afterEach(async () => {
  await running?.close();
  running = null;
  vi.restoreAllMocks();
});

/** All text that a logger could print of a value: its fields, its stack, its causes. */
function everything(value: unknown): string {
  return inspect(value, { depth: Infinity, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity });
}

async function start(options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  running = await serve({
    domain,
    store: memory(),
    authorize: bearer({ tokens: { [token]: { actor: "ada", note: CANARY } } }),
    port: 0,
    hostname: "127.0.0.1",
    onLog: (entry) => void said.push(everything(entry)),
    ...options,
  });
  return running;
}

const commitOf = (title: string, more: object = {}) => ({
  id: crypto.randomUUID(),
  client: crypto.randomUUID(),
  actor: "ada",
  time: Date.now(),
  meta: { note: CANARY },
  commands: [
    {
      ...task.command.add(`t-${title.length}`, { title, column: CANARY }),
      seen: 0,
      reads: [],
      events: [{ type: "TaskAdded", v: 1, data: { title: CANARY, column: CANARY } }],
    },
  ],
  ...more,
});

/** Sends every kind of wrong request with the secret in it, and returns the error responses. */
async function provoke(url: string): Promise<readonly string[]> {
  const errors: string[] = [];
  const ask = async (path: string, init: RequestInit = {}, asAda = true): Promise<void> => {
    const headers = {
      "content-type": "application/json",
      ...(asAda && { authorization: `Bearer ${token}` }),
      ...Object.fromEntries(new Headers(init.headers)),
    };
    const response = await fetch(`${url}${path}`, { ...init, headers }).catch(() => null);
    if (!response) return;
    const body = await response.text().catch(() => "");
    const rest = NAMED.reduce((text, named) => text.replace(named, ""), body);
    if (response.status >= 400) errors.push(`${response.status} ${JSON.stringify([...response.headers])} ${rest}`);
  };
  const push = (body: unknown) =>
    ask("/logs/board/commits", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
  await push({ after: null, domain: 1, commits: [commitOf("Milk"), commitOf("x".repeat(300) + CANARY)] });

  for (const authorization of [`Bearer ${CANARY}`, `Basic ${CANARY}`, CANARY, `Bearer ${token} ${CANARY}`])
    await ask("/logs/board", { headers: { authorization } }, false);
  for (const path of [
    `/logs/%00${CANARY}`,
    `/logs/board/${CANARY}`,
    `/logs/board/records?after=${CANARY}`,
    `/logs/board/records?limit=${CANARY}`,
    `/logs/board/records?after=9-${CANARY}`,
    `/logs/board/streams/${CANARY}/%20`,
    `/logs/board/rows/${CANARY}`,
    `/logs/board/rows/${CANARY}?${CANARY}=1`,
    `/logs/board/live?ticket=${CANARY}`,
    `/${CANARY}`,
  ])
    await ask(path);
  for (const body of [
    CANARY,
    `{"${CANARY}`,
    `{"after":"${CANARY}","domain":1,"commits":[]}`,
    `{"after":null,"domain":"${CANARY}","commits":[]}`,
    `{"after":null,"domain":1,"commits":"${CANARY}"}`,
    `{"after":null,"domain":1,"commits":[{"${CANARY}":"${CANARY}"}]}`,
  ])
    await push(body);
  await push({ after: null, domain: 1, commits: [commitOf("Milk", { actor: CANARY })] });
  await push({ after: null, domain: 1, commits: [commitOf("Milk", { id: CANARY })] });
  await push({ after: null, domain: 1, commits: [commitOf(CANARY.repeat(200_000))] });
  await ask("/logs/board/commits", { method: "POST", body: CANARY, headers: { "content-type": `text/${CANARY}` } });
  await ask("/logs/board/commits", { method: "POST", body: CANARY, headers: { "content-encoding": CANARY } });
  await ask("/logs/board/tickets", { method: "POST", body: CANARY });
  await ask("/logs/board", { headers: { origin: `https://${CANARY}.example` } });
  await ask("/logs/board/export");
  return errors;
}

/** Opens a socket, floods it with the secret, and returns the received texts except records and presence. */
async function provokeLive(url: string): Promise<readonly string[]> {
  const received: string[] = [];
  const response = await fetch(`${url}/logs/board/tickets`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  if (response.status !== 200) return [await response.text()];
  const { ticket } = parseOwnJson<{ ticket: string }>(await response.text());
  const socket = new WebSocket(`${url.replace(/^http/, "ws")}/logs/board/live?ticket=${ticket}`);
  socket.on("message", (frame: Buffer) => {
    const text = frame.toString();
    if (!/^\{"type":"(?:records|presence)"/.test(text)) received.push(text);
  });
  socket.on("error", (error) => received.push(everything(error)));
  const closed = once(socket, "close").then(([code, reason]) => received.push(`${String(code)} ${String(reason)}`));
  await once(socket, "open");
  for (const frame of [
    CANARY,
    `{"${CANARY}"`,
    JSON.stringify({ type: CANARY }),
    ...["\n", "€", "\u0000", " "].map((odd) => JSON.stringify({ type: "token", token: `${CANARY}${odd}x` })),
    JSON.stringify({ type: "presence", client: CANARY, data: CANARY }),
    JSON.stringify({ type: "presence", client: crypto.randomUUID(), data: CANARY }),
  ])
    socket.send(frame);
  for (let n = 0; n < 1_500; n++) socket.send(CANARY);
  await closed;
  const raw = connect(Number(new URL(url).port), "127.0.0.1");
  raw.on("data", (bytes) => received.push(bytes.toString()));
  raw.write(
    `GET /sync/logs/board/live?ticket=${CANARY} HTTP/1.1\r\nhost: ${CANARY}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${CANARY}\r\n\r\n`,
  );
  await once(raw, "close");
  return received;
}

async function provokeAll({ url }: RunningServer): Promise<readonly string[]> {
  return [...(await provoke(url)), ...(await provokeLive(url))];
}

test("error response: it and the entries of onLog contain nothing of the request", async () => {
  const answers = await provokeAll(await start({ origins: ["https://app.example"] }));
  expect(answers.length).toBeGreaterThan(20);
  for (const answer of answers) expect(answer).not.toContain(CANARY);
  expect(said.length).toBeGreaterThan(20);
  for (const line of said) expect(line).not.toContain(CANARY);
});

test("onError: the error of a failing store contains nothing of the data", async () => {
  const disk: EventStore = sqlite(":memory:");
  const server = await start({ store: disk });
  await provoke(server.url);
  await disk.close();
  const answers = await provokeAll(server);
  expect(answers.filter((answer) => answer.startsWith("50")).length).toBeGreaterThan(3);
  expect(said.length).toBeGreaterThan(3);
  for (const text of [...answers, ...said]) expect(text).not.toContain(CANARY);
});

test("onError: the error of a failing or hanging app function has nothing of the request", async () => {
  const reported: unknown[] = [];
  let fails = false;
  const permit = () => {
    if (fails) throw new Error("the directory is down");
    return true;
  };
  const server = await start({ permit, onError: (error) => reported.push(error) });
  await provoke(server.url);
  fails = true;
  const answers = await provokeAll(server);
  expect(reported.length).toBeGreaterThan(3);
  for (const line of [...answers, ...reported.map(everything), ...said]) expect(line).not.toContain(CANARY);
});

test("onError: a refused JWT and a silent issuer leave no token in logs and responses", async () => {
  const claims = { sub: CANARY, iss: "https://id.example/", aud: "board", exp: Math.floor(Date.now() / 1000) + 600 };
  const secret = `${CANARY}-0123456789abcdef0123456789`;
  const tokens = [
    await sign(claims, secret, "HS256"),
    await sign({ ...claims, aud: CANARY }, secret, "HS256"),
    `${Buffer.from(`{"alg":"ES256","kid":"${CANARY}"}`).toString("base64url")}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.AAAA`,
  ];
  const facts = { issuer: "https://id.example/", audience: "other" };
  for (const authorize of [
    jwt({ algorithm: "HS256", secret, ...facts }),
    jwt({ algorithm: "ES256", jwksUri: "http://127.0.0.1:9/keys", ...facts }),
  ]) {
    const server = await start({ authorize });
    for (const sent of tokens) {
      const response = await fetch(`${server.url}/logs/board`, { headers: { authorization: `Bearer ${sent}` } });
      expect([401, 503]).toContain(response.status);
      for (const line of [await response.text(), ...said])
        for (const part of [CANARY, ...sent.split(".").filter((one) => one.length > 8)])
          expect(line).not.toContain(part);
    }
    await server.close();
  }
});
