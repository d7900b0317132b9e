/** The focus of a person who uses the keyboard: it stays on the board when its place disappears. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, columnOf } from "./support/board-page.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

const focused = (page: Page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute("aria-label") ?? element?.className ?? "";
  });

test("focus: after a card was archived, the focus is on the card below it", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Buy rosin", "Tune the harp"]);
  await cardOf(page, "Buy rosin").locator(".card-open").press("Enter");
  await page.getByRole("button", { name: "Archive" }).click();
  await cardOf(page, "Buy rosin").waitFor({ state: "detached" });
  await expect.poll(() => focused(page)).toMatch(/^Tune the harp/);
});

test("focus: after another person archived the focused card, the focus is on a card beside it", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Tune the harp", "Buy rosin"]);
  await cardOf(page, "Buy rosin").locator(".card-open").focus();
  const ben = await demo.open("Ben");
  await cardOf(ben, "Buy rosin").locator(".card-open").press("Enter");
  await ben.getByRole("button", { name: "Archive" }).click();
  await cardOf(page, "Buy rosin").waitFor({ state: "detached" });
  await expect.poll(() => focused(page)).toMatch(/^Tune the harp/);
});

test("focus: a card that was found by search has the focus after it is closed", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "Doing", ["Tune the harp"]);
  await page.keyboard.press("Control+k");
  const search = page.getByRole("dialog", { name: "Search cards" });
  await search.locator("input").pressSequentially("harp");
  await search.getByText("1 card").waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: /Tune the harp/ }).waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(() => focused(page)).toMatch(/^Tune the harp/);
});

test("focus: one Escape closes the search also with a text in it, and returns the focus", async () => {
  const page = await demo.open("Ada");
  const button = page.getByRole("button", { name: "Search cards" });
  await button.press("Enter");
  const search = page.getByRole("dialog", { name: "Search cards" });
  await search.locator("input").pressSequentially("harp");
  await page.keyboard.press("Escape");
  await search.waitFor({ state: "detached" });
  await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
});

test("focus: after a column was added, the focus is on the button that adds the next one", async () => {
  const page = await demo.open("Ada");
  const button = page.getByRole("button", { name: "Add a column" });
  for (const name of ["Later", "Never"]) {
    await button.press("Enter");
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name }).waitFor();
    await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
    await expect
      .poll(() => button.evaluate((element) => element.getBoundingClientRect().right <= innerWidth))
      .toBe(true);
  }
});

test("focus: after a column was removed, the focus is on the board", async () => {
  const page = await demo.open("Ada");
  await page.getByRole("button", { name: "Column Doing" }).press("Enter");
  await page.getByRole("menuitem", { name: /^Remove/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).press("Enter");
  await columnOf(page, "Doing").waitFor({ state: "detached" });
  await expect.poll(() => focused(page)).toMatch(/^board/);
});

const text = (page: Page) => page.getByRole("textbox", { name: "Description" });

/** Both people write a description. Ben types until he has the choice, so that nothing saves his text. */
async function writeBoth(): Promise<{ readonly ada: Page; readonly ben: Page }> {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Buy rosin"]);
  const ben = await demo.open("Ben");
  // With clicks, because Firefox opens nothing by Enter in a window that is not in front.
  for (const page of [ada, ben]) await cardOf(page, "Buy rosin").locator(".card-open").click();
  const choice = ben.getByRole("button", { name: "Use mine" });
  const typed = async () => {
    await text(ben).press("d");
    return choice.count();
  };
  const written = text(ada)
    .pressSequentially("Light")
    .then(() => text(ada).blur());
  await expect.poll(typed, { interval: 50, timeout: 30_000 }).toBe(1);
  await written;
  return { ada, ben };
}

test("description: after a choice between two texts, the focus is in the text", async () => {
  const { ada, ben } = await writeBoth();
  const mine = await text(ben).inputValue();
  await ben.getByRole("button", { name: "Use mine" }).click();
  await expect.poll(() => text(ben).evaluate((field) => field === document.activeElement)).toBe(true);
  await expect.poll(() => text(ada).inputValue()).toBe(mine);
});

test("description: a panel that is closed without a choice says that the text is kept", async () => {
  const { ben } = await writeBoth();
  await ben.keyboard.press("Escape");
  await expect.poll(() => ben.getByText("Your draft on “Buy rosin” is kept").count()).toBeGreaterThan(0);
});
