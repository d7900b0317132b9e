/** Rebuilding rows from a page of a real browser: wrong rows in IndexedDB, two tabs, commands meanwhile, a crash. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type BareBrowser, startBareBrowser } from "./support/bare-browser.ts";
import { openPage, type Site, startSite } from "./support/site.ts";

let site: Site;
let browser: BareBrowser | null = null;

beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());
afterEach(async () => {
  await browser?.close();
  browser = null;
});

const COUNT = 300;
const query = { log: "team", user: "ada" };

/** Writes other titles into the stored rows, once there are rows. Returns false until then. */
const damage = (page: Page) =>
  page.evaluate(async () => {
    const [found] = await indexedDB.databases();
    const request = indexedDB.open(found?.name ?? "");
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("The database does not open"));
    });
    const buckets = database.transaction(["buckets"], "readwrite").objectStore("buckets");
    const changed = await new Promise<number>((resolve) => {
      let count = 0;
      buckets.openCursor().onsuccess = ({ target }) => {
        const cursor = (target as IDBRequest<IDBCursorWithValue | null>).result;
        if (!cursor) return resolve(count);
        const [table] = Array.isArray(cursor.key) ? cursor.key : [];
        const text = String(cursor.value).replaceAll('"title":"card ', '"title":"wrong ');
        if (text !== cursor.value && typeof table === "string" && table.startsWith("board@")) {
          cursor.update(text);
          count++;
        }
        cursor.continue();
      };
    });
    database.close();
    return changed > 0;
  });

/** A page behind another tab has no animation frames, so it is polled. */
const isOpen = (page: Page) => page.waitForFunction(() => "board" in window, undefined, { polling: 100 });

/** How many titles are right and wrong. */
const titles = async (page: Page) => {
  const rows = JSON.parse(await page.evaluate(() => window.board.rows())) as { row: { title: string } }[];
  const count = (word: string) => rows.filter(({ row }) => row.title.startsWith(word)).length;
  return { right: count("card"), wrong: count("wrong") };
};

async function openDamaged(): Promise<[Page, Page]> {
  browser = await startBareBrowser();
  const page = await openPage(browser.context, site, query);
  await page.evaluate((count) => window.board.addAtOnce("card", count), COUNT);
  await page.waitForFunction((count) => window.board.status().position === count, COUNT);
  await expect.poll(() => damage(page)).toBe(true);
  await page.reload();
  await isOpen(page);
  const other = await openPage(browser.context, site, query);
  expect(await titles(other)).toEqual({ right: 0, wrong: COUNT });
  expect(await titles(page)).toEqual({ right: 0, wrong: COUNT });
  return [page, other];
}

test("rebuild: wrong rows become right in both tabs, while commands continue", async () => {
  const [page, other] = await openDamaged();
  const [reports] = await Promise.all([
    page.evaluate(() => window.board.rebuild()),
    other.evaluate(() => window.board.rebuild()),
    page.evaluate(() => window.board.add("cardlater", 20)),
  ]);
  expect(reports.length).toBeGreaterThan(2);
  expect(reports.at(-1)?.done).toBe(reports.at(-1)?.of);
  const all = { right: COUNT + 20, wrong: 0 };
  expect(await titles(page)).toEqual(all);
  await expect.poll(() => titles(other)).toEqual(all);
  await page.reload();
  await isOpen(page);
  expect(await titles(page)).toEqual(all);
  const at = await page.evaluate(() => window.board.rowsAt(2));
  expect(at.rows.map(({ row }) => row.title)).toEqual(["card 0", "card 1"]);
  expect(at.event).toMatchObject({ type: "TaskAdded", position: 2, pending: false });
});

test("rebuild: a browser that crashes in it shows all old rows or all new rows", async () => {
  let [page] = await openDamaged();
  await page.evaluate(() => void window.board.rebuild());
  browser = (await browser?.restart()) ?? expect.fail("no browser");
  page = await openPage(browser.context, site, query);
  const { right, wrong } = await titles(page);
  expect([Math.min(right, wrong), Math.max(right, wrong)]).toEqual([0, COUNT]);
  await page.evaluate(() => window.board.rebuild());
  expect(await titles(page)).toEqual({ right: COUNT, wrong: 0 });
});
