/** `/duo`: two people in one page, with a server inside the page and a cable that can be pulled. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";
import { duoCard, openDuo, renameOn, sideOf } from "./support/demo-duo.ts";
import { tcpProxy } from "./support/tcp-proxy.ts";

const demo = demoForTests();

/** The driver of WebKit does not reach into frames. */
const reachesFrames = engine !== "webkit";
const steps = (page: Page) => page.getByRole("list", { name: "Try this" });
const lines = (page: Page) => page.getByRole("region", { name: "The log" }).locator("li");

test.runIf(reachesFrames)(
  "duo: two people rename one card without the cable, and choose once it is in again",
  async () => {
    const { page, ada, bob } = await openDuo(demo);
    await page.getByRole("button", { name: "Pull the cable" }).click();
    await renameOn(ada, "Buy new strings", "Buy gut strings");
    await renameOn(bob, "Buy new strings", "Buy steel strings");
    // Both changes are pending, and neither person sees the other's.
    await expect.poll(() => lines(page).filter({ hasText: "pending" }).count()).toBe(2);
    expect(await duoCard(bob, "Buy gut strings").count()).toBe(0);
    await expect.poll(() => steps(page).locator(".done").count()).toBe(2);

    await page.getByRole("button", { name: "Plug it in" }).click();
    await steps(page).getByText("Both boards agree. Choose on the refused card.").waitFor();
    const refused = lines(page).filter({ hasText: "refused" });
    expect(await refused.count()).toBe(1);
    const [loser, winner] = (await refused.locator(".actor").innerText()) === "Ada" ? [ada, bob] : [bob, ada];
    const title = winner === bob ? "Buy steel strings" : "Buy gut strings";
    await duoCard(loser, title).getByRole("button", { name: "Use mine" }).click();
    await duoCard(winner, winner === bob ? "Buy gut strings" : "Buy steel strings").waitFor();
  },
);

test.runIf(reachesFrames).each([1360, 1920])(
  "duo: both columns have the same space beside them at %i px",
  async (width) => {
    const { ada } = await openDuo(demo, { viewport: { width, height: 850 } });
    const edges = await ada.locator("body").evaluate((body) => {
      const cards = [...body.querySelectorAll("li.card")].map((element) => element.getBoundingClientRect());
      return {
        left: Math.min(...cards.map(({ left }) => left)),
        right: innerWidth - Math.max(...cards.map((it) => it.right)),
      };
    });
    expect(Math.round(edges.right)).toBe(Math.round(edges.left));
  },
);

test.runIf(reachesFrames)("duo: a reload without the cable keeps the cable, the work and its lines", async () => {
  const { page, ada, bob } = await openDuo(demo);
  await renameOn(bob, "Print the posters", "Print the tickets");
  await duoCard(ada, "Print the tickets").waitFor();
  await page.getByRole("button", { name: "Pull the cable" }).click();
  await renameOn(ada, "Buy new strings", "Buy gut strings");
  await page.reload();
  await duoCard(ada, "Buy gut strings").waitFor();
  await duoCard(bob, "Print the tickets").waitFor();
  await expect.poll(() => lines(page).filter({ hasText: "pending" }).innerText()).toContain("Buy gut strings");
  expect(await steps(page).locator(".done").count()).toBe(1);
  expect(await duoCard(bob, "Buy gut strings").count()).toBe(0);
  await page.getByRole("button", { name: "Plug it in" }).click();
  await duoCard(bob, "Buy gut strings").waitFor();
  await expect.poll(() => lines(page).filter({ hasText: "Buy gut strings" }).innerText()).toContain("confirmed");
});

test.runIf(reachesFrames)("duo: on a phone without the cable, the badge and Redo have space in each bar", async () => {
  const { page, ada } = await openDuo(demo, { viewport: { width: 390, height: 844 } });
  await page.getByRole("button", { name: "Pull the cable" }).click();
  await renameOn(ada, "Buy new strings", "Buy gut strings");
  await ada.getByRole("button", { name: "Sync: No connection · 1 waiting", exact: true }).waitFor();
  const redo = await ada.getByRole("button", { name: "Redo" }).boundingBox();
  expect(redo && redo.x + redo.width).toBeLessThan(390);
});

test.runIf(reachesFrames).each([1360, 390])(
  "duo: the page is no longer than the window, also with an open event (%i px)",
  async (width) => {
    const { page } = await openDuo(demo, { viewport: { width, height: 844 } });
    await lines(page).nth(6).locator(".line").click();
    await lines(page).locator(".details").waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(844);
  },
);

test.runIf(reachesFrames)("duo: the log shows an undo without the cable as pending", async () => {
  const { page, ada } = await openDuo(demo);
  await renameOn(ada, "Buy new strings", "Buy gut strings");
  await lines(page).filter({ hasText: "confirmed" }).filter({ hasText: "Buy gut strings" }).waitFor();
  await page.getByRole("button", { name: "Pull the cable" }).click();
  await ada.getByRole("button", { name: "Undo" }).click();
  await expect.poll(() => lines(page).filter({ hasText: "pending" }).innerText()).toContain("Buy new strings");
});

test.runIf(reachesFrames)("duo: an event is arriving until the other side has it", async () => {
  const { page, ada } = await openDuo(demo);
  await lines(page).filter({ hasText: "confirmed" }).nth(6).waitFor();
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    new MutationObserver((changes) => {
      for (const { target, addedNodes } of changes)
        for (const node of [target, ...addedNodes])
          if (node instanceof HTMLLIElement && node.innerText.includes("gut strings")) seen.push(node.className);
    }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
  });
  await renameOn(ada, "Buy new strings", "Buy gut strings");
  const seen = () => page.evaluate(() => [...new Set(Reflect.get(window, "seen") as string[])]);
  await expect.poll(async () => (await seen()).at(-1)).toBe("confirmed");
  expect(await seen()).toEqual(["pending", "arriving", "confirmed"]);
});

test.runIf(reachesFrames)("duo: the log beside the boards shows an event whole on demand", async () => {
  const { page, ada } = await openDuo(demo);
  await duoCard(ada, "Print the posters").getByRole("button", { name: "Done: Print the posters" }).click();
  const line = lines(page).filter({ hasText: "CardCompleted" });
  await line.getByRole("button").click();
  const event: unknown = JSON.parse(await line.locator("pre").innerText());
  expect(event).toMatchObject({ type: "CardCompleted", stream: "card/poster", actor: "Ada", position: 8 });
});

test.runIf(reachesFrames)("duo: it opens and syncs without any server once the page was loaded", async () => {
  const way = await tcpProxy(Number(new URL(demo.origin).port));
  const page = await demo.visit("/");
  const address = `http://127.0.0.1:${way.port}/duo`;
  await page.goto(address);
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await way[Symbol.asyncDispose]();
  await page.goto(address);
  const [ada, bob] = [sideOf(page, "Ada"), sideOf(page, "Bob")];
  await duoCard(ada, "Buy new strings").waitFor();
  await renameOn(ada, "Buy new strings", "Buy gut strings");
  await duoCard(bob, "Buy gut strings").waitFor();
  expect(await lines(page).filter({ hasText: "CardRenamed" }).count()).toBe(1);
});

test.runIf(reachesFrames)(
  "duo: a later visit deletes the databases of earlier ones, but not those of an open page",
  async () => {
    const { page } = await openDuo(demo);
    const names = () => page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ""));
    const first = await names();
    // One of each side, and one of the server in the page.
    expect(first.length).toBe(3);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await duoCard(sideOf(other, "Bob"), "Buy new strings").waitFor();
    expect(await names()).toEqual(expect.arrayContaining(first));
    await other.close();
    await page.getByRole("button", { name: "Pull the cable" }).click();
    await page.getByRole("link", { name: "Start again" }).click();
    await page.getByRole("button", { name: "Pull the cable" }).waitFor();
    await duoCard(sideOf(page, "Bob"), "Buy new strings").waitFor();
    await expect.poll(names).toHaveLength(3);
    expect((await names()).filter((name) => first.includes(name))).toEqual([]);
  },
);

test.runIf(reachesFrames)(
  "duo: the start page leads to it, and it leads to the code and to a board of one's own",
  async () => {
    const page = await demo.visit("/");
    await page.getByRole("link", { name: "See two people and one cable" }).click();
    await duoCard(sideOf(page, "Ada"), "Book the rehearsal room").waitFor();
    await page.getByRole("link", { name: "Its code" }).click();
    await page.getByText('aggregate("card"').waitFor();
    await page.goBack();
    await page.getByRole("link", { name: "A board of your own" }).click();
    await page.getByRole("button", { name: "Open the board" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/");
  },
);

test("duo: a card that is done on one side is done on the other, in each engine", async () => {
  const page = await demo.visit("/duo", { viewport: { width: 1360, height: 850 } });
  const press = (side: string, label: string) =>
    page.evaluate(
      ([name, wanted]) => {
        const frame = document.querySelector<HTMLIFrameElement>(`iframe[title^="${name}"]`);
        const button = frame?.contentDocument?.querySelector<HTMLElement>(`[aria-label="${wanted}"]`);
        button?.click();
        return button?.getAttribute("aria-pressed") ?? null;
      },
      [side, label] as const,
    );
  await expect.poll(() => press("Ada", "Done: Buy new strings")).toBe("false");
  // This one only reads, because a second press would undo the first.
  await expect
    .poll(
      () =>
        page.evaluate(() => {
          const bob = document.querySelector<HTMLIFrameElement>('iframe[title^="Bob"]')?.contentDocument;
          return bob?.querySelector('[aria-label="Done: Buy new strings"]')?.getAttribute("aria-pressed") ?? null;
        }),
      { timeout: 20_000 },
    )
    .toBe("true");
});
