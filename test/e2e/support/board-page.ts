/** A board as a person sees and uses it. */
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";

/** The card of this title. */
export function cardOf(page: Page, title: string): Locator {
  return page.locator("li.card:not(.ghost)", {
    has: page.locator(".card-open", { hasText: new RegExp(`^${title}$`) }),
  });
}

export function columnOf(page: Page, name: string): Locator {
  return page.getByRole("region", { name: new RegExp(`^${name},`) });
}

/** Titles of a column's cards, from top to bottom. */
export function titlesIn(page: Page, column: string): Promise<readonly string[]> {
  return columnOf(page, column).locator(".card-open").allInnerTexts();
}

/** Adds cards one after the other, as a person types them. */
export async function addCards(page: Page, column: string, titles: readonly string[]): Promise<void> {
  const place = columnOf(page, column);
  await place.getByRole("button", { name: "Add a card" }).click();
  const field = place.getByRole("textbox", { name: "Title of the new card" });
  for (const title of titles) {
    await field.fill(title);
    await field.press("Enter");
    await cardOf(page, title).waitFor();
  }
  await field.press("Escape");
}

/** Renames a card by its keyboard way. */
export async function renameCard(page: Page, from: string, to: string): Promise<void> {
  await cardOf(page, from).locator(".card-open").press("F2");
  const field = page.getByRole("textbox", { name: "Title", exact: true });
  await field.fill(to);
  await field.press("Enter");
  await cardOf(page, to).waitFor();
}

export async function waitForSync(page: Page, text: string | RegExp): Promise<void> {
  await page
    .getByRole("button", { name: /^Sync: / })
    .filter({ hasText: text })
    .waitFor();
}

/** Waits until a column has these cards, from top to bottom. */
export async function shows(page: Page, column: string, titles: readonly string[]): Promise<void> {
  await expect.poll(() => titlesIn(page, column)).toEqual(titles);
}

/** The switch of the top bar that takes this tab from the network. */
export function offlineSwitch(page: Page): Locator {
  return page.getByRole("switch", { name: "Offline" });
}

/** The list of this person's changes that the server refused. Its top line says how many there are. */
export function refusals(page: Page): Locator {
  return page.getByRole("region", { name: "Changes that were refused" });
}

export async function openRefusals(page: Page): Promise<void> {
  await refusals(page).getByRole("button", { name: "Show" }).click();
}

/** The dialog that is open: a card, or a question. */
export function panel(page: Page): Locator {
  return page.getByRole("dialog");
}

/** Drags with the mouse, from middle to middle of two elements. Both may still glide to their places. */
export async function dragTo(page: Page, what: Locator, where: Locator): Promise<void> {
  const middleOf = async (element: Locator) => {
    const box = await element.boundingBox();
    if (!box) throw new Error("Nothing is there to drag, or no place for it");
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  await what.hover();
  const from = await middleOf(what);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 20, from.y + 10, { steps: 4 });
  const gapIsThere = async () => {
    const to = await middleOf(where);
    await page.mouse.move(to.x, to.y, { steps: 8 });
    return where.locator(".gap").isVisible();
  };
  await expect.poll(gapIsThere).toBe(true);
  await page.mouse.up();
}

/** A finger on the screen of a phone, in pixels of the page. Only Chromium has it. */
export async function fingerOn(page: Page) {
  const session = await page.context().newCDPSession(page);
  let at = { x: 0, y: 0 };
  const send = (type: "touchStart" | "touchMove" | "touchEnd") =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [at] });
  return {
    async down(x: number, y: number) {
      at = { x, y };
      await send("touchStart");
    },
    /** Moves up or down at once. The first two events are sent together, because a finger that rests lifts a card. */
    async swipe(from: { readonly x: number; readonly y: number }, y: number, steps: number) {
      at = from;
      const start = send("touchStart");
      at = { x: from.x, y: from.y + Math.sign(y - from.y) * 20 };
      await Promise.all([start, send("touchMove")]);
      await this.move(from.x, y, steps);
    },
    async move(x: number, y: number, steps: number) {
      const from = at;
      for (let n = 1; n <= steps; n++) {
        at = { x: from.x + ((x - from.x) * n) / steps, y: from.y + ((y - from.y) * n) / steps };
        await send("touchMove");
        await page.waitForTimeout(16);
      }
    },
    up: () => send("touchEnd"),
  };
}
