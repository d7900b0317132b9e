/** axe finds nothing of moderate or worse on any screen of the demo: light in English, dark in Chinese. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { wordsIn } from "../../demo/board/words/language.ts";
import { faultsOn } from "./support/axe.ts";
import { addCards } from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

/** Each colour scheme and each language once, because no fault depends on both. */
const LOOKS = [
  ["light", "en"],
  ["dark", "zh"],
] as const;

test.runIf(engine === "chromium").each(LOOKS)(
  "accessibility: axe finds nothing on any screen (%s, %s)",
  async (colorScheme, language) => {
    const words = wordsIn(language);
    const options = { colorScheme, locale: language === "zh" ? "zh-CN" : "en-US", reducedMotion: "reduce" } as const;
    const found: Record<string, readonly string[]> = {};
    const check = async (screen: string, page: Page) => {
      if ((await faultsOn(page)).length === 0) return;
      // A screen that is still changing on a busy machine may have a fault for a moment.
      await page.waitForTimeout(1_000);
      const faults = await faultsOn(page);
      if (faults.length > 0) found[screen] = faults;
    };
    const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

    const visitor = await demo.visit("/", options);
    await button(visitor, words.start.open).waitFor();
    await check("start", visitor);
    await visitor.goto(`${demo.origin}/?log=no%20board`);
    await button(visitor, words.start.open).waitFor();
    await check("start, with a wrong address", visitor);
    await visitor.goto(`${demo.origin}/code`);
    await visitor.locator("pre").first().waitFor();
    await check("code", visitor);
    await visitor.goto(`${demo.origin}/duo`);
    for (const side of ["Ada", "Bob"])
      await visitor.frameLocator(`iframe[title^="${side}"]`).locator("li.card").nth(4).waitFor();
    await check("duo", visitor);
    await button(visitor, words.duo.pull).click();
    await visitor.frameLocator('iframe[title^="Ada"]').getByRole("button", { name: words.card.add }).first().waitFor();
    await check("duo, without the cable", visitor);

    const ada = await demo.open("Ada", { ...options, locale: "en-US" });
    await addCards(ada, "To do", ["Buy rosin", "Tune the harp"]);
    const ben = await demo.open("Ben", options);
    await ben.locator("li.card").nth(1).waitFor();
    await check("board", ben);
    await button(ben, words.board.menu).click();
    await check("board menu", ben);
    await ben.getByRole("menuitem", { name: words.log.show }).click();
    await ben.locator(".event-log li").first().waitFor();
    await check("board with its log", ben);
    await ben.locator(".event-log li button").first().click();
    await check("a whole event", ben);
    await ben.locator(".sync-badge").click();
    await check("sync details", ben);
    await ben.keyboard.press("Escape");

    await ben.keyboard.press("Control+k");
    await ben.locator("dialog.search input").fill("tune");
    await ben.locator("dialog.search .found button").waitFor();
    await check("search", ben);
    await ben.locator("dialog.search .found button").click();
    await ben.locator("dialog.panel").waitFor();
    await check("open card", ben);
    await button(ben, words.card.history).click();
    await ben.locator(".events").waitFor();
    await check("card history", ben);
    await ben.keyboard.press("Escape");

    await button(ben, words.board.menu).click();
    await ben.getByRole("menuitem", { name: words.throughTime.label }).click();
    await ben.locator("dialog.through-time li.card").first().waitFor();
    await check("board through time", ben);
    await ben.keyboard.press("Escape");

    await ben.getByRole("switch").click();
    for (const [page, title] of [
      [ben, "Buy dark rosin"],
      [ada, "Buy light rosin"],
    ] as const) {
      await page.locator(".card-open", { hasText: "Buy rosin" }).press("F2");
      await page.locator(".inline-text").fill(title);
      await check("a card is renamed", page);
      await page.locator(".inline-text").press("Enter");
    }
    await check("offline, with a pending card", ben);
    await ada.locator(".sync-badge.good").waitFor();
    await ben.getByRole("switch").click();
    await ben.locator(".refusals-line .button").click();
    await ben.locator(".refusal").waitFor();
    await check("conflict list", ben);
    await ben.locator(".column-head .menu button").first().click();
    await ben.getByRole("menuitem", { name: words.common.remove }).click();
    await ben.locator("dialog.ask").waitFor();
    await check("removing a column", ben);

    expect(found).toEqual({});
  },
);
