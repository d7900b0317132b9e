/** The log beside an ordinary board: each change of each person, one line an event, as it happens. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { addCards, cardOf, renameCard, waitForSync } from "./support/board-page.ts";
import { demoForTests } from "./support/demo-board.ts";

const demo = demoForTests();

const lines = (page: Page) => page.getByRole("region", { name: "The log" }).locator("li");
const lineOf = (page: Page, text: string) => lines(page).filter({ hasText: text }).first();

async function turnLog(page: Page, name: "Show the log" | "Hide the log"): Promise<void> {
  await page.getByRole("button", { name: "Board", exact: true }).click();
  await page.getByRole("menuitem", { name }).click();
}

test("log: own changes are pending and then confirmed, and those of other people arrive", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Buy rosin"]);
  await waitForSync(ada, /^Live$/);
  await turnLog(ada, "Show the log");
  // The last events from before are there.
  await expect.poll(() => lines(ada).count()).toBe(4);

  await ada.getByRole("switch", { name: "Offline" }).click();
  await renameCard(ada, "Buy rosin", "Buy dark rosin");
  await expect.poll(() => lineOf(ada, "dark").innerText()).toMatch(/pending[\s\S]*CardRenamed/);
  await ada.reload();
  await lineOf(ada, "dark").waitFor();
  await expect.poll(() => lineOf(ada, "dark").innerText()).toContain("pending");
  await ada.getByRole("switch", { name: "Offline" }).click();
  await expect.poll(() => lineOf(ada, "dark").innerText()).toMatch(/confirmed\s+5/);

  const ben = await demo.open("Ben");
  await addCards(ben, "Doing", ["Tune the harp"]);
  await expect.poll(() => lineOf(ada, "harp").innerText()).toMatch(/arrived\s+6[\s\S]*Ben/);
  await cardOf(ben, "Tune the harp").locator(".card-open").press("Enter");
  await ben.getByRole("button", { name: "Archive" }).click();
  await expect.poll(() => lineOf(ada, "CardArchived").innerText()).toMatch(/arrived\s+7/);
  await lineOf(ada, "CardArchived").locator(".line").click();
  expect(JSON.parse(await lineOf(ada, "CardArchived").locator("pre").innerText())).toMatchObject({ actor: "Ben" });

  await turnLog(ada, "Hide the log");
  expect(await lines(ada).count()).toBe(0);
  await turnLog(ada, "Show the log");
  const hide = ada.getByRole("region", { name: "The log" }).getByRole("button", { name: "Hide the log" });
  await hide.press("Enter");
  await hide.waitFor({ state: "detached" });
  expect(await ada.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
});

test("log: a refused change has a line with the reason, which stays after the choice", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Buy rosin"]);
  const ben = await demo.open("Ben");
  await turnLog(ben, "Show the log");
  await ben.getByRole("switch", { name: "Offline" }).click();
  await renameCard(ben, "Buy rosin", "Buy dark rosin");
  await renameCard(ada, "Buy rosin", "Buy light rosin");
  await waitForSync(ada, /^Live$/);
  await ben.getByRole("switch", { name: "Offline" }).click();
  const refused = lines(ben).filter({ hasText: "refused" });
  await expect.poll(() => refused.innerText()).toMatch(/rename[\s\S]*Ada renamed it to “Buy light rosin” first/);
  await expect.poll(() => lines(ben).filter({ hasText: "pending" }).count()).toBe(0);
  await cardOf(ben, "Buy light rosin").getByRole("button", { name: "Keep Ada’s" }).click();
  await waitForSync(ben, /^Live$/);
  expect(await refused.count()).toBe(1);
});

test("log: an open event shows its cause, its stream alone, and the board at this event", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Buy rosin"]);
  for (let n = 1; n <= 5; n++) await renameCard(ada, n === 1 ? "Buy rosin" : `Rosin ${n - 1}`, `Rosin ${n}`);
  await addCards(ada, "Doing", ["Tune the harp", "Tune the lyre", "Tune the lute", "Tune the oud"]);
  await waitForSync(ada, /^Live$/);
  await ada.reload();
  await turnLog(ada, "Show the log");
  await expect.poll(() => lines(ada).count()).toBe(8);

  await lineOf(ada, "Rosin 5").locator(".line").click();
  const details = lineOf(ada, "Rosin 5").locator(".details");
  expect(await details.innerText()).toMatch(
    /The server has ordered it[\s\S]*at version 6[\s\S]*none, because a person/,
  );
  await details.getByRole("button", { name: "Only this stream" }).click();
  // The stream is whole: the log beside the board began after its first events.
  await expect.poll(() => lines(ada).count()).toBe(6);
  await expect.poll(() => lines(ada).last().innerText()).toMatch(/confirmed\s+4[\s\S]*Buy rosin/);

  await lines(ada).last().locator(".line").click();
  await lines(ada).last().getByRole("button", { name: "The board at this event" }).click();
  const past = ada.getByRole("dialog", { name: "Board through time" });
  await past.getByText("Event 4 of 13").waitFor();
  expect(await past.locator("li.card").allInnerTexts()).toEqual(["Buy rosin"]);
  await ada.keyboard.press("Escape");

  await ada.getByRole("button", { name: "Show all" }).press("Enter");
  await expect.poll(() => lines(ada).count()).toBeGreaterThan(6);
  expect(await ada.evaluate(() => document.activeElement?.tagName)).toBe("OL");
});
