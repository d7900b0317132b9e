/** A board of the present release, on a server of the next one. SCREENSHOTS=folder keeps pictures of it. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addCards, cardOf, type Demo, startDemo, waitForSync } from "./support/demo-board.ts";

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
  await refused.getByText("An older version of this page made the change").waitFor();
  await picture(ada, "releases-old-page");
  expect(await refused.getByRole("button", { name: "Retry" }).isDisabled()).toBe(true);

  await demo.releaseNextPage();
  await load.click();
  await load.waitFor({ state: "detached" });
  await waitForSync(ada, "Live");
  await cardOf(ada, "Milk").waitFor();
  await refused.getByText("An older version of this page made the change").waitFor();
  expect(await load.count()).toBe(0);
  await refused.getByRole("button", { name: "Retry" }).click();
  await refused.getByText("The change is still not possible").waitFor();
  await picture(ada, "releases-new-page");
  expect(demo.takeErrors()).toEqual([]);
});
