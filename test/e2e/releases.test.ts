/** A board on a server of the next release, and on a restored server. SCREENSHOTS=folder keeps pictures of both. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addCards, cardOf, waitForSync } from "./support/board-page.ts";
import { type Demo, startDemo } from "./support/demo-board.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ nextServer: true });
});
afterAll(() => demo.close());

const folder = process.env["SCREENSHOTS"];
const picture = async (page: Page, name: string) => {
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name}.png` });
};

test("releases: an old page offers the newest one, and keeps work that is refused", async () => {
  const ada = await demo.open("board", "Ada");
  await waitForSync(ada, "Live");
  const load = ada.getByRole("button", { name: "Load the newest page" });
  await load.waitFor();

  // The old page still works where the next release takes the same input.
  await addCards(ada, "To do", ["Milk"]);
  await cardOf(ada, "Milk").locator(".card-open").click();
  await ada.getByRole("textbox", { name: "Your comment" }).fill("Two litres?");
  await ada.getByRole("button", { name: "Comment", exact: true }).click();
  await ada.keyboard.press("Escape");
  const refused = ada.getByRole("region", { name: "Changes that were refused" });
  const show = refused.getByRole("button", { name: "Show" });
  await show.click();
  await refused.getByText("An older version of this page made the change").waitFor();
  await picture(ada, "releases-old-page");
  expect(await refused.getByRole("button", { name: "Retry" }).isDisabled()).toBe(true);

  await demo.releaseNextPage();
  await load.click();
  await load.waitFor({ state: "detached" });
  await waitForSync(ada, "Live");
  await cardOf(ada, "Milk").waitFor();
  await show.click();
  await refused.getByText("An older version of this page made the change").waitFor();
  expect(await load.count()).toBe(0);
  await refused.getByRole("button", { name: "Retry" }).click();
  await refused.getByText("The change is still not possible").waitFor();
  await picture(ada, "releases-new-page");
  expect(demo.takeErrors()).toEqual([]);
});

test("releases: a board says what became of the work that a restored server had lost", async () => {
  const ben = await demo.open("restored", "Ben");
  await addCards(ben, "To do", ["Milk"]);
  await waitForSync(ben, "Live");
  await demo.backUp();
  await addCards(ben, "To do", ["Bread", "Salt"]);
  await waitForSync(ben, "Live");
  await demo.restore();
  const notice = ben.getByText("The server had lost 2 changes of yours. This page sent them again: 2 saved.");
  await notice.waitFor();
  for (const title of ["Milk", "Bread", "Salt"]) await cardOf(ben, title).waitFor();
  await picture(ben, "releases-restored-server");
  await ben.getByRole("button", { name: "OK" }).click();
  await notice.waitFor({ state: "detached" });
  expect(demo.takeErrors()).toEqual([]);
});
