// A device on a slow link, in virtual time: the real sync loop and HTTP transport, and the real server.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import type { ServerLimits } from "../../../../src/sync-server/base/limits.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { slowLink } from "../../../support/slow-link.ts";
import { person } from "../../../support/sync-requests.ts";

const URL_OF_SERVER = "http://server.test";
const LOG = "team";
const MINUTE_MS = 60_000;
const open: { close: () => Promise<void> }[] = [];

beforeEach(() => {
  // The link has no sockets, so a device on it pulls.
  vi.stubGlobal("WebSocket", undefined);
  // Compression runs in real time, and the bounds must hold without it.
  vi.stubGlobal("CompressionStream", undefined);
});
afterEach(async () => {
  vi.useRealTimers();
  for (const one of open.splice(0)) await one.close().catch(() => {});
  vi.unstubAllGlobals();
});

function start(limits: Partial<ServerLimits> = {}): SyncServer {
  const authorize = (request: Request) => {
    const [, actor = ""] = /^Bearer (?:token-of-)?(.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return { actor };
  };
  const server = syncServer({ domain, store: memory(), authorize, limits });
  open.push(server);
  return server;
}

/** Fills the log with notes of 5,000 characters that do not repeat. Returns the number of bytes of its records. */
async function fill(server: SyncServer, mebibytes: number): Promise<number> {
  const bob = person(server, "bob", { log: LOG });
  await bob.push([bob.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  for (let left = Math.round((mebibytes * 1024 * 1024) / 5_250); left > 0; left -= 100) {
    const texts = Array.from({ length: Math.min(100, left) }, () => noise(5_000));
    await bob.push(texts.map((text) => bob.commit({ ...task.command.note("t1", { text }), seen: 1 })));
  }
  let bytes = 0;
  for (let page = await bob.pull(); ; page = await bob.pull(page.cursor)) {
    bytes += JSON.stringify(page.records).length;
    if (!page.more) return bytes;
  }
}

function noise(length: number): string {
  return Array.from({ length }, () => Math.floor(Math.random() * 36).toString(36)).join("");
}

/** A device that is not synced yet, with notes that wait. Returns their bytes as they are pushed. */
async function waiting(tab: Tab, count: number, text: () => string): Promise<number> {
  tab.api.setPaused(true);
  await tab.execute([task.command.add("own", { title: "Own", column: "todo" })]);
  let bytes = 0;
  for (let left = count; left > 0; left--) {
    const note = text();
    bytes += 2 * Buffer.byteLength(note) + 450;
    unwrap(await tab.execute([task.command.note("own", { text: note })]));
  }
  return bytes;
}

/** Lets virtual minutes pass until the device is up to date. Returns its position after each of them. */
async function untilSynced(tab: Tab, head: number, minutesMax: number): Promise<readonly number[]> {
  const positions = [0];
  while (positions.length <= minutesMax && !(tab.status().position >= head && tab.status().pending === 0)) {
    for (let seconds = 0; seconds < 60; seconds++) await vi.advanceTimersByTimeAsync(MINUTE_MS / 60);
    positions.push(tab.status().position);
  }
  expect(tab.status()).toMatchObject({ position: head, pending: 0 });
  return positions;
}

const isRising = (positions: readonly number[]) => positions.every((at, n) => n === 0 || at > (positions[n - 1] ?? 0));

const cases = [
  { name: "a log of 5 MiB at 50 kB/s", speed: 50_000, mebibytes: 5, commits: 0, minutes: 4 },
  { name: "a log of 5 MiB at 5 kB/s", speed: 5_000, mebibytes: 5, commits: 0, minutes: 24 },
  { name: "700 waiting commits at 50 kB/s", speed: 50_000, mebibytes: 0, commits: 700, minutes: 4 },
  { name: "700 waiting commits at 5 kB/s", speed: 5_000, mebibytes: 0, commits: 700, minutes: 24 },
  { name: "both at 50 kB/s", speed: 50_000, mebibytes: 5, commits: 700, minutes: 8 },
  { name: "both at 5 kB/s", speed: 5_000, mebibytes: 5, commits: 700, minutes: 48 },
];

test.each(cases)(
  "sync: $name moves each minute and costs less than 1.5 times its bytes",
  async ({ speed, mebibytes, commits, minutes }) => {
    const server = start();
    const logBytes = mebibytes > 0 ? await fill(server, mebibytes) : 0;
    const head = mebibytes > 0 ? Math.round((mebibytes * 1024 * 1024) / 5_250) + 1 : 0;
    const link = slowLink((request) => server.fetch(request), speed);
    vi.stubGlobal("fetch", link.fetch);
    vi.useFakeTimers();
    const tab = await device(domain, LOG, "ada").open({ url: URL_OF_SERVER });
    open.unshift(tab);
    const pushed = commits > 0 ? await waiting(tab, commits, () => noise(1_000)) : 0;
    tab.api.setPaused(false);
    const positions = await untilSynced(tab, head + (commits > 0 ? commits + 1 : 0), minutes);
    expect(isRising(positions), positions.join(" ")).toBe(true);
    // The records of the own commits come back once.
    const data = logBytes + pushed + commits * 1_400;
    expect(link.bytes.up + link.bytes.down).toBeLessThan(data * 1.5);
    expect(tab.status().traffic.sent).toBeGreaterThanOrEqual(pushed * 0.9);
    // The last call may still be under way, and the device requests a ticket then.
    const calls = link.requests.filter((line) => !line.includes("tickets")).slice(0, -1);
    // The server has no base, and says so once.
    expect(calls.filter((line) => line === "GET base 404").length).toBeLessThanOrEqual(1);
    expect(calls.filter((line) => !line.endsWith("200") && line !== "GET base 404")).toEqual([]);
  },
);

test("push: 400 commits of 1,500 Chinese characters are counted in bytes, and none is refused", async () => {
  const server = start();
  const link = slowLink((request) => server.fetch(request), 10_000_000);
  vi.stubGlobal("fetch", link.fetch);
  vi.useFakeTimers();
  const tab = await device(domain, LOG, "ada").open({ url: URL_OF_SERVER });
  open.unshift(tab);
  const pushed = await waiting(tab, 400, () => "语".repeat(1_500));
  tab.api.setPaused(false);
  await untilSynced(tab, 401, 2);
  expect(link.requests.filter((line) => line.includes("commits"))).toEqual(
    expect.arrayContaining(["POST commits 200"]),
  );
  expect(link.requests.filter((line) => line.endsWith("413"))).toEqual([]);
  expect(link.bytes.up).toBeLessThan(pushed * 1.1);
});

test("P12 push: a gateway with a lower limit than the server refuses few pushes", async () => {
  const server = start();
  const gateway = async (request: Request) => {
    const bytes = (await request.clone().arrayBuffer()).byteLength;
    return bytes > 100_000 ? new Response("Too large", { status: 413 }) : server.fetch(request);
  };
  const link = slowLink(gateway, 10_000_000);
  vi.stubGlobal("fetch", link.fetch);
  vi.useFakeTimers();
  const tab = await device(domain, LOG, "ada").open({ url: URL_OF_SERVER });
  open.unshift(tab);
  await waiting(tab, 400, () => noise(1_000));
  tab.api.setPaused(false);
  await untilSynced(tab, 401, 2);
  expect(link.requests.filter((line) => line === "POST commits 413").length).toBeLessThanOrEqual(2);
});

test("push: if a server refuses gzip after it reported it, the same commits leave plain", async () => {
  vi.unstubAllGlobals();
  vi.stubGlobal("WebSocket", undefined);
  const server = start();
  const encodings: (string | null)[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    if (!new URL(url).pathname.endsWith("/commits")) return server.fetch(request);
    const encoding = request.headers.get("content-encoding");
    encodings.push(encoding);
    if (encoding === null) return server.fetch(request);
    const error = { code: "unsupported-media-type", message: "No gzip here.", retry: "never" };
    return Response.json({ error }, { status: 415 });
  });
  const tab = await device(domain, LOG, "ada").open({ url: URL_OF_SERVER });
  open.unshift(tab);
  await waiting(tab, 20, () => noise(1_000));
  tab.api.setPaused(false);
  await until(() => tab.status().pending === 0, "all is pushed");
  expect(encodings).toEqual(["gzip", null]);
});

test("push: if a foreign answer meets gzip, the same commits leave plain", async () => {
  vi.unstubAllGlobals();
  vi.stubGlobal("WebSocket", undefined);
  const server = start();
  const encodings: (string | null)[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    if (!new URL(url).pathname.endsWith("/commits")) return server.fetch(request);
    encodings.push(request.headers.get("content-encoding"));
    // An app's middleware that parses each body as JSON.
    const isJson = await request
      .clone()
      .json()
      .then(
        () => true,
        () => false,
      );
    return isJson ? server.fetch(request) : new Response("Internal Server Error", { status: 500 });
  });
  const tab = await device(domain, LOG, "ada").open({ url: URL_OF_SERVER });
  open.unshift(tab);
  await waiting(tab, 20, () => noise(1_000));
  tab.api.setPaused(false);
  await until(() => tab.status().pending === 0, "all is pushed");
  expect(encodings.filter((encoding) => encoding === "gzip")).toHaveLength(1);
  expect(encodings[0]).toBe("gzip");
});
