/** The demo in Chinese, as a browser with that language shows it. */
import type { FrameLocator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { cardOf } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";
import { sideOf } from "./support/demo-duo.ts";

const demo = demoForTests();

const chinese = { locale: "zh-CN" };
const pictures = process.env["DACAPO_PICTURES"];

/** Latin words that are no texts of the interface: names of products, people and keys. */
const ALLOWED = /^(Dacapo|TypeScript|English|Ada|Ben|Bob|A|B|Ctrl|Shift|K|Z|Enter|Esc|F2|KiB)$/;

/** Latin words in visible texts and in labels, hints and placeholders. The name of the board is none. */
async function latinWords(place: Page | FrameLocator): Promise<readonly string[]> {
  const texts = await place.locator("body").evaluate((body) => {
    const found: string[] = [document.title];
    const walker = document.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (element && !element.closest("script, style, code, .data, .stream, datalist, .top-bar h1"))
        found.push(walker.currentNode.textContent ?? "");
    }
    for (const element of body.querySelectorAll("*"))
      for (const name of ["aria-label", "title", "placeholder", "aria-roledescription", "aria-valuetext"])
        found.push(element.getAttribute(name) ?? "");
    return found;
  });
  const words = texts.flatMap((text) => text.replaceAll(demo.log, "").match(/[A-Za-z][A-Za-z0-9]*/g) ?? []);
  return [...new Set(words)].filter((word) => !ALLOWED.test(word));
}

/** Checks the texts and the width of the page. With `DACAPO_PICTURES` it also takes pictures. */
async function check(page: Page, name: string): Promise<void> {
  expect([name, await latinWords(page)]).toEqual([name, []]);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect([name, width, Math.max(0, over)]).toEqual([name, width, 0]);
    if (pictures !== undefined) await page.screenshot({ path: `${pictures}/${name}-${width}.png` });
  }
  await page.setViewportSize({ width: 1180, height: 720 });
}

async function addCard(page: Page, title: string): Promise<void> {
  await page.getByRole("button", { name: "添加卡片" }).first().click();
  const field = page.getByRole("textbox", { name: "新卡片的标题" });
  await field.fill(title);
  await field.press("Enter");
  await cardOf(page, title).waitFor();
  await field.press("Escape");
}

async function rename(page: Page, from: string, to: string): Promise<void> {
  await cardOf(page, from).locator(".card-open").press("F2");
  const field = page.getByRole("textbox", { name: "标题", exact: true });
  await field.fill(to);
  await field.press("Enter");
  await cardOf(page, to).waitFor();
}

test("language: the start page follows the browser, and a switch is remembered", async () => {
  const page = await demo.visit("/", chinese);
  expect(await page.locator("html").getAttribute("lang")).toBe("zh-CN");
  await page.getByLabel("你的名字").fill("Ada");
  await page.getByLabel("看板", { exact: true }).fill("b");
  await check(page, "start");
  await page.getByRole("link", { name: "English" }).click();
  await page.getByLabel("Your name").waitFor();
  await page.goto(demo.origin);
  await page.getByLabel("Your name").waitFor();
});

test("language: a board in Chinese has no English words, also with a conflict and offline", async () => {
  const [ada, ben] = [await demo.open("Ada", chinese), await demo.open("Ben", chinese)];
  await ada.getByRole("region", { name: /^待办，/ }).waitFor();
  await addCard(ada, "买牛奶");
  await cardOf(ben, "买牛奶").waitFor();
  await check(ada, "board");
  await ben.getByRole("switch", { name: "离线" }).click();
  await rename(ben, "买牛奶", "买豆浆");
  await check(ben, "offline");
  await rename(ada, "买牛奶", "买燕麦奶");
  await ada.getByRole("button", { name: "同步：已同步" }).waitFor();
  await ben.getByRole("switch", { name: "离线" }).click();
  await ben.getByRole("group", { name: "标题有两个版本" }).waitFor();
  await ben.getByRole("button", { name: "查看" }).click();
  await check(ben, "conflict");
  await cardOf(ben, "买燕麦奶").getByRole("button", { name: "用我的" }).click();
  await cardOf(ada, "买豆浆").waitFor();
  await cardOf(ada, "买豆浆").locator(".card-open").click();
  await check(ada, "panel");
  await ada.getByRole("button", { name: "历史" }).click();
  await ada.getByText("当前版本").waitFor();
  await check(ada, "history");
  await ada.keyboard.press("Escape");
  await ada.getByRole("button", { name: "搜索卡片" }).click();
  await ada.getByRole("searchbox", { name: "搜索卡片" }).fill("豆浆");
  await ada.locator(".found button").waitFor();
  expect(await ada.locator(".found button").count()).toBe(1);
  await check(ada, "search");
});

// The driver of WebKit does not reach into frames.
test.runIf(engine !== "webkit")(
  "language: /duo in Chinese has no English words on the page and its boards",
  async () => {
    const page = await demo.visit("/duo", { ...chinese, viewport: { width: 1360, height: 850 } });
    for (const side of [sideOf(page, "Ada"), sideOf(page, "Bob")]) {
      await side.locator("li.card", { hasText: "购买新琴弦" }).waitFor();
      expect(await latinWords(side)).toEqual([]);
    }
    await page.getByRole("button", { name: "拔掉网线" }).click();
    await check(page, "duo");
  },
);

test.runIf(engine === "chromium")("language: Enter that ends a Chinese composition adds no card", async () => {
  const page = await demo.open("Ada", chinese);
  await page.getByRole("button", { name: "添加卡片" }).first().click();
  const field = page.getByRole("textbox", { name: "新卡片的标题" });
  await field.focus();
  const session = await page.context().newCDPSession(page);
  await session.send("Input.imeSetComposition", { text: "niunai", selectionStart: 6, selectionEnd: 6 });
  await page.keyboard.press("Enter");
  await session.send("Input.insertText", { text: "牛奶" });
  expect(await page.locator("li.card").count()).toBe(0);
  await field.press("Enter");
  await page.locator("li.card").waitFor();
  expect(await page.locator("li.card").count()).toBe(1);
});
