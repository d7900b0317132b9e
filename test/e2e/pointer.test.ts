/** The board by mouse and by finger, on a computer and on a phone. */
import { expect, test } from "vitest";
import {
  addCards,
  cardOf,
  columnOf,
  dragTo,
  fingerOn,
  panel,
  renameCard,
  shows,
  titlesIn,
} from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

// Only Chromium says to the page that it has a finger.
test.runIf(engine === "chromium")("phone: everything that can be touched is at least 44 px high and wide", async () => {
  const ada = await demo.open("Ada", {
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
  });
  await addCards(ada, "To do", ["Milk"]);
  await renameCard(ada, "Milk", "Oat milk");
  const small = () =>
    ada.evaluate(() => {
      const around = document.querySelector("dialog[open]") ?? document;
      return [...around.querySelectorAll<HTMLElement>("button, a, input, select, textarea, [role=switch]")]
        .map((element) => ({
          name: element.getAttribute("aria-label") ?? element.textContent,
          box: element.getBoundingClientRect(),
        }))
        .filter(({ box }) => box.width > 0 && (Math.round(box.width) < 44 || Math.round(box.height) < 44))
        .map(({ name, box }) => `${name}: ${box.width} × ${box.height}`);
    });
  expect(await small()).toEqual([]);
  await ada.getByRole("button", { name: "Column To do" }).click();
  expect(await small()).toEqual([]);
  await ada.keyboard.press("Escape");
  await cardOf(ada, "Oat milk").locator(".card-open").click();
  expect(await small()).toEqual([]);
  await panel(ada).getByRole("button", { name: "History" }).click();
  await panel(ada).getByRole("slider", { name: "Version" }).waitFor();
  expect(await small()).toEqual([]);
});

test("mouse: a card is dragged to another column, and the drag opens nothing", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk", "Bread"]);
  await addCards(ada, "Doing", ["Salt", "Pepper"]);
  const [from, to] = [await cardOf(ada, "Milk").boundingBox(), await cardOf(ada, "Pepper").boundingBox()];
  if (!from || !to) throw new Error("The cards are not there");
  await ada.mouse.move(from.x + 90, from.y + 15);
  await ada.mouse.down();
  await ada.mouse.move(from.x + 120, from.y + 40, { steps: 4 });
  await ada.mouse.move(to.x + 90, to.y + 6, { steps: 8 });
  await columnOf(ada, "Doing").locator(".gap").waitFor();
  await ada.mouse.up();
  await shows(ada, "Doing", ["Salt", "Milk", "Pepper"]);
  await shows(ada, "To do", ["Bread"]);
  expect(await panel(ada).count()).toBe(0);
});

test("mouse: a card can be dragged by its note, and a click there still ticks it off", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  await dragTo(
    ada,
    cardOf(ada, "Milk").getByRole("button", { name: "Done: Milk" }),
    columnOf(ada, "Doing").locator(".cards"),
  );
  await shows(ada, "Doing", ["Milk"]);
  await cardOf(ada, "Milk").and(ada.locator(":not(.done)")).waitFor();
  await cardOf(ada, "Milk").getByRole("button", { name: "Done: Milk" }).click();
  await cardOf(ada, "Milk").and(ada.locator(".done")).waitFor();
});

test.runIf(engine === "chromium")(
  "phone: nothing is wider than the screen, a swipe scrolls, a resting finger lifts a card",
  async () => {
    const ada = await demo.open("Ada", {
      viewport: { width: 320, height: 568 },
      isMobile: true,
      hasTouch: true,
    });
    await addCards(
      ada,
      "To do",
      Array.from({ length: 14 }, (_, n) => `Card ${n + 1}`),
    );
    expect(await ada.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    const list = columnOf(ada, "To do").locator(".cards");
    await list.evaluate((element) => element.scrollTo(0, 0));
    const finger = await fingerOn(ada);

    await finger.swipe({ x: 150, y: 450 }, 250, 14);
    await finger.up();
    await expect.poll(() => list.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(50);
    expect(await panel(ada).count()).toBe(0);
    // Wait, because a list that still scrolls would catch the next touch.
    await expect
      .poll(() =>
        list.evaluate(async (element) => {
          const before = element.scrollTop;
          await new Promise((resolve) => setTimeout(resolve, 150));
          return element.scrollTop - before;
        }),
      )
      .toBe(0);
    await list.evaluate((element) => element.scrollTo(0, 0));

    const box = await cardOf(ada, "Card 2").boundingBox();
    if (!box) throw new Error("The card is not there");
    await finger.down(box.x + 100, box.y + 20);
    await ada.locator(".ghost").waitFor();
    // Two cards and a quarter down, with the space between them.
    await finger.move(box.x + 100, box.y + 20 + 2.25 * (box.height + 8), 10);
    await expect
      .poll(() =>
        columnOf(ada, "To do")
          .locator(".card:not(.held), .gap")
          .evaluateAll((all) => all.findIndex((one) => one.className === "gap")),
      )
      .toBe(3);
    await finger.up();
    await expect
      .poll(async () => (await titlesIn(ada, "To do")).slice(0, 4), { timeout: 20_000 })
      .toEqual(["Card 1", "Card 3", "Card 4", "Card 2"]);
  },
);
