/** Opens an app in Chromium as a person does: a first visit, then a reload. */
import type { Page } from "playwright-core";
import { freshProfile } from "../../e2e/support/browser.ts";

export type Visit = {
  /** Rows that the server already has. */
  readonly present?: number;
  /** Adds a row, if the page does not do it itself on each visit. */
  readonly add?: (page: Page) => Promise<void>;
};

/**
 * Each visit adds a row with the text "Milk". After a reload, the row of the first visit is still there.
 *
 * Rejects if a row is missing, if no worker runs, if the page reports an error, or if it reloads itself.
 */
export async function openTwice(url: string, { add, present = 0 }: Visit = {}): Promise<void> {
  await using profile = await freshProfile();
  const page = await (await profile.launch()).newPage();
  const problems: string[] = [];
  let loads = 0;
  page.on("pageerror", (error) => problems.push(`page error: ${error.stack}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("domcontentloaded", () => void loads++);
  /** Waits for this number of rows without pending work, because the next visit must find them on the server. */
  const rows = async (count: number) => {
    const isShown = (wanted: number) => {
      const { innerText } = document.body;
      return innerText.split("Milk").length - 1 === wanted && !innerText.includes('"pending":true');
    };
    try {
      await page.waitForFunction(isShown, count, { timeout: 30_000 });
    } catch {
      problems.push(`the page shows "${await page.locator("body").innerText()}" and not ${count} rows`);
    }
  };
  await page.goto(url);
  await add?.(page);
  await rows(present + 1);
  if (page.workers().length === 0) problems.push("the page has no worker");
  // A development server that finds a package late reloads the page now.
  await page.waitForTimeout(1_000);
  await page.reload();
  if (add) await rows(present + 1);
  await add?.(page);
  await rows(present + 2);
  if (loads !== 2) problems.push(`the page loaded ${loads} times and not twice`);
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
