/** The board by keyboard alone. */
import { expect, test } from "vitest";
import { addCards, cardOf, columnOf, panel, renameCard, shows } from "./support/board-page.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

test("keyboard: a card is lifted, carried to another column and dropped, and keeps the focus", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk", "Bread"]);
  await addCards(ada, "Doing", ["Salt"]);
  await cardOf(ada, "Bread").locator(".card-open").focus();
  await ada.keyboard.press("Space");
  await ada.keyboard.press("ArrowRight");
  await ada.keyboard.press("ArrowUp");
  await ada.keyboard.press("Space");
  await shows(ada, "Doing", ["Bread", "Salt"]);
  await ada
    .getByRole("status")
    .filter({ hasText: "“Bread” is now in Doing, place 1" })
    .first()
    .waitFor({ state: "attached" });
  await expect.poll(() => ada.evaluate(() => document.activeElement?.textContent)).toBe("Bread");
  await ada.keyboard.press("ArrowLeft");
  await expect.poll(() => ada.evaluate(() => document.activeElement?.textContent)).toBe("Milk");
  await ada.keyboard.press("Space");
  await ada.keyboard.press("ArrowRight");
  await ada.keyboard.press("Escape");
  await shows(ada, "To do", ["Milk"]);
});

test("keyboard: an open card keeps the focus inside, and Escape returns the focus", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  await cardOf(ada, "Milk").locator(".card-open").press("Enter");
  await panel(ada).waitFor();
  for (let n = 0; n < 25; n++) {
    await ada.keyboard.press("Tab");
    // Behind the last field the focus may pass the browser's own bar: then it is on the body, never on the board.
    expect(
      await ada.evaluate(
        () => document.activeElement === document.body || document.activeElement?.closest("dialog") !== null,
      ),
    ).toBe(true);
  }
  await ada.keyboard.press("Escape");
  await panel(ada).waitFor({ state: "detached" });
  expect(await ada.evaluate(() => document.activeElement?.textContent)).toBe("Milk");
});

test("keyboard: the focus moves at once, and stays in the next field after a rename", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  await columnOf(ada, "To do").getByRole("button", { name: "Add a card" }).click();
  const focused = await columnOf(ada, "To do")
    .getByRole("textbox")
    .evaluate((field) => {
      field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
      return document.activeElement?.textContent?.trim();
    });
  expect(focused).toBe("Add a card");
  await cardOf(ada, "Milk").locator(".card-open").press("F2");
  await ada.getByRole("textbox", { name: "Title", exact: true }).fill("Oat milk");
  await columnOf(ada, "Doing").getByRole("button", { name: "Add a card" }).click();
  await cardOf(ada, "Oat milk").waitFor();
  await ada.keyboard.type("Salt");
  await ada.keyboard.press("Enter");
  await shows(ada, "Doing", ["Salt"]);
});

test("keyboard: after renaming a column or an open card, the focus is back where it was", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  const focused = () =>
    ada.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
  await columnOf(ada, "To do").getByRole("button", { name: "Column To do" }).press("Enter");
  await ada.getByRole("menuitem", { name: "Rename" }).press("Enter");
  await ada.getByRole("textbox", { name: "Name of the column" }).fill("Errands");
  await ada.keyboard.press("Enter");
  await expect.poll(focused).toBe("Column Errands");
  await cardOf(ada, "Milk").locator(".card-open").press("Enter");
  await panel(ada).getByRole("button", { name: "Milk" }).press("Enter");
  await panel(ada).getByRole("textbox", { name: "Title", exact: true }).fill("Oat milk");
  await ada.keyboard.press("Enter");
  await expect.poll(focused).toBe("Oat milk");
});

test("keyboard: Ctrl+Z undoes the last change, and Ctrl+Shift+Z repeats it", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  await renameCard(ada, "Milk", "Oat milk");
  await cardOf(ada, "Oat milk").locator(".card-open").press("Control+z");
  await cardOf(ada, "Milk").waitFor();
  await shows(ada, "To do", ["Milk"]);
  await ada.keyboard.press("Control+Shift+z");
  await cardOf(ada, "Oat milk").waitFor();
  await shows(ada, "To do", ["Oat milk"]);
});
