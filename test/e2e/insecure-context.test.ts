/** A phone opens the developer's machine over plain http. That page is no secure context, so it has no Web Locks. */
import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { boardForTests } from "./support/board-for-tests.ts";
import { freshProfile, type Profile } from "./support/browser.ts";

/** A made-up host on this machine. Chromium trusts plain http on localhost only. */
const HOST = "phone.test";
const FLAGS = [`--host-resolver-rules=MAP ${HOST} 127.0.0.1`];

const board = boardForTests(HOST);
let profile: Profile;

beforeEach(async () => {
  profile = await freshProfile();
});
afterEach(() => profile[Symbol.asyncDispose]());

const synced = (page: Page, position: number) =>
  page.waitForFunction(
    (all) => {
      const { pending, position: at } = window.board.status();
      return pending === 0 && at === all;
    },
    position,
    { timeout: 30_000, polling: 100 },
  );
const features = (page: Page) => page.evaluate(() => window.board.status().reduced.map(({ feature }) => feature));

test("openLog: on plain http, a lone tab leads and syncs, and its status says what is reduced", async () => {
  const context = await profile.launch(FLAGS);
  const page = await board.open(context, "ada");
  expect(await page.evaluate(() => [isSecureContext, "locks" in navigator, "randomUUID" in crypto])).toEqual([
    false,
    false,
    false,
  ]);
  await page.evaluate(() => window.board.add("a", 3));
  await synced(page, 3);
  expect(await page.evaluate(() => window.board.status())).toMatchObject({ leader: true, error: null });
  expect(await features(page)).toEqual(["locks"]);
});

test("openLog: on plain http, a log without a server confirms its commits", async () => {
  const context = await profile.launch(FLAGS);
  const page = await board.open(context, "ada", false);
  const outcome = await page.evaluate(async () => {
    const { commit } = await window.board.add1("t1");
    return window.board.outcomes([commit]);
  });
  expect(outcome).toEqual(["accepted"]);
});

test("openLog: on plain http, two tabs end with one order, and nothing is doubled", async () => {
  const context = await profile.launch(FLAGS);
  const [first, second] = [await board.open(context, "ada"), await board.open(context, "ada")];
  await Promise.all([
    first.evaluate(() => window.board.addAtOnce("a", 100)),
    second.evaluate(() => window.board.addAtOnce("b", 100)),
  ]);
  await Promise.all([synced(first, 200), synced(second, 200)]);
  const rows = await first.evaluate(() => window.board.rows());
  expect(await second.evaluate(() => window.board.rows())).toBe(rows);
  expect(await first.evaluate(() => window.board.count())).toBe(200);
  await expect
    .poll(
      async () => [
        await first.evaluate(() => window.board.status().leader),
        await second.evaluate(() => window.board.status().leader),
      ],
      { timeout: 10_000 },
    )
    .toContain(false);
  await ((await second.evaluate(() => window.board.status().leader)) ? second : first).close();
  const left = first.isClosed() ? second : first;
  await left.evaluate(() => window.board.add("late", 1));
  await synced(left, 201);
});

test("openLog: with blocked site data, the log syncs from memory, and its status says so", async () => {
  // Chromium's setting "block all cookies and site data", which also blocks IndexedDB.
  await profile.prefer({ profile: { default_content_setting_values: { cookies: 2 } } });
  const context = await profile.launch(FLAGS);
  const page = await board.open(context, "ada");
  await page.evaluate(() => window.board.add("a", 3));
  await synced(page, 3);
  expect(await features(page)).toContain("storage");
  // A second tab has another memory, so it must not wait for the first tab.
  const second = await board.open(context, "ada");
  await second.evaluate(() => window.board.add("b", 2));
  await Promise.all([synced(page, 5), synced(second, 5)]);
  expect(await second.evaluate(() => window.board.rows())).toBe(await page.evaluate(() => window.board.rows()));
});
