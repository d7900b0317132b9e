/** One browser, in each engine: its tabs close and reload, and its network comes and goes. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { boardForTests } from "./support/board-for-tests.ts";
import { freshProfile } from "./support/browser.ts";

const board = boardForTests();

const status = (page: Page) => page.evaluate(() => window.board.status());
const leads = async (page: Page) => (await status(page)).leader;
const count = (page: Page) => page.evaluate(() => window.board.count());
const reaches = (page: Page, position: number) =>
  page.waitForFunction(
    (least) => {
      const { pending, position: at } = window.board.status();
      return pending === 0 && at >= least;
    },
    position,
    { timeout: 30_000, polling: 100 },
  ); // a hidden page has no animation frames

test("leader: if its tab closes, the other tab of the same browser syncs what both recorded", async () => {
  await using profile = await freshProfile();
  const context = await profile.launch();
  const tabs = [await board.open(context, "ada"), await board.open(context, "ada")] as const;
  await Promise.all(tabs.map((tab) => reaches(tab, 0)));
  const [leader, other] = (await leads(tabs[0])) ? tabs : [tabs[1], tabs[0]];
  expect([await leads(leader), await leads(other)]).toEqual([true, false]);
  board.network.cut();
  await leader.evaluate(() => window.board.add("leader", 3));
  await other.evaluate(() => window.board.add("other", 2));
  await leader.close();
  await other.waitForFunction(() => window.board.status().leader, undefined, { polling: 100 });
  board.network.up();
  await reaches(other, 5);
  expect([await count(other), (await status(other)).position]).toEqual([5, 5]);
});

test("execute: a reload right after execute resolved loses nothing, again and again", async () => {
  await using profile = await freshProfile();
  const page = await board.open(await profile.launch(), "ada");
  // Not `waitForFunction`, because in Firefox it may wait for a page that was left.
  const state = () =>
    page
      .evaluate(() => {
        if (!("board" in window)) return null;
        const acknowledged = Number(sessionStorage.getItem("acknowledged"));
        return { acknowledged, rows: window.board.count(), since: performance.timeOrigin };
      })
      .catch(() => null);
  for (let reloads = 0, since = (await state())?.since; reloads < 20;) {
    // The reload may end the call before it returns.
    await page
      .evaluate(async () => {
        await window.board.add1(crypto.randomUUID());
        sessionStorage.setItem("acknowledged", String(Number(sessionStorage.getItem("acknowledged")) + 1));
        location.reload();
      })
      .catch(() => {});
    await expect.poll(async () => (await state())?.since ?? since).not.toBe(since);
    const now = await state();
    if (!now || now.since === since) continue;
    ({ since } = now);
    expect(now.rows).toBeGreaterThanOrEqual(now.acknowledged);
    reloads++;
    expect(now.acknowledged).toBeGreaterThanOrEqual(reloads);
  }
  const rows = (await state())?.rows ?? 0;
  await reaches(page, rows);
  expect((await status(page)).position).toBe(rows);
});

test("network: 50 times offline and back during work lose and double nothing", async () => {
  await using profile = await freshProfile();
  const context = await profile.launch();
  const page = await board.open(context, "ada");
  const working = page.evaluate(async () => {
    for (let n = 0; n < 100; n++) {
      await window.board.add1(`t${n}`);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  });
  for (let round = 0; round < 50; round++) {
    if (round % 2 === 0) board.network.cut();
    else await context.setOffline(true);
    await page.waitForTimeout(40);
    board.network.up();
    await context.setOffline(false);
    await page.waitForTimeout(40);
  }
  await working;
  await reaches(page, 100);
  expect([await count(page), (await status(page)).position]).toEqual([100, 100]);
});
