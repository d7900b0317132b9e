/** Tabs in a real browser: frozen, crashed, kept in the back/forward cache, without a network again and again. */
import type { Page } from "playwright-core";
import { afterEach, expect, test } from "vitest";
import { type BareBrowser, startBareBrowser } from "./support/bare-browser.ts";
import { boardForTests } from "./support/board-for-tests.ts";
import { freshProfile } from "./support/browser.ts";
import { opened } from "./support/site.ts";

const board = boardForTests();
let browser: BareBrowser | null = null;

afterEach(async () => {
  await browser?.close();
  browser = null;
});

const status = (page: Page) => page.evaluate(() => window.board.status());
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

test("leader: a frozen leader is displaced, the other tab syncs, and nothing is doubled", async () => {
  browser = await startBareBrowser();
  const first = await board.open(browser.context, "ada");
  await first.waitForFunction(() => window.board.status().leader, undefined, { polling: 100 });
  const second = await board.open(browser.context, "ada");
  await second.bringToFront();
  await first.evaluate(() => window.board.add("before", 3));
  await reaches(first, 3);
  // A hidden leader yields to a visible tab, so freeze the tab that leads now.
  await second.waitForTimeout(3_000);
  const [leader, other] = (await status(first)).leader ? [first, second] : [second, first];
  await other.bringToFront();
  await browser.freeze(leader, true);
  await other.evaluate(() => window.board.add("frozen", 5));
  await reaches(other, 8);
  expect((await status(other)).leader).toBe(true);

  await browser.freeze(leader, false);
  await leader.bringToFront();
  await leader.evaluate(() => window.board.add("after", 2));
  await Promise.all([reaches(leader, 10), reaches(other, 10)]);
  expect([await count(leader), await count(other)]).toEqual([10, 10]);
  expect((await status(leader)).position).toBe(10);
});

test("browser: every acknowledged commit is there after a kill and a restart", async () => {
  browser = await startBareBrowser();
  let page = await board.open(browser.context, "ada");
  // Chromium writes the files of a new profile late. A kill in its first second may lose the whole site's storage.
  browser = await browser.restart();
  page = await board.open(browser.context, "ada");
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    await page.exposeFunction("acknowledged", () => void acknowledged++);
    const prefix = `round${round}-`;
    page
      .evaluate(async (name) => {
        for (let n = 0; n < 1_000; n++) {
          await window.board.add1(`${name}${n}`);
          (window as unknown as { acknowledged: () => void }).acknowledged();
        }
      }, prefix)
      .catch(() => {});
    const before = acknowledged;
    await expect.poll(() => acknowledged).toBeGreaterThan(before + 20);
    const known = acknowledged;
    browser = await browser.crash();
    page = await board.open(browser.context, "ada");
    expect(await count(page)).toBeGreaterThanOrEqual(known);
    acknowledged = await count(page);
  }
  const all = await count(page);
  await reaches(page, all);
  expect((await status(page)).position).toBe(all);
});

test("page: after the back/forward cache or a reload it shows the events of the meantime", async () => {
  browser = await startBareBrowser();
  const page = await board.open(browser.context, "ada");
  await page.evaluate(() => window.board.add("here", 2));
  await reaches(page, 2);
  await page.goto("about:blank");
  await using other = await freshProfile();
  const elsewhere = await board.open(await other.launch(), "bob");
  await elsewhere.evaluate(() => window.board.add("there", 3));
  await reaches(elsewhere, 5);
  await page.goBack({ waitUntil: "commit" }); // a page from the cache does not load
  await opened(page);
  await reaches(page, 5);
  expect(await count(page)).toBe(5);
});
