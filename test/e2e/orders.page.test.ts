/** The page of the shop. The tests share one shop, and each continues where the one before ended. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { faultsOn } from "./support/axe.ts";
import { engine } from "./support/browser.ts";
import { type OrdersDemo, startOrdersDemo } from "./support/demo-orders.ts";

let demo: OrdersDemo;

beforeAll(async () => {
  demo = await startOrdersDemo();
});
afterEach(async () => {
  demo.network.up();
  await demo.leave();
  if (demo.errors.length > 0) throw new Error(`A page failed: ${demo.errors.join("\n")}`);
});
afterAll(() => demo.close());

const region = (page: Page, name: string) => page.getByRole("region", { name });
const button = (page: Page, name: string) => page.getByRole("button", { name });
const ordersIn = async (page: Page, status: "shipped" | "cancelled") =>
  Number.parseInt(await page.locator(`.counts .${status} dd`).innerText(), 10);
const settled = async (page: Page) => (await ordersIn(page, "shipped")) + (await ordersIn(page, "cancelled"));

async function order100(page: Page): Promise<void> {
  const before = await settled(page);
  await button(page, "Place 100 orders").click();
  await expect.poll(() => settled(page)).toBe(before + 100);
}

test("orders page: an empty shop says what to do first, and then ships what customers order", async () => {
  const page = await demo.visit();
  await page.getByText("The shop has no stock, so it cancels each order. Receive stock first.").waitFor();
  await region(page, "Stock").getByText("The shelves are empty.").waitFor();
  await region(page, "Sales").getByText("Nothing is sold yet.").waitFor();
  await region(page, "Orders").getByText("Nobody has ordered since the shop opened.").waitFor();
  await button(page, "Receive stock").click();
  await region(page, "Stock").getByText("1,000 pieces").waitFor();

  // The page keeps connections free to read the shop.
  let [running, most] = [0, 0];
  page.on("request", (request) => {
    if (request.url().endsWith("/api/orders")) most = Math.max(most, ++running);
  });
  page.on("requestfinished", (request) => void (request.url().endsWith("/api/orders") && running--));
  await order100(page);
  expect(await ordersIn(page, "shipped")).toBeGreaterThan(80);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(6);
  await region(page, "Orders").locator(".latest > ol > li").nth(7).waitFor();
  await region(page, "Sales").getByText("€").first().waitFor();
});

test("orders page: a rebuild shows its progress, pauses, continues, and is equal to the log", async () => {
  const page = await demo.visit();
  const rebuild = region(page, "Rebuild the sales");
  await rebuild.getByText("so a rebuild is over at once. Place more orders to watch one.").waitFor();
  await button(page, "Receive stock").click();
  await order100(page);
  await button(page, "Receive stock").click();
  await order100(page);
  await page.getByRole("switch", { name: "10 orders a second" }).click();
  await button(page, "Rebuild slowly").click();
  await rebuild.getByRole("progressbar").waitFor();
  await button(page, "Pause").click();
  await rebuild.getByText("The rebuild is paused.").waitFor();
  await expect.poll(() => rebuild.locator(".job-numbers").innerText()).toMatch(/[1-9][\d,]* of [1-9][\d,]* events/);
  const before = await settled(page);
  await expect.poll(() => settled(page)).toBeGreaterThan(before);
  await button(page, "Continue").click();
  await rebuild.getByText("A rebuild runs.").waitFor();
  await button(page, "Cancel").click();
  await rebuild.getByText("The last rebuild was cancelled. The rows are the old ones.").waitFor();
  await button(page, "Rebuild at full speed").click();
  await rebuild.getByText("The last rebuild is done.").waitFor({ timeout: 30_000 });
  await page.getByRole("switch", { name: "10 orders a second" }).click();
  await button(page, "Compare with the log").click();
  await rebuild.getByText("rows compared with the log: all are equal.").waitFor({ timeout: 30_000 });
});

test("orders page: a comparison shows its progress, pauses, continues and is cancelled", async () => {
  const page = await demo.visit();
  const rebuild = region(page, "Rebuild the sales");
  await button(page, "Compare with the log").waitFor();
  await page.request.post(new URL("/api/sales/compare", page.url()).href, { data: { isSlow: true } });
  await rebuild.getByRole("progressbar", { name: "Events that the comparison has folded" }).waitFor();
  await button(page, "Pause").click();
  await rebuild.getByText("The comparison is paused.").waitFor();
  await page.reload();
  await button(page, "Continue").click();
  await rebuild.getByText("A comparison runs.").waitFor();
  await button(page, "Cancel").click();
  await rebuild.getByText("The last comparison was cancelled.", { exact: true }).waitFor();
  expect(await rebuild.getByRole("progressbar").count()).toBe(0);
  await button(page, "Compare with the log").click();
  await rebuild.getByText("rows compared with the log: all are equal.").waitFor({ timeout: 30_000 });
});

test("orders page: a release with a mistake parks one event, and the repair brings it back", async () => {
  const page = await demo.visit();
  const story = region(page, "What if a release has a mistake?");
  await button(page, "Release it").click();
  await expect.poll(() => button(page, "Order as Zoë").getAttribute("aria-disabled")).toBe("false");
  await button(page, "Order as Zoë").click();
  await story.getByText("1 event parked.").waitFor({ timeout: 30_000 });
  await story.getByText("a mistake for the orders of Zoë").waitFor();
  await region(page, "Rebuild the sales").getByText("The rows lack 1 parked event.").waitFor();
  await page.locator(".latest > ol > li", { hasText: "Zoë" }).locator(".done", { hasText: "shipped" }).waitFor();
  await button(page, "Repair").click();
  await story.getByText("Repaired. The sales contain the orders of Zoë.").waitFor({ timeout: 30_000 });
  expect(await story.locator(".parked li").count()).toBe(0);
});

test("orders page: without a server it keeps the numbers and says so, and it continues by itself", async () => {
  const page = await demo.visit();
  await region(page, "Stock").getByText("pieces").first().waitFor();
  const before = await settled(page);
  demo.network.cut();
  await page.getByText("The shop’s server does not answer.").waitFor();
  await page.getByText(/The numbers are those of \d\d:\d\d:\d\d/).waitFor();
  expect(await settled(page)).toBe(before);
  expect(await button(page, "Place 100 orders").getAttribute("aria-disabled")).toBe("true");
  demo.network.up();
  await expect.poll(() => page.getByText("The shop’s server does not answer.").count()).toBe(0);
  expect(await button(page, "Place 100 orders").getAttribute("aria-disabled")).toBe("false");
});

test("orders page: a person with a keyboard keeps the place while a button works", async () => {
  const page = await demo.visit();
  await button(page, "Receive stock").press("Enter");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Receive stock");
  await expect
    .poll(() => button(page, "Receive stock").getAttribute("aria-disabled"), { timeout: 30_000 })
    .toBe("false");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Receive stock");
});

test("orders page: nothing is wider than a phone, and fingers find large buttons", async () => {
  const page = await demo.visit({ viewport: { width: 390, height: 844 }, hasTouch: true });
  await page.locator(".latest > ol > li").first().waitFor();
  const sizes = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    heights: [...document.querySelectorAll("button")].map((element) => element.getBoundingClientRect().height),
  }));
  expect(sizes.width).toBe(390);
  expect(Math.min(...sizes.heights)).toBeGreaterThanOrEqual(44);
});

test.runIf(engine === "chromium").each(["light", "dark"] as const)(
  "orders page: axe finds nothing, with a server and without one (%s)",
  async (colorScheme) => {
    const page = await demo.visit({ colorScheme });
    await page.locator(".latest > ol > li").first().waitFor();
    expect(await faultsOn(page)).toEqual([]);
    demo.network.cut();
    await page.getByText("The shop’s server does not answer.").waitFor();
    expect(await faultsOn(page)).toEqual([]);
  },
);
