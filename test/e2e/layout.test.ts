/** The places of things on the page: they do not move under the pointer, and nothing sticks out. */
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { engine } from "./support/browser.ts";
import { addCards, cardOf, type Demo, renameCard, startDemo, waitForSync } from "./support/demo-board.ts";

let demo: Demo;
let log: string;

beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.close());
beforeEach(() => {
  log = `layout-${crypto.randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  await demo.leave();
  const errors = demo.takeErrors();
  if (errors.length > 0) throw new Error(`A page failed: ${errors.join("\n")}`);
});

const PHONE = { viewport: { width: 390, height: 844 } };

async function boxOf(place: Locator) {
  const box = await place.boundingBox();
  if (!box) throw new Error("It is not on the page");
  return box;
}

test.each(engine === "webkit" ? [{}] : [{}, PHONE])(
  "top bar: the offline switch and the buttons stay in place while the badge changes %j",
  async (options) => {
    const page = await demo.open(log, "Ada", options);
    await waitForSync(page, /^Live$/);
    const controls = [
      page.getByRole("switch", { name: "Offline" }),
      ...["Search cards", "Undo", "Board"].map((name) => page.getByRole("button", { name, exact: true })),
    ];
    const places = async () =>
      Promise.all(controls.map((control) => boxOf(control).then(({ x, y }) => [Math.round(x), Math.round(y)])));
    const before = await places();
    await page.getByRole("switch", { name: "Offline" }).click();
    await addCards(page, "To do", ["Buy rosin"]);
    await waitForSync(page, "1 waiting");
    expect(await places()).toEqual(before);
  },
  60_000,
);

// WebKit's window has one size here.
test.runIf(engine !== "webkit")(
  "top bar: on a phone with three people, the menu is beside the board's name",
  async () => {
    const page = await demo.open(log, "Ada", { ...PHONE, ...(engine === "chromium" && { hasTouch: true }) });
    for (const name of ["Ben", "Cleo"]) await demo.open(log, name);
    await page.getByRole("list", { name: "Who is here" }).locator("li").nth(2).waitFor();
    const title = await boxOf(page.getByRole("heading", { level: 1 }));
    const menu = await boxOf(page.getByRole("button", { name: "Board", exact: true }));
    expect(Math.abs(menu.y + menu.height / 2 - title.y - title.height / 2)).toBeLessThan(10);
    expect(title.width).toBeGreaterThan(80);
    expect((await boxOf(page.locator(".top-bar"))).height).toBeLessThan(125);
  },
);

test.runIf(engine !== "webkit")("code page: on a phone each file scrolls, and the page does not", async () => {
  const page = await demo.visit("/code", PHONE);
  const width = (selector: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((it) => it.scrollWidth - it.clientWidth);
  await page.locator("pre").first().waitFor();
  expect(await width(".code")).toBe(0);
  expect(await width("pre")).toBeGreaterThan(0);
});

test.runIf(engine === "chromium")(
  "page: a line is there while the script is on its way on a slow network",
  async () => {
    const page = await demo.visit("/code", { serviceWorkers: "block" });
    await page.route(/\.js$/, () => new Promise(() => {})); // no answer comes
    await page.reload({ waitUntil: "commit" });
    await expect.poll(() => page.getByText("Dacapo …").isVisible(), { timeout: 10_000 }).toBe(true);
  },
);

test("titles: characters that turn the direction of text are left out", async () => {
  const page = await demo.open(log, "Ada");
  const field = page.getByRole("textbox", { name: "Title of the new card" });
  await page.getByRole("button", { name: "Add a card" }).first().click();
  await field.fill("photo\u202Egnp.exe");
  await field.press("Enter");
  await cardOf(page, "photognp.exe").waitFor();
  await field.press("Escape");
  await renameTo(page, "photognp.exe", "\u2067photo");
  await expect.poll(() => cardOf(page, "photo").count()).toBe(1);
});

async function renameTo(page: Page, from: string, typed: string): Promise<void> {
  await cardOf(page, from).locator(".card-open").press("F2");
  await page.getByRole("textbox", { name: "Title", exact: true }).fill(typed);
  await page.getByRole("textbox", { name: "Title", exact: true }).press("Enter");
}

test("notice: its words have the same space on both sides", async () => {
  const page = await demo.open(log, "Ada");
  await addCards(page, "To do", ["Buy rosin"]);
  await renameCard(page, "Buy rosin", "Buy strings");
  await page.keyboard.press("Control+z");
  const [notice, words] = [await boxOf(page.locator(".notice")), await boxOf(page.locator(".notice p"))];
  const [left, right] = [words.x - notice.x, notice.x + notice.width - words.x - words.width];
  expect(Math.abs(left - right)).toBeLessThan(2);
});
