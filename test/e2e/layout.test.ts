/** The places of things on the page: they do not move under the pointer, and nothing sticks out. */
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, columnOf, renameCard, titlesIn, waitForSync } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

const PHONE = { viewport: { width: 390, height: 844 } };

async function boxOf(place: Locator) {
  const box = await place.boundingBox();
  if (!box) throw new Error("It is not on the page");
  return box;
}

test.each(engine === "webkit" ? [{}] : [{}, PHONE])(
  "top bar: the offline switch and the buttons stay in place while the badge changes %j",
  async (options) => {
    const page = await demo.open("Ada", options);
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
);

// WebKit's window has one size here.
test.runIf(engine !== "webkit")(
  "top bar: on a phone with three people, the menu is beside the board's name",
  async () => {
    const page = await demo.open("Ada", { ...PHONE, ...(engine === "chromium" && { hasTouch: true }) });
    for (const name of ["Ben", "Cleo"]) await demo.open(name);
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
    await expect.poll(() => page.getByText("Dacapo …").isVisible()).toBe(true);
  },
);

test("titles: characters that turn the direction of text are left out", async () => {
  const page = await demo.open("Ada");
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

test("titles: a Hebrew title reads from right to left wherever it is shown", async () => {
  const page = await demo.open("Ada");
  const title = "שלום test";
  await addCards(page, "To do", [title]);
  /** True if the Hebrew word, which is the first one, is right of the other. */
  const isRightToLeft = (place: Locator) =>
    place.evaluate((element) => {
      const lines = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let text = lines.nextNode(); text; text = lines.nextNode()) {
        const at = text.textContent?.indexOf("שלום test") ?? -1;
        if (at < 0) continue;
        const [hebrew, latin] = [document.createRange(), document.createRange()];
        hebrew.setStart(text, at);
        hebrew.setEnd(text, at + 4);
        latin.setStart(text, at + 5);
        latin.setEnd(text, at + 9);
        return hebrew.getBoundingClientRect().x > latin.getBoundingClientRect().x;
      }
      throw new Error("The title is not there");
    });
  expect(await isRightToLeft(cardOf(page, title))).toBe(true);
  await cardOf(page, title).locator(".card-open").click();
  const panel = page.getByRole("dialog");
  expect(await isRightToLeft(panel.getByRole("heading", { level: 2 }))).toBe(true);
  await panel.getByRole("textbox", { name: "Your comment" }).fill(title);
  await panel.getByRole("button", { name: "Comment", exact: true }).click();
  expect(await isRightToLeft(panel.locator(".comment-text"))).toBe(true);
  await panel.getByRole("button", { name: "History" }).click();
  expect(await isRightToLeft(panel.locator(".then").getByRole("heading"))).toBe(true);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("שלום");
  expect(await isRightToLeft(page.locator(".found li"))).toBe(true);
});

test("board: the sign is on the line of the name, and empty columns begin on one line", async () => {
  const page = await demo.open("Ada");
  const middle = async (place: Locator) => boxOf(place).then(({ y, height }) => y + height / 2);
  const sign = await middle(page.locator(".top-bar .wordmark"));
  expect(Math.abs(sign - (await middle(page.getByRole("heading", { level: 1 }))))).toBeLessThan(1.5);
  const addCard = await middle(page.getByRole("button", { name: "Add a card" }).first());
  expect(Math.abs(addCard - (await middle(page.getByRole("button", { name: "Add a column" }))))).toBeLessThan(1.5);
});

// WebKit's window has one size here.
test.runIf(engine !== "webkit")(
  "top bar: on a phone without a server, the badge and its button have one row",
  async () => {
    const page = await demo.open("Ada", PHONE);
    await waitForSync(page, /^Live$/);
    demo.network.cut();
    await addCards(page, "To do", ["Buy rosin"]);
    const again = page.getByRole("button", { name: "Try now" });
    await again.waitFor();
    await page
      .getByText(/1 waiting · next try in/)
      .first()
      .waitFor();
    const middle = async (place: Locator) => boxOf(place).then(({ y, height }) => y + height / 2);
    expect(Math.abs((await middle(again)) - (await middle(page.locator(".sync-badge"))))).toBeLessThan(2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  },
);

test("board: the heading of an empty board is in its middle", async () => {
  await demo.open("Ada");
  demo.network.cut();
  const page = await demo.visit(`/?${new URLSearchParams({ log: `${demo.log}-new`, as: "Ben" })}`);
  const heading = page.getByRole("heading", { name: "This board is not on this device yet" });
  await heading.waitFor();
  const middle = await heading.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const { left, right } = range.getBoundingClientRect();
    return (left + right) / 2;
  });
  expect(Math.abs(middle - 1180 / 2)).toBeLessThan(2);
});

test("notice: its words have the same space on both sides", async () => {
  const page = await demo.open("Ada");
  await addCards(page, "To do", ["Buy rosin"]);
  await renameCard(page, "Buy rosin", "Buy strings");
  await page.keyboard.press("Control+z");
  const [notice, words] = [await boxOf(page.locator(".notice")), await boxOf(page.locator(".notice p"))];
  const [left, right] = [words.x - notice.x, notice.x + notice.width - words.x - words.width];
  expect(Math.abs(left - right)).toBeLessThan(2);
});

test("glide: an insert at the top of a long column moves only the cards on the screen", async () => {
  const ada = await demo.open("Ada");
  const count = 60;
  await addCards(
    ada,
    "To do",
    Array.from({ length: count }, (_, n) => `Card ${n + 1}`),
  );
  await addCards(ada, "Doing", ["Salt"]);
  await columnOf(ada, "To do")
    .locator(".cards")
    .evaluate((list) => list.scrollTo(0, 0));
  await ada.evaluate(() => {
    const glided = new Set<string>();
    Object.assign(window, { glided });
    // Counts the calls, because a busy machine may draw no frame while cards glide.
    const prototype: { animate: Element["animate"] } = Element.prototype;
    prototype.animate = new Proxy(prototype.animate, {
      apply: (animate, card: Element, facts: Parameters<Element["animate"]>) => {
        const [, options] = facts;
        const key = card.getAttribute("data-card");
        if (typeof options === "object" && options.duration === 220 && key) glided.add(key);
        return Reflect.apply(animate, card, facts);
      },
    });
  });
  await cardOf(ada, "Salt").locator(".card-open").focus();
  for (const key of ["Space", "ArrowLeft", "Space"]) await ada.keyboard.press(key);
  await expect.poll(async () => (await titlesIn(ada, "To do"))[0]).toBe("Salt");
  const glidedCards = () =>
    ada.evaluate(() => {
      const glided: unknown = Reflect.get(window, "glided");
      return glided instanceof Set ? glided.size : 0;
    });
  await expect.poll(glidedCards).toBeGreaterThan(2);
  expect(await glidedCards()).toBeLessThan(count / 2);
});
