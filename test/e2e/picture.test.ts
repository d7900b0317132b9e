/**
 * The README's picture: the board in two browsers, one of them offline.
 *
 * Taken when it is missing or when asked for: UPDATE_SCREENSHOTS=1 npm run test:e2e. Else it is only seen that the scene can be played.
 */
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, type Demo, renameCard, startDemo, waitForSync } from "./support/demo-board.ts";

const folder = fileURLToPath(new URL("../../docs/images", import.meta.url));
const wanted = process.env["UPDATE_SCREENSHOTS"] === "1" || !existsSync(`${folder}/board.png`);
const WINDOW = { width: 1000, height: 540 };
const PICTURE = { width: 1360, height: 800 };

test("the README's picture can be taken: two browsers, one of them offline", async () => {
  const demo = await startDemo();
  try {
    const { ada, ben } = await play(demo);
    const picture = await compose(demo, [await ada.screenshot(), await ben.screenshot()]);
    if (wanted) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${folder}/board.png`, picture);
    }
    expect(picture.subarray(1, 4).toString()).toBe("PNG");
    expect(demo.takeErrors()).toEqual([]);
  } finally {
    await demo.close();
  }
}, 120_000);

async function play(demo: Demo): Promise<{ readonly ada: Page; readonly ben: Page }> {
  const options = { viewport: WINDOW, deviceScaleFactor: 1.5 };
  const [ada, ben] = [
    await demo.open("spring-concert", "Ada", options),
    await demo.open("spring-concert", "Ben", options),
  ];
  await addCards(ada, "To do", [
    "Book the hall",
    "Ask Clara about the programme notes",
    "Find a page turner",
    "Order new strings",
  ]);
  await addCards(ada, "Doing", ["Translate the libretto", "Tune the harpsichord to 415 Hz"]);
  await addCards(ada, "Done", ["Write to the printer", "Thank the choir"]);
  for (const title of ["Write to the printer", "Thank the choir"])
    await cardOf(ada, title)
      .getByRole("button", { name: `Done: ${title}` })
      .click();
  await cardOf(ada, "Tune the harpsichord to 415 Hz").locator(".card-open").click();
  await ada.getByRole("combobox", { name: "Assigned to" }).selectOption({ label: "Ben" });
  await ada.getByRole("textbox", { name: "Your comment" }).fill("By five, please");
  await ada.getByRole("button", { name: "Comment", exact: true }).click();
  await ada.keyboard.press("Escape");
  await cardOf(ben, "Thank the choir").and(ben.locator(".done")).waitFor();
  await cardOf(ben, "Tune the harpsichord to 415 Hz").getByRole("img", { name: "Assigned to Ben" }).waitFor();

  await ben.getByRole("switch", { name: "Offline" }).click();
  await waitForSync(ben, "Offline");
  await renameCard(ben, "Book the hall", "Book the small hall");
  await addCards(ben, "To do", ["Buy rosin"]);
  await cardOf(ben, "Translate the libretto").getByRole("button", { name: "Done: Translate the libretto" }).click();
  await waitForSync(ben, "3 waiting");
  await addCards(ada, "Doing", ["Print the posters"]);
  await waitForSync(ada, "Live");
  for (const page of [ada, ben]) {
    // Nothing is hovered or in focus, and what glides has arrived.
    await page.mouse.move(1, WINDOW.height - 1);
    await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    await page.waitForTimeout(400);
  }
  return { ada, ben };
}

/** The two windows on one picture, the second before the first. */
async function compose(demo: Demo, windows: readonly Buffer[]): Promise<Buffer> {
  const page = await demo.visit("/", { viewport: PICTURE, deviceScaleFactor: 1.5 });
  const images = windows.map(
    (image, n) =>
      `<img alt="" style="left:${30 + n * 300}px; top:${26 + n * 206}px" src="data:image/png;base64,${image.toString("base64")}">`,
  );
  await page.setContent(`<style>
    body { margin: 0; height: 100vh; background: linear-gradient(160deg, #dbe4ea, #a9bccb); }
    img { position: absolute; width: ${WINDOW.width}px; border-radius: 12px; box-shadow: 0 0 0 1px rgb(21 33 43 / 0.12), 0 24px 60px rgb(21 33 43 / 0.35); }
  </style>${images.join("")}`);
  await page.waitForFunction(() => [...document.images].every(({ complete }) => complete));
  return page.screenshot();
}
