/** A board whose columns have more cards than the page has elements for. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, columnOf, waitForSync } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

const todo = (page: Page) => page.locator("[data-column=todo]");
const cards = (page: Page) => todo(page).locator("li.card");
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? "");

/** A board with 10,000 cards more than it had, which its own menu adds. */
async function openLarge(): Promise<Page> {
  const page = await demo.open("Ada");
  await page.getByRole("button", { name: "Board", exact: true }).click();
  await page.getByRole("menuitem", { name: "Add 10,000 cards" }).click();
  await page.getByText("10,000 cards were added").first().waitFor({ timeout: 60_000 });
  await waitForSync(page, /^Live$/);
  return page;
}

// A profile in memory of Firefox has no space for 10,000 cards.
test.runIf(engine === "chromium")(
  "large board: 10,000 cards reach another device, and a page has elements for few",
  async () => {
    await openLarge();
    const ben = await demo.open("Ben");
    await columnOf(ben, "To do").getByText("3,334", { exact: true }).waitFor({ timeout: 60_000 });
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

test.runIf(engine === "chromium")(
  "large touch drag: a finger carries a card over many screens of a large column",
  async () => {
    const ada = await demo.open("Ada");
    await addCards(ada, "To do", ["One", "Two", "Three"]);
    await ada.getByRole("button", { name: "Board", exact: true }).click();
    await ada.getByRole("menuitem", { name: "Show the log" }).click();
    await openLarge();
    // The log follows it with a limited number of lines, and says so.
    const lines = ada.getByRole("region", { name: "The log" });
    await lines.getByText("some events have no line").waitFor({ timeout: 60_000 });
    await expect.poll(() => lines.locator("li").filter({ hasText: "arrived" }).count()).toBeGreaterThan(20);
    expect(await lines.locator("li").count()).toBeLessThanOrEqual(200);
    const page = await demo.open("Cleo", {
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    await columnOf(page, "To do").getByText("3,337", { exact: true }).waitFor({ timeout: 60_000 });
    const first = () =>
      cards(page)
        .locator(".card-open")
        .evaluateAll((all) => all.slice(0, 4).map((it) => it.textContent));
    await expect.poll(first).toEqual(["One", "Two", "Three", expect.stringMatching(/ 4$/)]);

    const finger = await page.context().newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", x = 0, y = 0) =>
      finger.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
    const held = await cards(page).nth(1).boundingBox();
    const list = todo(page).locator(".cards");
    const box = await list.boundingBox();
    if (!held || !box) throw new Error("The list has no box");
    const [x, y, edge] = [held.x + 80, held.y + 15, box.y + box.height - 8];
    // A swipe scrolls. It must not lift the card.
    await Promise.all([touch("touchStart", x, y), touch("touchMove", x, y - 15)]);
    for (let step = 2; step <= 5; step++) await touch("touchMove", x, y - 10 * step);
    await touch("touchEnd");
    expect(await page.locator(".ghost").count()).toBe(0);
    // A touch on a list that still scrolls stops it, and lifts nothing.
    await list.evaluate(async (it) => {
      for (let still = 0, last = -1; still < 20; last = it.scrollTop) {
        await new Promise(requestAnimationFrame);
        still = it.scrollTop === last ? still + 1 : 0;
      }
      it.scrollTo(0, 0);
    });
    await expect.poll(first).toEqual(["One", "Two", "Three", expect.stringMatching(/ 4$/)]);

    // A finger that rests lifts it. At the edge the list scrolls, until the card's own element is long gone.
    await touch("touchStart", x, y);
    await page.locator(".ghost").waitFor();
    await touch("touchMove", x, edge - 100);
    await touch("touchMove", x, edge);
    await expect.poll(() => list.evaluate((it) => it.scrollTop)).toBeGreaterThan(3_000);
    await touch("touchMove", x, box.y + box.height / 2);
    await page.locator(".gap").waitFor();
    await touch("touchEnd");
    await page.locator(".ghost").waitFor({ state: "detached" });
    const carried = cards(page).filter({ has: page.locator(".card-open", { hasText: /^Two$/ }) });
    await expect.poll(() => carried.getAttribute("aria-posinset").then(Number)).toBeGreaterThan(40);
    const place = await carried.getAttribute("aria-posinset");
    await page.getByText(`“Two” is now in To do, place ${place}`).first().waitFor({ state: "attached" });
    await list.evaluate((it) => it.scrollTo(0, 0));
    await expect
      .poll(first, { timeout: 30_000 })
      .toEqual(["One", "Three", expect.stringMatching(/ 4$/), expect.stringMatching(/ 7$/)]);
  },
);

test("search: words that are typed right after Ctrl+K reach it", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Order new strings"]);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("stri");
  const search = page.getByRole("dialog", { name: "Search cards" });
  await search.getByText("1 card").waitFor();
  expect(await search.locator("input").inputValue()).toBe("stri");
});

test("search: it finds pending cards offline, follows changes, and opens a card", async () => {
  const page = await demo.open("Ada");
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
  const page = await demo.open("Ada");
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
