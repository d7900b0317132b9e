// `npm run bench -- board`: the demo board with 10,000 cards in Chromium, beside a bare list of the same rows.
//
// Times are from the key to the next frame after the card is there. The bare list is plain `<li>` with the same text.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { chromium, type Page } from "playwright-core";
import { build, preview } from "vite";
import { believeTheName } from "../demo/board/authorize.ts";
import { domain } from "../demo/board/domain.ts";
import { chromiumFlags, findChromium, howToGetChromium } from "../scripts/chromium.ts";
import { fillBoard } from "./support/fill-board.ts";
import { printTable, writeResult } from "./support/results.ts";
import { median } from "./support/stats.ts";

const CARDS = Number(process.env["CARDS"] ?? 10_000);
const ROUNDS = 5;
const executablePath = findChromium();
if (!executablePath) throw new Error(howToGetChromium);

const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-board-"));
await fillBoard(join(folder, "board.db"), "large", CARDS);
const server = await serve({ domain, store: sqlite(join(folder, "board.db")), authorize: believeTheName, port: 0 });
const root = fileURLToPath(new URL("../demo/board", import.meta.url));
const outDir = join(folder, "site");
const configFile = `${root}/vite.config.ts`;
await build({ root, configFile, logLevel: "error", build: { outDir } });
const site = await preview({
  root,
  configFile,
  logLevel: "silent",
  build: { outDir },
  preview: { host: "127.0.0.1", port: 0, proxy: { "/sync": { target: new URL(server.url).origin, ws: true } } },
});
const browser = await chromium.launch({ executablePath, chromiumSandbox: false, args: [...chromiumFlags] });
try {
  const page = await browser.newPage({ viewport: { width: 1180, height: 720 } });
  const origin = site.resolvedUrls?.local[0] ?? "";
  const opening = performance.now();
  await page.goto(`${origin}?log=large&as=Ada`);
  const list = page.locator("[data-column=todo] .cards");
  await list.locator(`[data-card="card/c${CARDS}"]`).or(list.locator("[data-card]").nth(5)).first().waitFor();
  await page.getByRole("button", { name: /^Sync: Live/ }).waitFor({ timeout: 120_000 });
  const openMs = performance.now() - opening;

  /** The time of a key until the next frame in which the list's first or last card has another key. */
  const timeOf = (key: string, edge: "first" | "last") =>
    page.evaluate(
      async ({ key, edge }) => {
        const cards = () => document.querySelectorAll("[data-column=todo] .cards > [data-card]");
        const keyOf = () => [...cards()].at(edge === "first" ? 0 : -1)?.getAttribute("data-card");
        const before = keyOf();
        const start = performance.now();
        document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
        while (keyOf() === before) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        await new Promise((resolve) => setTimeout(resolve));
        return performance.now() - start;
      },
      { key, edge },
    );
  const adds: number[] = [];
  await page.locator("[data-column=todo]").getByRole("button", { name: "Add a card" }).click();
  for (let round = 0; round < ROUNDS; round++) {
    await page.getByRole("textbox", { name: "Title of the new card" }).fill(`New ${round}`);
    adds.push(await timeOf("Enter", "last"));
    await page.waitForTimeout(300);
  }
  await page.getByRole("button", { name: "Close" }).click();

  const inserts: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await list.evaluate((element) => element.scrollTo(0, 0));
    await page.locator("[data-column=doing] .card-open").first().focus();
    for (const key of [" ", "ArrowLeft"]) await page.keyboard.press(key);
    await page.waitForTimeout(300);
    await page.keyboard.press("Escape");
    await page.waitForTimeout(300);
    await page.locator("[data-column=doing] .card-open").first().focus();
    await page.keyboard.press(" ");
    // The held card is the list's first one at once, so the key that carries it is measured.
    inserts.push(await timeOf("ArrowLeft", "first"));
    await page.keyboard.press(" ");
    await page.waitForTimeout(600);
  }

  const framesWhileScrolling = (selector: string) =>
    page.evaluate(async (selector) => {
      const scroller = document.querySelector(selector);
      if (!scroller) throw new Error("There is no list");
      const start = performance.now();
      let frames = 0;
      while (performance.now() - start < 2_000) {
        scroller.scrollTop += 80;
        await new Promise(requestAnimationFrame);
        frames++;
      }
      return (frames * 1_000) / (performance.now() - start);
    }, selector);
  const frames = await framesWhileScrolling("[data-column=todo] .cards");
  const dragged = await framesWhileDragging(page);

  const bare = await browser.newPage({ viewport: { width: 1180, height: 720 } });
  await bare.setContent(`<ol id="bare" style="height: 600px; overflow: auto"></ol>`);
  const bareMs: number[] = [];
  await bare.evaluate(
    (count) => {
      const list = document.querySelector("#bare");
      for (let n = 0; n < count; n++)
        list?.append(Object.assign(document.createElement("li"), { textContent: `Card ${n}` }));
    },
    Math.ceil((CARDS * 8) / 10),
  );
  for (let round = 0; round < ROUNDS; round++) {
    bareMs.push(
      await bare.evaluate(async () => {
        const start = performance.now();
        document.querySelector("#bare")?.prepend(Object.assign(document.createElement("li"), { textContent: "New" }));
        await new Promise(requestAnimationFrame);
        await new Promise((resolve) => setTimeout(resolve));
        return performance.now() - start;
      }),
    );
  }
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  const figures = {
    openMs,
    addMs: median(adds),
    insertAtTopMs: median(inserts),
    bareInsertMs: median(bareMs),
    framesScrolling: frames,
    framesDragging: dragged,
    elements,
  };
  printTable(
    [`${CARDS} cards`, "figure"],
    Object.entries(figures).map(([name, figure]) => [name, figure.toFixed(0)]),
  );
  writeResult("board", { cards: CARDS, ...figures, adds, inserts });
} finally {
  await browser.close();
  await site.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
}

/** Frames a second while a card is dragged with the mouse up and down a column, and through its edges. */
async function framesWhileDragging(page: Page): Promise<number> {
  const list = await page.locator("[data-column=todo] .cards").boundingBox();
  const card = await page.locator("[data-column=doing] .card").first().boundingBox();
  if (!list || !card) throw new Error("The board has no cards");
  await page.mouse.move(card.x + 60, card.y + 20);
  await page.mouse.down();
  await page.mouse.move(list.x + 100, list.y + 200, { steps: 8 });
  const counted = page.evaluate(async () => {
    const start = performance.now();
    let frames = 0;
    while (performance.now() - start < 2_000) {
      await new Promise(requestAnimationFrame);
      frames++;
    }
    return (frames * 1_000) / (performance.now() - start);
  });
  const until = performance.now() + 2_000;
  for (let step = 0; performance.now() < until; step++)
    await page.mouse.move(list.x + 100 + (step % 40), list.y + list.height * (0.5 + 0.48 * Math.sin(step / 12)));
  const frames = await counted;
  await page.keyboard.press("Escape");
  await page.mouse.up();
  return frames;
}
