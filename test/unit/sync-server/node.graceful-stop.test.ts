// A server that stops: what its devices, its supervisor and its load balancer see.
import { afterEach, expect, test } from "vitest";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import type { LogEntry } from "../../../src/sync-server/app.ts";
import { serve } from "../../../src/sync-server/node.ts";
import { domain, task } from "../../support/board-domain.ts";
import { device, type Tab, until } from "../../support/device.ts";
import { cursorAfter, makeCommit, pushBody, readLog, type WireAnswer } from "../../support/http-writer.ts";
import { liveClient } from "../../support/live-client.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { runningServer } from "../../support/running-server.ts";
import { startServer, temporaryFolder } from "../../support/server.ts";
import { startServerChild } from "../../support/server-child/start.ts";
import { person, testServer } from "../../support/sync-requests.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const RATE = { perSecond: 1e6, burst: 1e6 };
const limits = { requestRate: RATE, commitRate: RATE };

/** A store of which some calls never answer. `reached` resolves with the first of those calls. */
function hanging(...calls: readonly (keyof EventStore)[]) {
  let reach = () => {};
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const never = () => {
    reach();
    return new Promise<never>(() => {});
  };
  return { store: Object.assign(memory(), Object.fromEntries(calls.map((call) => [call, never]))), reached };
}

/** A store whose appends wait for `release`. `reached` resolves with the first of them. */
function slowStore() {
  let release = () => {};
  let reach = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const store = memory();
  const append: EventStore["append"] = store.append.bind(store);
  const slow: EventStore["append"] = async (...args) => {
    reach();
    await released;
    return append(...args);
  };
  return { store: Object.assign(store, { append: slow }), reached, release: () => release() };
}

/** Pushes without a pause until `stop`, and notes the commits whose outcome arrived. */
function writer(address: { url: string }, actor: string) {
  const answered: string[] = [];
  const statuses = new Set<number>();
  let isStopped = false;
  const client = crypto.randomUUID();
  const run = async () => {
    let after: string | null = null;
    for (let n = 0; !isStopped; n++) {
      const commits = [0, 1, 2].map((m) => makeCommit(actor, client, [add(`${actor}-${n}-${m}`)]));
      const init = { method: "POST", body: pushBody(after, commits) };
      const headers = { authorization: `Bearer ${actor}`, "content-type": "application/json" };
      const response = await fetch(`${address.url}/logs/board/commits`, { ...init, headers }).catch(() => null);
      const text = await response?.text().catch(() => null);
      statuses.add(response?.status ?? 0);
      if (response?.status !== 200 || text === null || text === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        continue;
      }
      for (const { id, outcome } of parseOwnJson<WireAnswer>(text).outcomes)
        if (outcome === "recorded") answered.push(id);
      after = cursorAfter(text);
    }
  };
  const ended = run();
  return { answered, statuses, stop: () => ((isStopped = true), ended) };
}

test("SIGTERM: under load no answered commit is lost, and each device is live again", async () => {
  const folder = await temporaryFolder();
  const file = folder.path("logs.db");
  const [first, second] = await Promise.all([startServerChild(), startServerChild()]);
  const tabs: Tab[] = [];
  const { url, port } = await first.serve({ store: { file }, limits });
  const writers = ["w1", "w2", "w3", "w4"].map((actor) => writer({ url }, actor));
  try {
    for (const user of ["ada", "bob", "cem"]) tabs.push(await device(domain, "board", user).open({ url }));
    await until(() => tabs.every((tab) => tab.status().connection === "live"), "three live devices");
    await until(() => writers.every(({ answered }) => answered.length > 30), "writers at work");
    const stopped = first.stop();
    for (const [n, tab] of tabs.entries()) await tab.execute([add(`during-${n}`)]);
    expect(await stopped).toBe(0);
    await second.serve({ store: { file }, port, limits });
    const before = writers.map(({ answered }) => answered.length);
    await until(() => writers.every(({ answered }, n) => answered.length > (before[n] ?? 0)), "writers at work again");
    await Promise.all(writers.map(({ stop }) => stop()));
    await until(
      () => tabs.every((tab) => tab.status().connection === "live" && tab.status().pending === 0),
      "devices that are live again and have sent their work",
    );
    const records = await readLog(url, "board", "ada");
    const recorded = new Map<string, number>();
    for (const { commit } of records) recorded.set(commit, (recorded.get(commit) ?? 0) + 1);
    expect([...recorded.values()].every((count) => count === 1)).toBe(true);
    const answered = writers.flatMap((one) => one.answered);
    expect(answered.filter((id) => !recorded.has(id))).toEqual([]);
    // Work of one device reaches the others, so no device is deaf.
    await tabs[0]?.execute([add("after")]);
    await until(() => tabs.every((tab) => tab.rows("board").has("task/after")), "all devices show the new task");
    for (const tab of tabs) for (let n = 0; n < 3; n++) expect(tab.rows("board").has(`task/during-${n}`)).toBe(true);
  } finally {
    await Promise.all(writers.map(({ stop }) => stop()));
    for (const tab of tabs) await tab.close();
    await Promise.all([first.kill(), second.kill()]);
    await folder.remove();
  }
});

test("close: sockets end with 1012 and times to reconnect that differ", async () => {
  const { url, close } = await start();
  const sockets = await Promise.all(Array.from({ length: 12 }, () => liveClient(url, "bob")));
  const byes = sockets.map((socket) => socket.next("bye"));
  await close();
  const waits = new Set((await Promise.all(byes)).map((bye) => bye.retryAfterMs));
  for (const { closed } of sockets) expect((await closed).code).toBe(1012);
  expect(waits.size).toBeGreaterThan(3);
  for (const ms of waits) expect(ms).toBeGreaterThanOrEqual(1_000);
});

test("readyz: it is 503 from the first moment of a stop, while the pushes before it are answered", async () => {
  const { store, reached, release } = slowStore();
  const server = testServer({ store });
  const ada = person(server, "ada");
  const pushed = ada.push([ada.commit(add("t1"))]);
  await reached;
  expect((await server.request("/readyz")).status).toBe(200);
  const closed = server.close();
  expect((await server.request("/readyz")).status).toBe(503);
  expect((await server.request("/healthz")).status).toBe(200);
  const late = { after: null, domain: 1, commits: [ada.commit(add("t2"))] };
  expect((await ada.request("commits", late)).status).toBe(503);
  release();
  expect((await pushed).outcomes).toMatchObject([{ outcome: "recorded" }]);
  await closed;
});

test("serve: a stop accepts no connection, and answers the pushes before it", async () => {
  const { store, reached, release } = slowStore();
  const { url, close, person } = await start({ store });
  const ada = person("ada");
  const pushed = ada.push([ada.commit(add("t1"))]);
  await reached;
  const closed = close();
  await expect(fetch(`${url}/readyz`)).rejects.toThrow("fetch failed");
  release();
  expect((await pushed).outcomes).toMatchObject([{ outcome: "recorded" }]);
  await closed;
});

test("readyz: a store that does not answer makes it 503 within seconds", async () => {
  const errors: unknown[] = [];
  const server = testServer({ store: hanging("head").store, onError: (error) => errors.push(error) });
  expect((await server.request("/readyz")).status).toBe(503);
  expect((await server.request("/healthz")).status).toBe(200);
  expect(errors).toHaveLength(1);
});

test("serve: nothing listens before the store is open", async () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const store: EventStore = Object.assign(memory(), { open: () => opened });
  const port = await startServer().then(async (server) => (await server.close(), server.port));
  const starting = serve({ domain, store, authorize: () => null, port, hostname: "127.0.0.1" });
  await expect(fetch(`http://127.0.0.1:${port}/sync/readyz`)).rejects.toThrow("fetch failed");
  open();
  const server = await starting;
  expect((await fetch(`http://127.0.0.1:${port}/sync/readyz`)).status).toBe(200);
  await server.close();
});

test("close: a store that hangs delays the end by seconds, and the entry says so", async () => {
  const entries: LogEntry[] = [];
  const { store, reached } = hanging("append", "close");
  const { close, person } = await start({ store, onLog: (entry) => void entries.push(entry) });
  const ada = person("ada");
  const pushing = ada
    .request("commits", { after: null, domain: 1, commits: [ada.commit(add("t1"))] })
    .catch(() => null);
  await reached;
  const before = performance.now();
  await close();
  const ms = performance.now() - before;
  expect(ms).toBeGreaterThan(4_000);
  expect(ms).toBeLessThan(20_000);
  expect(entries.find(({ event }) => event === "stopped")).toMatchObject({ level: "warn", code: "time-over" });
  expect((await pushing)?.status ?? 0).not.toBe(200);
});
