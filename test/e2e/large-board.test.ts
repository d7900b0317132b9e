/** A board whose columns have more cards than the page has elements for. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { engine } from "./support/browser.ts";
import { addCards, cardOf, columnOf, type Demo, startDemo, waitForSync } from "./support/demo-board.ts";

let demo: Demo;
let log: string;

beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.close());
beforeEach(() => {
  log = `large-${crypto.randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  await demo.leave();
  const errors = demo.takeErrors();
  if (errors.length > 0) throw new Error(`A page failed: ${errors.join("\n")}`);
});

const todo = (page: Page) => page.locator("[data-column=todo]");
const cards = (page: Page) => todo(page).locator("li.card");
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? "");

/** A board with 10,000 cards more than it had, which its own menu adds. */
async function openLarge(): Promise<Page> {
  const page = await demo.open(log, "Ada");
  await page.getByRole("button", { name: "Board", exact: true }).click();
  await page.getByRole("menuitem", { name: "Add 10,000 cards" }).click();
  await page.getByText("10,000 cards were added").first().waitFor({ timeout: 60_000 });
  await waitForSync(page, /^Live$/);
  return page;
}

// A profile in memory of Firefox has no space for the index of 10,000 cards.
test.runIf(engine === "chromium")(
  "large board: 10,000 cards reach another device, and a page has elements for few",
  { timeout: 180_000 },
  async () => {
    await openLarge();
    const ben = await demo.open(log, "Ben");
    await columnOf(ben, "To do").getByText("3334", { exact: true }).waitFor({ timeout: 60_000 });
    expect(await ben.locator("li.card").count()).toBeLessThan(150);

    // Keys: the focus goes from card to card, also to cards that had no element.
    await cards(ben).first().locator(".card-open").focus();
    for (let press = 0; press < 40; press++) await ben.keyboard.press("ArrowDown");
    const fortieth = await focused(ben);
    expect(fortieth).toMatch(/ 121$/);
    // The focused card keeps its element while the list is scrolled far away.
    await todo(ben)
      .locator(".cards")
      .evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await cards(ben)
      .filter({ hasText: / 10000$/ })
      .waitFor();
    expect(await focused(ben)).toBe(fortieth);

    // A card is carried with keys from there.
    await ben.keyboard.press("Space");
    await ben.keyboard.press("ArrowUp");
    await ben.keyboard.press("Space");
    await ben
      .getByText(/is now in To do, place 40/)
      .first()
      .waitFor({ state: "attached" });

    // Screen readers hear the place among all cards.
    expect(await cards(ben).first().getAttribute("aria-setsize")).toBe("3334");

    // A new card is shown, although it is the last of thousands.
    await addCards(ben, "To do", ["Buy rosin"]);
    await expect
      .poll(() => cardOf(ben, "Buy rosin").evaluate((card) => card.getBoundingClientRect().bottom < innerHeight))
      .toBe(true);

    // A card is dragged with the mouse to a place far from the top.
    await todo(ben)
      .locator(".cards")
      .evaluate((list) => list.scrollTo(0, 20_000));
    const held = columnOf(ben, "Doing").locator("li.card").first();
    const title = await held.locator(".card-open").innerText();
    await held.hover();
    await ben.mouse.down();
    const box = await todo(ben).locator(".cards").boundingBox();
    if (!box) throw new Error("The list has no box");
    await ben.mouse.move(box.x + 60, box.y + 150, { steps: 12 });
    await ben.mouse.up();
    await expect
      .poll(() =>
        cards(ben)
          .filter({ has: ben.locator(".card-open", { hasText: new RegExp(`^${title}$`) }) })
          .count(),
      )
      .toBe(1);
    const place = await cards(ben)
      .filter({ has: ben.locator(".card-open", { hasText: new RegExp(`^${title}$`) }) })
      .getAttribute("aria-posinset");
    expect(Number(place)).toBeGreaterThan(300);

    // Ctrl+F opens the board's search, because find-in-page cannot reach all.
    await ben.keyboard.press("Control+f");
    const search = ben.getByRole("dialog", { name: "Search cards" });
    await search.getByRole("searchbox").fill("harpsich brass 6");
    await search.getByText(/ \d+ cards$|^\d+ cards$|^1 card$/).waitFor({ timeout: 60_000 });
    const found = await search.locator(".found span").allInnerTexts();
    expect(found.length).toBeGreaterThan(0);
    for (const text of found) expect(text).toMatch(/harpsichord for the brass 6/);
  },
);

test("search: it finds pending cards offline, follows changes, and opens a card", async () => {
  const page = await demo.open(log, "Ada");
  await addCards(page, "To do", ["Order new strings", "Book the hall"]);
  await page.getByRole("switch", { name: "Offline" }).click();
  await addCards(page, "Doing", ["Tune the strings"]);
  await page.getByRole("button", { name: "Search cards" }).click();
  const search = page.getByRole("dialog", { name: "Search cards" });
  await search.locator("input").fill("STRI");
  await expect
    .poll(async () => (await search.locator(".found span").allInnerTexts()).toSorted((a, b) => (a < b ? -1 : 1)))
    .toEqual(["Order new strings", "Tune the strings"]);
  await search.locator("input").fill("tune");
  await search.getByText("1 card").waitFor();
  await search.locator("input").press("Enter");
  await page.getByRole("dialog", { name: /Tune the strings/ }).waitFor();
});

// Playwright grants the clipboard in Chromium only.
test.runIf(engine === "chromium")("share link: a person who opens it enters a name and shares the board", async () => {
  const page = await demo.open(log, "Ada");
  await addCards(page, "To do", ["Book the hall"]);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Board", exact: true }).click();
  await page.getByRole("menuitem", { name: "Copy a link to this board" }).click();
  await page.getByText("The link is copied").first().waitFor();
  const address = await page.evaluate(() => navigator.clipboard.readText());
  expect(address).not.toContain("Ada");
  const ben = await demo.visit(new URL(address).pathname + new URL(address).search);
  await ben.getByRole("textbox", { name: "Your name" }).fill("Ben");
  await ben.getByRole("button", { name: "Open the board" }).click();
  await cardOf(ben, "Book the hall").waitFor();
});
