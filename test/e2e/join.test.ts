/** A new browser joins a long log from a base of a real server on a real SQLite file. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "../support/board-domain.ts";
import { parseOwnJson } from "../support/own-json.ts";
import { freshProfile, type Profile } from "./support/browser.ts";
import { opened, openPage, type Site, startSite } from "./support/site.ts";

const LOG = "long";
const TASKS = 600;
const profiles: Profile[] = [];
let site: Site;
let folder: string;

beforeAll(async () => {
  site = await startSite();
  folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-join-"));
});
afterAll(async () => {
  for (const profile of profiles) await profile[Symbol.asyncDispose]();
  await site.close();
  await rm(folder, { recursive: true, force: true });
});

const start = (port: number) =>
  serve({
    domain,
    store: sqlite(join(folder, "logs.db")),
    authorize: (request) => ({ actor: request.headers.get("authorization")?.slice("Bearer ".length) ?? "nobody" }),
    port,
    hostname: "127.0.0.1",
    origins: [site.origin],
    base: { everyEvents: 250 },
    limits: { pageEventsMax: 100 },
  });

async function profile() {
  const fresh = await freshProfile();
  profiles.push(fresh);
  return fresh.launch();
}

const rows = (page: Page) => page.evaluate(() => window.board.rows());
const status = (page: Page) => page.evaluate(() => window.board.status());
const synced = (page: Page, position: number) =>
  page.waitForFunction(
    (least) => {
      const { pending, position: at, head } = window.board.status();
      return pending === 0 && at >= least && at === head;
    },
    position,
    { timeout: 60_000 },
  );

test("join: a new browser shows the rows of the log byte for byte, and records without a network", async () => {
  const server = await start(0);
  const sync = server.url;
  const ada = await openPage(await profile(), site, { log: LOG, user: "ada", sync });
  await ada.evaluate(() => window.board.columns());
  await ada.evaluate((count) => window.board.addAtOnce("t", count), TASKS);
  await synced(ada, TASKS + 2);
  await expect
    .poll(async () => (await fetch(`${sync}/logs/${LOG}/base`, { headers: { authorization: "Bearer ada" } })).status, {
      timeout: 60_000,
    })
    .toBe(200);

  const bob = await openPage(await profile(), site, { log: LOG, user: "bob", sync });
  await synced(bob, TASKS + 2);
  expect(sorted(await rows(bob))).toBe(sorted(await rows(ada)));
  // The log on this device begins at the base. So the first events of its first streams are missing.
  const history = await bob.evaluate(() =>
    window.board.log.history(window.board.task, "t0").then(
      () => "there",
      (error: unknown) => String(error),
    ),
  );
  expect(history).toContain("joined the log after them");

  await server.close();
  await bob.reload();
  await opened(bob);
  expect(sorted(await rows(bob))).toBe(sorted(await rows(ada)));
  await bob.evaluate(() => window.board.work(25, 5));
  expect((await status(bob)).pending).toBe(25);

  const again = await start(Number(new URL(sync).port));
  await synced(bob, TASKS + 3);
  await synced(ada, (await status(bob)).position);
  expect(sorted(await rows(bob))).toBe(sorted(await rows(ada)));
  await again.close();
});

/** The rows in the order of their keys, because rows of a base come in the order of its buckets. */
function sorted(text: string): string {
  const entries = parseOwnJson<readonly { readonly key: string }[]>(text);
  return JSON.stringify(entries.toSorted((left, right) => (left.key < right.key ? -1 : 1)));
}
