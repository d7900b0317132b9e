/** The whole board through time: a slider over all events of the board's log. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, renameCard, waitForSync } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

async function openView(page: Page) {
  await page.getByRole("button", { name: "Board", exact: true }).click();
  await page.getByRole("menuitem", { name: "Board through time" }).click();
  const view = page.getByRole("dialog", { name: "Board through time" });
  const slider = view.getByRole("slider", { name: "Event" });
  return {
    view,
    slider,
    event: view.locator(".time-event"),
    /** The titles of the cards, with the name of their column, once the view shows this event. */
    at: async (position: number) => {
      await view
        .getByRole("region", { name: `The board at event ${position.toLocaleString("en")}`, exact: true })
        .waitFor();
      const columns = view.locator(".column");
      return columns.evaluateAll((all) =>
        all.map((column) => [
          column.querySelector("h2")?.textContent,
          ...[...column.querySelectorAll("li.card p")].map(({ textContent }) => textContent),
        ]),
      );
    },
  };
}

test("board through time: each event, its words and the board after it, with keys and buttons", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Milk", "Bread"]);
  await page.getByRole("button", { name: "Done: Milk" }).click();
  await waitForSync(page, /^Live$/);
  const { view, slider, event, at } = await openView(page);
  // Three columns, two cards, one of them done.
  expect(await at(6)).toEqual([["To do", "Milk", "Bread"], ["Doing"], ["Done"]]);
  await event.getByText(/Milk.*: Ada marked it as done/).waitFor();
  expect(await slider.getAttribute("aria-valuetext")).toBe("Event 6 of 6");
  expect(await view.getByRole("listitem").filter({ hasText: "Milk" }).getAttribute("aria-current")).toBe("step");
  expect(await view.getByRole("img", { name: "done", exact: true }).count()).toBe(1);

  // The slider has the focus from the beginning, so arrow keys go through time at once.
  await page.keyboard.press("ArrowLeft");
  expect(await at(5)).toEqual([["To do", "Milk", "Bread"], ["Doing"], ["Done"]]);
  await event.getByText("Ada added the card “Bread”").waitFor();
  expect(await view.getByRole("img", { name: "done", exact: true }).count()).toBe(0);
  await view.getByRole("button", { name: "Previous event" }).click();
  expect(await at(4)).toEqual([["To do", "Milk"], ["Doing"], ["Done"]]);
  await slider.press("Home");
  expect(await at(0)).toEqual([]);
  await event.getByText("The empty board, before its first event").waitFor();
  await view.getByRole("button", { name: "Next event" }).click();
  expect(await at(1)).toEqual([["To do"]]);

  // Another device's card changes nothing here while the view is open.
  const ben = await demo.open("Ben");
  await addCards(ben, "To do", ["Rosin"]);
  await page.locator("li.card", { hasText: "Rosin" }).waitFor({ state: "attached" });
  expect(await slider.getAttribute("aria-valuetext")).toBe("Event 1 of 6");
  await view.getByRole("button", { name: "Da capo" }).click();
  expect(await at(0)).toEqual([]);
  expect(await at(6)).toEqual([["To do", "Milk", "Bread"], ["Doing"], ["Done"]]);
  await view.getByRole("button", { name: "Da capo" }).waitFor();
  await page.keyboard.press("Escape");
  await view.waitFor({ state: "detached" });
  const again = await openView(page);
  expect((await again.at(7))[0]).toEqual(["To do", "Milk", "Bread", "Rosin"]);
});

test("board through time: a renaming names the card or column as it was before", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Milk"]);
  await renameCard(page, "Milk", "Oat milk");
  await waitForSync(page, /^Live$/);
  const { event, at } = await openView(page);
  await at(5);
  await expect.poll(() => event.innerText()).toMatch(/“Milk”: Ada renamed it to “Oat milk”/);
});

test.runIf(engine === "chromium")(
  "board through time: 10,000 cards show the first 150 of a column, and a count",
  async () => {
    const page = await demo.open("Ada");
    await page.getByRole("button", { name: "Board", exact: true }).click();
    await page.getByRole("menuitem", { name: "Add 10,000 cards" }).click();
    await page.getByText("10,000 cards were added").first().waitFor({ timeout: 60_000 });
    await waitForSync(page, /^Live$/);
    const { view, slider, at } = await openView(page);
    const columns = await at(10_003);
    expect(columns.map(({ length }) => length)).toEqual([152, 151, 151]);
    await view.getByText("and 3,184 more").waitFor();
    await slider.fill("5003");
    expect((await at(5_003)).map(([name]) => name)).toEqual(["To do", "Doing", "Done"]);
    await view.getByText("and 1,517 more").first().waitFor();
    await slider.press("ArrowLeft");
    await at(5_002);
  },
);
