/** The board on Cloudflare's own runtime: two browsers, and a Worker that is killed and started again. */
import { globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildEdgePage, type EdgeServer, startEdge } from "../../scripts/wrangler.ts";
import { addCards, cardOf, renameCard, titlesIn, waitForSync } from "./support/board-page.ts";
import { type Profiles, startProfiles } from "./support/browser.ts";
import { unusedPort } from "./support/unused-port.ts";

let folder: string;
let port: number;
let server: EdgeServer;
let browser: Profiles;
const pageErrors: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-edge-"));
  port = await unusedPort();
  await buildEdgePage();
  [server, browser] = await Promise.all([startEdge(port, folder), startProfiles()]);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The stored objects of logs. */
const objects = () =>
  globSync("v3/do/*EventLogObject/*.sqlite", { cwd: folder }).filter((file) => !/metadata/.test(file));
/** The lines that the runtime printed after this place, without the line of each request. */
const logAfter = async (place: number): Promise<readonly string[]> => {
  // The runtime reports some errors after the response has left.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return server
    .output()
    .slice(place)
    .split("\n")
    .filter((line) => line.trim() !== "" && !/\[wrangler:info\] [A-Z]+ \/\S* \d\d\d /.test(line));
};

async function open(log: string, name: string): Promise<Page> {
  const tab = await (await browser.newContext({ viewport: { width: 1180, height: 720 } })).newPage();
  tab.on("pageerror", (error) => pageErrors.push(String(error.stack)));
  await tab.goto(`${server.origin}/?${new URLSearchParams({ log, as: name })}`);
  await tab.locator("[data-column]").first().waitFor();
  return tab;
}

test("demo:edge: two people converge, also after the Worker was killed and started again", async () => {
  const place = server.output().length;
  const [ada, ben] = [await open("team", "Ada"), await open("team", "Ben")];
  await addCards(ada, "To do", ["Milk", "Bread"]);
  await cardOf(ben, "Bread").waitFor();
  await renameCard(ben, "Bread", "Rolls");
  await cardOf(ada, "Rolls").waitFor();
  expect(await logAfter(place)).toEqual([]);

  await server.stop("SIGKILL");
  await addCards(ada, "To do", ["Eggs"]);
  await addCards(ben, "To do", ["Jam"]);
  await ben.reload();
  await cardOf(ben, "Jam").waitFor();
  server = await startEdge(port, folder);
  await cardOf(ada, "Jam").waitFor();
  await cardOf(ben, "Eggs").waitFor();
  for (const page of [ada, ben]) await waitForSync(page, "Live");
  expect(await titlesIn(ada, "To do")).toEqual(await titlesIn(ben, "To do"));
  expect(objects()).toHaveLength(1);
  expect(pageErrors).toEqual([]);
});

test("demo:edge: 1,000 wrong requests make no object and leave the runtime's log empty", async () => {
  const stored = objects();
  const place = server.output().length;
  const json = { "content-type": "application/json" };
  const authorization = "Bearer demo:ada";
  const ask = (path: string, init?: RequestInit) => fetch(`${server.origin}/sync${path}`, init);
  const wrong: readonly (readonly [status: number, send: (n: number) => Promise<Response>])[] = [
    [401, (n) => ask(`/logs/guess-${n}`)],
    [401, (n) => ask(`/logs/guess-${n}/export`, { headers: { authorization: "Bearer guess" } })],
    [401, (n) => ask(`/logs/guess-${n}/commits`, { method: "POST", headers: json, body: "x".repeat(100_000) })],
    [401, (n) => ask(`/logs/guess-${n}/tickets`, { method: "POST", headers: json, body: "{}" })],
    [400, (n) => ask(`/logs/-guess-${n}`, { headers: { authorization } })],
    [404, () => ask("/logs/bad%ff", { headers: { authorization } })],
    [404, (n) => ask(`/logs/guess-${n}/secrets`, { headers: { authorization } })],
    [404, (n) => ask(`/logs/guess-${n}`, { method: "PUT", headers: { authorization, ...json }, body: "{}" })],
    [426, (n) => ask(`/logs/guess-${n}/live?ticket=guess`, { headers: { authorization } })],
    [
      403,
      (n) =>
        ask(`/logs/guess-${n}/commits`, {
          method: "POST",
          headers: { authorization, ...json, "sec-fetch-site": "cross-site" },
          body: "{}",
        }),
    ],
  ];
  for (const [status, send] of wrong) {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => send(n)));
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => status));
    await Promise.all(answers.map((answer) => answer.text()));
  }
  expect(objects()).toEqual(stored);
  expect(await logAfter(place)).toEqual([]);
});

test("demo:edge: a push that is refused, read or unread, leaves the runtime's log empty", async () => {
  const place = server.output().length;
  const headers = { authorization: "Bearer demo:ada" };
  const send = (contentType: string, body: string) =>
    fetch(`${server.origin}/sync/logs/refused/commits`, {
      method: "POST",
      headers: { ...headers, "content-type": contentType },
      body,
    });
  for (let n = 0; n < 10; n++) {
    expect((await send("text/plain", "{}")).status).toBe(415);
    expect((await send("text/plain", "x".repeat(500_000))).status).toBe(415);
  }
  expect((await send("application/json", "x".repeat(2_000_000))).status).toBe(413);
  expect((await send("application/json", "not JSON")).status).toBe(400);
  expect(await logAfter(place)).toEqual([]);
  expect(objects().length).toBeLessThanOrEqual(2);
});
