/** Two people who change the same thing: refused changes, the choice between two texts, and undo. */
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import {
  addCards,
  cardOf,
  columnOf,
  dragTo,
  offlineSwitch,
  openRefusals,
  panel,
  refusals,
  renameCard,
  shows,
  titlesIn,
  waitForSync,
} from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

// Trimmed, because WebKit ends the text of a block with a line break.
const textsOf = async (where: Locator) =>
  (await where.locator(".conflict > div").allInnerTexts()).map((text) => text.trim());

const disagree = async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "To do", ["Milk"]);
  await cardOf(ben, "Milk").waitFor();
  await offlineSwitch(ben).click();
  await waitForSync(ben, "Offline");
  await renameCard(ben, "Milk", "Soy milk");
  await renameCard(ada, "Milk", "Oat milk");
  await waitForSync(ada, "Live");
  await offlineSwitch(ben).click();
  await cardOf(ben, "Oat milk").getByRole("group", { name: "Two texts for the title" }).waitFor();
  return { ada, ben };
};
const THREE_TEXTS = [/^You saw\s+Milk$/, /^Ada wrote\s+Oat milk$/, /^You wrote\s+Soy milk$/];
const matchTexts = async (where: Locator) => {
  await expect.poll(() => textsOf(where)).toEqual(THREE_TEXTS.map((text): unknown => expect.stringMatching(text)));
};

test("conflict: the list shows the title that the person saw, the one now, and who wrote it", async () => {
  const { ada, ben } = await disagree();
  await openRefusals(ben);
  await refusals(ben).getByRole("heading", { name: "You wanted to rename “Milk” to “Soy milk”" }).waitFor();
  await matchTexts(refusals(ben));
  await refusals(ben).getByRole("button", { name: "Use mine" }).click();
  await cardOf(ada, "Soy milk").waitFor();
  await refusals(ben).waitFor({ state: "detached" });
  for (const page of [ada, ben]) await shows(page, "To do", ["Soy milk"]);
});

test("conflict: the card shows both titles, the badge counts, and the choice returns the focus", async () => {
  const { ada, ben } = await disagree();
  await waitForSync(ben, "Live · 1 refused");
  await ben
    .getByRole("status")
    .filter({ hasText: "A change of yours was refused. Choose on the card" })
    .first()
    .waitFor({ state: "attached" });
  await matchTexts(cardOf(ben, "Oat milk"));
  await cardOf(ben, "Oat milk").getByRole("button", { name: "Keep Ada’s" }).press("Enter");
  await refusals(ben).waitFor({ state: "detached" });
  await waitForSync(ben, /^Live$/);
  await expect.poll(() => ben.evaluate(() => document.activeElement?.textContent)).toBe("Oat milk");
  await ben.getByRole("status").filter({ hasText: "“Oat milk” by Ada is kept" }).first().waitFor({ state: "attached" });
  for (const page of [ada, ben]) await shows(page, "To do", ["Oat milk"]);
});

test("conflict: the open card shows both titles too, and the choice keeps the focus in it", async () => {
  const { ben } = await disagree();
  await cardOf(ben, "Oat milk").locator(".card-open").click();
  await matchTexts(panel(ben));
  await panel(ben).getByRole("button", { name: "Keep Ada’s" }).press("Enter");
  await panel(ben).getByRole("button", { name: "Keep Ada’s" }).waitFor({ state: "detached" });
  await expect.poll(() => ben.evaluate(() => document.activeElement?.textContent)).toBe("Card");
  await refusals(ben).waitFor({ state: "detached" });
});

test("conflict: four refusals take one line of a phone, and one choice settles them all", async () => {
  const TITLES = ["Milk", "Bread", "Salt", "Rice"];
  const [ada, ben] = [
    await demo.open("Ada"),
    await demo.open("Ben", { viewport: { width: 390, height: 844 }, isMobile: engine === "chromium" }),
  ];
  await addCards(ada, "To do", TITLES);
  await cardOf(ben, "Rice").waitFor();
  await offlineSwitch(ben).click();
  await waitForSync(ben, "Offline");
  for (const title of TITLES) await renameCard(ben, title, `${title} by Ben`);
  // Two changes of one title are one choice.
  await renameCard(ben, "Milk by Ben", "Cream by Ben");
  for (const title of TITLES) await renameCard(ada, title, `${title} by Ada`);
  await waitForSync(ada, "Live");
  await offlineSwitch(ben).click();
  await waitForSync(ben, "5 refused");
  await refusals(ben).getByText("5 changes of yours were refused").waitFor();
  const box = await refusals(ben).boundingBox();
  expect(box?.height).toBeLessThan(844 / 10);
  // The Tab key reaches the refusals before the board.
  expect(
    await refusals(ben).evaluate(
      (section) => section.compareDocumentPosition(document.querySelector("main") ?? section) & 4,
    ),
  ).toBe(4);
  await openRefusals(ben);
  expect(await refusals(ben).getByRole("listitem").count()).toBe(4);
  await refusals(ben)
    .getByRole("listitem")
    .filter({ hasText: "You wanted to rename “Milk” to “Cream by Ben”" })
    .waitFor();
  await refusals(ben).getByRole("button", { name: "Keep what is there" }).click();
  await refusals(ben).waitFor({ state: "detached" });
  await waitForSync(ben, /^Live$/);
  await shows(
    ben,
    "To do",
    TITLES.map((title) => `${title} by Ada`),
  );
  expect(await ben.evaluate(() => document.activeElement?.className)).toBe("card-open");
});

test("conflict: a refused change stays over a reload until the person keeps the other title", async () => {
  const { ada, ben } = await disagree();
  await ben.reload();
  await openRefusals(ben);
  await refusals(ben).getByRole("button", { name: "Keep Ada’s" }).click();
  await refusals(ben).waitFor({ state: "detached" });
  await ben.reload();
  await cardOf(ben, "Oat milk").waitFor();
  await waitForSync(ben, "Live");
  expect(await refusals(ben).count()).toBe(0);
  await cardOf(ada, "Oat milk").waitFor();
});

test("conflict: a card moved into a removed column is refused and stays where it was", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "To do", ["Milk"]);
  await cardOf(ben, "Milk").waitFor();
  await offlineSwitch(ben).click();
  await cardOf(ben, "Milk").locator(".card-open").click();
  await panel(ben).getByRole("combobox", { name: "Column" }).selectOption({ label: "Doing" });
  await ben.keyboard.press("Escape");
  await shows(ben, "Doing", ["Milk"]);
  await ada.getByRole("button", { name: "Column Doing" }).click();
  await ada.getByRole("menuitem", { name: "Remove" }).click();
  await panel(ada).getByRole("button", { name: "Remove" }).click();
  await columnOf(ada, "Doing").waitFor({ state: "detached" });
  await offlineSwitch(ben).click();
  await openRefusals(ben);
  await refusals(ben).getByText("The column has been removed").waitFor();
  await cardOf(ben, "Milk").getByText("A change was refused").waitFor();
  await shows(ben, "To do", ["Milk"]);
});

test("conflict: a card that returns to a removed column waits in a lane of its own", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "Doing", ["Milk"]);
  await cardOf(ben, "Milk").waitFor();
  await cardOf(ada, "Milk").locator(".card-open").click();
  await panel(ada).getByRole("button", { name: "Archive" }).click();
  await cardOf(ben, "Milk").waitFor({ state: "detached" });
  await ben.getByRole("button", { name: "Column Doing" }).click();
  await ben.getByRole("menuitem", { name: "Remove" }).click();
  await panel(ben).getByRole("button", { name: "Remove" }).click();
  await columnOf(ada, "Doing").waitFor({ state: "detached" });
  await ada.locator(".notice").getByRole("button", { name: "Undo" }).click();
  const lane = (page: Page) => page.getByRole("region", { name: "Cards without a column" });
  for (const page of [ada, ben]) await lane(page).locator(".card-open", { hasText: "Milk" }).waitFor();
  await dragTo(ben, cardOf(ben, "Milk"), columnOf(ben, "To do").locator(".cards"));
  for (const page of [ada, ben]) {
    await shows(page, "To do", ["Milk"]);
    await lane(page).waitFor({ state: "detached" });
  }
});

const renamedTwice = async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "To do", ["Milk"]);
  await renameCard(ada, "Milk", "Oat milk");
  await cardOf(ben, "Oat milk").waitFor();
  return { ada, ben };
};

test("undo: another person's newer title stays until the person chooses to replace it", async () => {
  const { ada, ben } = await renamedTwice();
  await renameCard(ben, "Oat milk", "Soy milk");
  await cardOf(ada, "Soy milk").locator(".card-open").press("Control+z");
  await ada.locator(".notice").getByText("Ben renamed the card to “Soy milk”. Undo would replace that.").waitFor();
  await waitForSync(ada, "Live");
  expect(await titlesIn(ben, "To do")).toEqual(["Soy milk"]);
  await ada.locator(".notice").getByRole("button", { name: "Undo anyway" }).click();
  await cardOf(ben, "Milk").waitFor();
});

test("undo: another person's comment does not stop the undo of a title", async () => {
  const { ada, ben } = await renamedTwice();
  await cardOf(ben, "Oat milk").locator(".card-open").click();
  await panel(ben).getByRole("textbox", { name: "Your comment" }).fill("Two litres?");
  await panel(ben).getByRole("button", { name: "Comment" }).click();
  await cardOf(ada, "Oat milk").getByText("1").waitFor();
  await cardOf(ada, "Oat milk").locator(".card-open").press("Control+z");
  await shows(ada, "To do", ["Milk"]);
  await ben.keyboard.press("Escape");
  await shows(ben, "To do", ["Milk"]);
  await ada.locator(".notice").getByText("Undone: “Oat milk” is called “Milk”").waitFor();
});

test("undo: the notice of a removed column brings it back with the cards that nobody moved since", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "Doing", ["Milk", "Salt", "Bread"]);
  await addCards(ada, "To do", ["Rice"]);
  await ada.getByRole("button", { name: "Column Doing" }).click();
  await ada.getByRole("menuitem", { name: "Remove" }).click();
  await panel(ada).getByRole("button", { name: "Remove" }).click();
  await shows(ben, "To do", ["Rice", "Milk", "Salt", "Bread"]);
  await dragTo(ben, cardOf(ben, "Salt"), columnOf(ben, "Done").locator(".cards"));
  await shows(ada, "Done", ["Salt"]);
  await ada.locator(".notice").getByRole("button", { name: "Undo" }).click();
  for (const page of [ada, ben]) {
    await shows(page, "Doing", ["Milk", "Bread"]);
    await shows(page, "To do", ["Rice"]);
    await shows(page, "Done", ["Salt"]);
  }
});

test("undo: a removed column returns with its cards, the notice says so, and Redo repeats it", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "Doing", ["Milk"]);
  await ada.getByRole("button", { name: "Column Doing" }).click();
  await ada.getByRole("menuitem", { name: "Remove" }).click();
  await panel(ada).getByRole("button", { name: "Remove" }).click();
  await shows(ada, "To do", ["Milk"]);
  await ada.getByRole("banner").getByRole("button", { name: "Undo" }).click();
  await shows(ada, "Doing", ["Milk"]);
  await ada.locator(".notice").getByText("Undone: The column “Doing” is back, and 1 more").waitFor();
  await ada.getByRole("button", { name: "Redo" }).click();
  await columnOf(ada, "Doing").waitFor({ state: "detached" });
  await shows(ada, "To do", ["Milk"]);
  await waitForSync(ada, /^Live$/);
});
