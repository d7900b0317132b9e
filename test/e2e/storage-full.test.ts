/** A device without space: the board says what it did not save, keeps what a person typed, and continues later. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, columnOf, waitForSync } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();
const FULL = "This device has no space left, so this change is not saved.";

/** Limits the space of the site to what it uses now and a little more. Returns a function that ends this. */
async function limitSpace(page: Page, more: number): Promise<() => Promise<unknown>> {
  const { origin } = demo;
  const devtools = await page.context().newCDPSession(page);
  const { usage } = await devtools.send("Storage.getUsageAndQuota", { origin });
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + more });
  return () => devtools.send("Storage.overrideQuotaForOrigin", { origin });
}

/** Fills the space that is left with a database of its own, in smaller and smaller pieces. */
async function fillSpace(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const opening = indexedDB.open("filler");
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onupgradeneeded = () => opening.result.createObjectStore("pieces", { autoIncrement: true });
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(new Error("No database to fill"));
    });
    const isWritten = (bytes: number) =>
      new Promise<boolean>((resolve) => {
        const writing = database.transaction("pieces", "readwrite", { durability: "strict" });
        writing.objectStore("pieces").add(new Uint8Array(bytes));
        writing.oncomplete = () => resolve(true);
        writing.onabort = () => resolve(false);
      });
    for (const bytes of [100_000, 10_000, 1_000, 100]) while (await isWritten(bytes));
    database.close();
  });
}

/** Searches for a card, because it may have no element. */
async function isFound(page: Page, title: string): Promise<boolean> {
  const search = page.getByRole("dialog", { name: "Search cards" });
  if (!(await search.isVisible())) await page.keyboard.press("Control+k");
  await search.locator("input").fill(title);
  await search.getByText(/^(No card has these words\.|\d+ cards?)$/).waitFor();
  const titles = await search.locator(".found span").allInnerTexts();
  await search.locator("input").fill("");
  await page.keyboard.press("Escape");
  return titles.includes(title);
}

// Only Chromium can limit the space of a page that runs.
test.runIf(engine === "chromium")(
  "full device: typed texts stay in their fields, and with space all is sent and arrives",
  async () => {
    const ben = await demo.open("Ben");
    await addCards(ben, "To do", ["Order strings"]);
    // A page of its own, because Chromium remembers for half a minute how much space a site has.
    const first = await demo.visit("/");
    await first.evaluate(() => navigator.serviceWorker.ready);
    const makeSpace = await limitSpace(first, 400_000);
    const ada = await first.context().newPage();
    await ada.goto(ben.url().replace("as=Ben", "as=Ada"));
    await cardOf(ada, "Order strings").waitFor();
    await ada.getByRole("button", { name: "Board", exact: true }).click();
    await ada.getByRole("menuitem", { name: "Add 10,000 cards" }).click();
    await ada
      .getByText(/^[\d,]+ cards were added. This device has no space left/)
      .first()
      .waitFor({ timeout: 60_000 });

    await fillSpace(ada);
    const place = columnOf(ada, "Doing");
    await place.getByRole("button", { name: "Add a card" }).click();
    const title = place.getByRole("textbox", { name: "Title of the new card" });
    // Chromium counts the space of a write roughly, so some cards may still be saved.
    for (let n = 0, kept = ""; kept === "" && n < 100; n++) {
      await title.fill(`Tune harp ${n}.`);
      await title.press("Enter");
      // A notice of an earlier text may still be there, so only the card shows that this text was saved.
      const isAdded = await cardOf(ada, `Tune harp ${n}.`)
        .waitFor({ timeout: 3_000 })
        .then(
          () => true,
          () => false,
        );
      kept = isAdded ? "" : await title.inputValue();
    }
    await ada.getByText(FULL).locator("visible=true").first().waitFor();
    const unsaved = await title.inputValue();
    expect(unsaved).toMatch(/^Tune harp \d+.$/);
    await waitForSync(ada, /^No space left · \d+ waiting/);

    await cardOf(ada, "Order strings").locator(".card-open").click();
    const panel = ada.getByRole("dialog");
    await panel.getByRole("textbox", { name: "Description" }).fill("For the cello");
    await panel.getByText("Not saved. This tab keeps your text.").waitFor();
    await panel.getByRole("textbox", { name: "Your comment" }).fill("In May");
    await panel.getByRole("button", { name: "Comment", exact: true }).click();
    await expect.poll(() => panel.getByRole("textbox", { name: "Your comment" }).inputValue()).toBe("In May");
    await ada.keyboard.press("Escape");
    await addCards(ben, "Done", ["Book the hall"]);

    await makeSpace();
    // The next try may be a minute away, and Chromium remembers for half a minute that there was no space.
    await ada
      .getByRole("button", { name: /^Sync: / })
      .filter({ hasText: /^Live$/ })
      .waitFor({ timeout: 120_000 });
    await expect.poll(() => isFound(ada, "Book the hall")).toBe(true);
    await title.press("Enter");
    await expect.poll(() => isFound(ben, unsaved)).toBe(true);
    // The text is saved when its card is opened again.
    await cardOf(ada, "Order strings").locator(".card-open").click();
    await panel.getByText("Saved as you type").waitFor();
    await panel.getByRole("button", { name: "Comment", exact: true }).click();
    await waitForSync(ada, /^Live$/);
    await cardOf(ben, "Order strings").locator(".card-open").click();
    await expect.poll(() => ben.getByRole("textbox", { name: "Description" }).inputValue()).toBe("For the cello");
    await ben.getByText("In May").waitFor();
  },
);
