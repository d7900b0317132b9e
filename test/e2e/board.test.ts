/** The board as several people use it: with and without a network, by mouse, finger and keyboard. */
import type { Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  addCards,
  cardOf,
  columnOf,
  type Demo,
  PLAIN_HOST,
  renameCard,
  startDemo,
  titlesIn,
  waitForSync,
} from "./support/demo-board.ts";
import { engine } from "./support/browser.ts";
import { tcpProxy } from "./support/tcp-proxy.ts";

let demo: Demo;
let log: string;

beforeAll(async () => {
  demo = await startDemo();
});
afterAll(() => demo.close());
beforeEach(() => {
  log = `board-${crypto.randomUUID().slice(0, 8)}`;
});
afterEach(async () => {
  demo.network.up();
  await demo.leave();
  const errors = demo.takeErrors();
  if (errors.length > 0) throw new Error(`A page failed: ${errors.join("\n")}`);
});

const offline = (page: Page) => page.getByRole("switch", { name: "Offline" });
const panel = (page: Page) => page.getByRole("dialog");
const refusals = (page: Page) => page.getByRole("region", { name: "Changes that were refused" });
const openRefusals = (page: Page) => refusals(page).getByRole("button", { name: "Show" }).click();
// Trimmed, because WebKit ends the text of a block with a line break.
const textsOf = async (where: Locator) =>
  (await where.locator(".conflict > div").allInnerTexts()).map((text) => text.trim());
const search = (page: Page) => page.evaluate(() => location.search);
const shows = async (page: Page, column: string, titles: readonly string[]) => {
  await expect.poll(() => titlesIn(page, column), { timeout: 20_000 }).toEqual(titles);
};

describe("two people on one board", () => {
  test("board: a card that one person adds, ticks off and moves looks the same on the other board", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk", "Bread"]);
    await cardOf(ben, "Bread").waitFor();
    await cardOf(ben, "Milk").getByRole("button", { name: "Done: Milk" }).click();
    await cardOf(ada, "Milk").and(ada.locator(".done")).waitFor();
    await cardOf(ada, "Milk").locator(".card-open").click();
    await panel(ada).getByRole("combobox", { name: "Column" }).selectOption({ label: "Done" });
    await shows(ben, "Done", ["Milk"]);
    await shows(ben, "To do", ["Bread"]);
  });

  // Playwright reaches the requests of a worker in Chromium only.
  test.runIf(engine === "chromium")(
    "board: a change that a firewall refuses is named and can be taken back",
    async () => {
      const ada = await demo.open(log, "Ada");
      await waitForSync(ada, "Live");
      const firewall = (url: URL) => url.pathname.endsWith("/commits");
      await ada
        .context()
        .route(firewall, (route) =>
          route.request().postData()?.includes("Forbidden") === true
            ? route.fulfill({ status: 403, body: "Blocked" })
            : route.fallback(),
        );
      await addCards(ada, "To do", ["Milk", "Forbidden", "Bread"]);
      await waitForSync(ada, "2 waiting, 1 does not get through");
      await ada.getByText("A change of yours to “Forbidden” does not get through to the server: the answer").waitFor();
      await ada.reload();
      await ada.getByRole("button", { name: "Take it back" }).click();
      await waitForSync(ada, "Live");
      await shows(ada, "To do", ["Milk", "Bread"]);
      await openRefusals(ada);
      await refusals(ada).getByText("add the card “Forbidden”").waitFor();
    },
  );

  // Only Chromium has a flag that leads a made-up host to this machine.
  test.runIf(engine === "chromium")("board: a phone adds a card over plain http, its badge says it", async () => {
    const ada = await demo.open(log, "Ada");
    const address = new URL(`/?${new URLSearchParams({ log, as: "Ben" })}`, demo.origin);
    address.hostname = PLAIN_HOST;
    const phone = await demo.visit(address.href);
    expect(await phone.evaluate(() => isSecureContext)).toBe(false);
    await addCards(phone, "To do", ["Milk"]);
    await cardOf(ada, "Milk").waitFor();
    await phone.getByRole("button", { name: /^Sync: / }).click();
    await phone.getByText("This page has no Web Locks").waitFor();
  });

  test("board: two people who open a new board at once get three columns, not six", async () => {
    const [ada, ben] = await Promise.all([demo.open(log, "Ada"), demo.open(log, "Ben")]);
    await addCards(ada, "Doing", ["Milk"]);
    await cardOf(ben, "Milk").waitFor();
    for (const page of [ada, ben])
      expect(await page.locator("[data-column] h2").allInnerTexts()).toEqual(["To do", "Doing", "Done"]);
  });

  test("presence: each person sees who is here, which card they view, and that they left", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ben, "Milk").locator(".card-open").click();
    await cardOf(ada, "Milk").getByRole("img", { name: "Ben is looking at this card" }).waitFor();
    await ada.getByRole("button", { name: "Ben is looking at “Milk”. Open the card." }).click();
    await panel(ada).getByRole("heading", { name: "Milk" }).waitFor();
    await ben.context().close();
    await ada.getByRole("list", { name: "Who is here" }).getByRole("listitem").nth(1).waitFor({ state: "detached" });
    expect(await ada.getByRole("list", { name: "Who is here" }).getByRole("listitem").count()).toBe(1);
  });
});

describe("a board without a network", () => {
  test("offline: work continues, survives a reload, and reaches other people with the network", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ben, "Milk").waitFor();
    demo.network.cut();
    await waitForSync(ben, "No connection");
    await addCards(ben, "Doing", ["Bread"]);
    await cardOf(ben, "Milk").locator(".card-open").click();
    await panel(ben).getByRole("textbox", { name: "Your comment" }).fill("Two litres?");
    await panel(ben).getByRole("button", { name: "Comment" }).click();
    await panel(ben).getByText("Two litres?").waitFor();
    await waitForSync(ben, "2 waiting");

    await ben.reload();
    await waitForSync(ben, "2 waiting");
    await cardOf(ben, "Bread").getByText("waiting").waitFor();
    expect(await titlesIn(ben, "To do")).toEqual(["Milk"]);

    demo.network.up();
    await waitForSync(ben, "Live");
    await cardOf(ada, "Bread").waitFor();
    await cardOf(ada, "Milk").locator(".card-open").click();
    await panel(ada).getByText("Two litres?").waitFor();
    await cardOf(ben, "Bread").getByText("waiting").waitFor({ state: "detached" });
  });

  test("offline switch: one tab leaves the network, and its work arrives when it returns", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await offline(ben).click();
    await waitForSync(ben, "Offline");
    await addCards(ben, "To do", ["Salt"]);
    await addCards(ada, "To do", ["Pepper"]);
    await waitForSync(ben, "1 waiting");
    expect(await cardOf(ada, "Salt").count()).toBe(0);
    expect(await cardOf(ben, "Pepper").count()).toBe(0);
    await offline(ben).click();
    await cardOf(ada, "Salt").waitFor();
    await cardOf(ben, "Pepper").waitFor();
  });

  // The driver of WebKit has no second tab that shares the storage of the first.
  test.runIf(engine !== "webkit")(
    "offline switch: after a reload nothing is sent, also not by a second tab of the person",
    async () => {
      const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
      await offline(ben).click();
      await waitForSync(ben, "Offline");
      await addCards(ben, "To do", ["Salt"]);
      const second = await ben.context().newPage();
      await second.goto(await ben.evaluate(() => location.href));
      for (let reload = 1; reload <= 4; reload++) {
        await ben.reload();
        await waitForSync(ben, "1 waiting");
        expect(await offline(ben).getAttribute("aria-checked")).toBe("true");
      }
      await waitForSync(second, "1 waiting");
      await ben.getByText("all tabs of Ben").waitFor();
      // Ada's own card is a round trip to the server, so Salt would be here too.
      await addCards(ada, "To do", ["Pepper"]);
      await waitForSync(ada, "Live");
      expect(await titlesIn(ada, "To do")).toEqual(["Pepper"]);

      await offline(second).click();
      await cardOf(ada, "Salt").waitFor();
      await cardOf(ben, "Pepper").waitFor();
      expect(await offline(ben).getAttribute("aria-checked")).toBe("false");
      await second.close();
    },
  );

  test("offline: a new board can start, and later joins the work of other people on it", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    demo.network.cut();
    const ben = await demo.visit(`/?log=${log}&as=Ben`);
    await ben.getByRole("button", { name: "Start with three columns" }).click();
    await addCards(ben, "To do", ["Bread"]);
    demo.network.up();
    await expect
      .poll(async () => (await titlesIn(ben, "To do")).toSorted(), { timeout: 30_000 })
      .toEqual(["Bread", "Milk"]);
    expect(await ben.locator("[data-column]").count()).toBe(3);
    expect(await refusals(ben).count()).toBe(0);
  });
});

describe("a board without any server", () => {
  test("no server: a reload still opens the board and the start page", async () => {
    const way = await tcpProxy(Number(new URL(demo.origin).port));
    const ada = await demo.visit("/");
    await ada.goto(`http://127.0.0.1:${way.port}/?log=${log}&as=Ada`);
    await addCards(ada, "To do", ["Milk"]);
    await ada.evaluate(() => navigator.serviceWorker.ready);
    await way[Symbol.asyncDispose]();
    await ada.reload();
    await cardOf(ada, "Milk").waitFor();
    await addCards(ada, "To do", ["Bread"]);
    await ada.goto(`http://127.0.0.1:${way.port}/`);
    await ada.getByRole("textbox", { name: "Your name" }).waitFor();
    await ada.getByRole("button", { name: "Open the board" }).click();
    await shows(ada, "To do", ["Milk", "Bread"]);
  });
});

test("service worker: it removes itself when another site answers at the board's address", async () => {
  const ada = await demo.open(log, "Ada");
  const workers = () => ada.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  await ada.evaluate(() => navigator.serviceWorker.ready);
  await ada.reload();
  expect(await workers()).toBe(1);
  await ada.goto(`${demo.origin}/sync/healthz`);
  await expect.poll(workers).toBe(0);
});

describe("drafts", () => {
  test("description: it is saved as it is typed, and when the panel closes", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk", "Bread"]);
    for (const page of [ada, ben]) await cardOf(page, "Milk").locator(".card-open").click();
    const description = (page: Page) => panel(page).getByRole("textbox", { name: "Description" });
    await description(ada).fill("Two litres");
    // Nothing was pressed, and the field still has the focus.
    await expect.poll(() => description(ben).inputValue(), { timeout: 20_000 }).toBe("Two litres");
    await panel(ada).getByText("Saved as you type").waitFor();
    await description(ada).fill("Three litres");
    await description(ada).press("Escape");
    await expect.poll(() => description(ben).inputValue(), { timeout: 20_000 }).toBe("Three litres");
    await ada.reload();
    await cardOf(ada, "Milk").locator(".card-open").click();
    expect(await description(ada).inputValue()).toBe("Three litres");
    expect(
      await ada.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("board.draft"))),
    ).toEqual([]);
  });

  // The driver of WebKit cannot stop the clock of a page.
  test.runIf(engine !== "webkit")(
    "description: a text that another person changed meanwhile is not replaced without a choice",
    async () => {
      const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
      await addCards(ada, "To do", ["Milk"]);
      for (const page of [ada, ben]) await cardOf(page, "Milk").locator(".card-open").click();
      // Without a clock the pause after typing does not end.
      await ada.clock.install();
      await ada.clock.pauseAt(Date.now() + 60_000);
      await panel(ada).getByRole("textbox", { name: "Description" }).fill("Two litres");
      await panel(ben).getByRole("textbox", { name: "Description" }).fill("One litre");
      await panel(ada).getByText("Since you began, the description changed to: “One litre”").waitFor();
      await ada.clock.resume();
      await panel(ada).getByRole("button", { name: "Keep the other one" }).click();
      expect(await panel(ada).getByRole("textbox", { name: "Description" }).inputValue()).toBe("One litre");
      expect(await panel(ben).getByRole("textbox", { name: "Description" }).inputValue()).toBe("One litre");
    },
  );

  test("draft: an unsent comment is still there when the card is opened again", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ada, "Milk").locator(".card-open").click();
    const comment = panel(ada).getByRole("textbox", { name: "Your comment" });
    await comment.fill("Two litres?");
    await ada.keyboard.press("Escape");
    await cardOf(ada, "Milk").locator(".card-open").click();
    expect(await comment.inputValue()).toBe("Two litres?");
    await panel(ada).getByRole("button", { name: "Comment", exact: true }).click();
    await panel(ada).getByRole("listitem").getByText("Two litres?").waitFor();
    expect(await comment.inputValue()).toBe("");
  });

  test("draft: a started card title returns when adding continues, and goes when it is added", async () => {
    const ada = await demo.open(log, "Ada");
    const place = columnOf(ada, "To do");
    const title = place.getByRole("textbox", { name: "Title of the new card" });
    await place.getByRole("button", { name: "Add a card" }).click();
    await title.fill("Milk");
    await title.press("Escape");
    await place.getByRole("button", { name: "Add a card" }).click();
    expect(await title.inputValue()).toBe("Milk");
    await title.press("Enter");
    await cardOf(ada, "Milk").waitFor();
    await title.press("Escape");
    await place.getByRole("button", { name: "Add a card" }).click();
    expect(await title.inputValue()).toBe("");
  });

  test.runIf(engine === "chromium")("paste: the board says how much of a text did not fit", async () => {
    const ada = await demo.open(log, "Ada");
    await ada.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await ada.evaluate(() => navigator.clipboard.writeText("long ".repeat(50)));
    await columnOf(ada, "To do").getByRole("button", { name: "Add a card" }).click();
    await ada.keyboard.press("Control+v");
    await ada.locator(".notice").getByText("The last 50 characters did not fit: the limit is 200 characters").waitFor();
    expect(await columnOf(ada, "To do").getByRole("textbox").inputValue()).toHaveLength(200);
  });
});

describe("two people with different changes", () => {
  const disagree = async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ben, "Milk").waitFor();
    await offline(ben).click();
    await waitForSync(ben, "Offline");
    await renameCard(ben, "Milk", "Soy milk");
    await renameCard(ada, "Milk", "Oat milk");
    await waitForSync(ada, "Live");
    await offline(ben).click();
    await cardOf(ben, "Oat milk").getByRole("group", { name: "Two texts for the title" }).waitFor();
    return { ada, ben };
  };
  const THREE_TEXTS = [/^You saw\s+Milk$/, /^Ada wrote\s+Oat milk$/, /^You wrote\s+Soy milk$/];
  const matchTexts = async (where: Locator) => {
    await expect.poll(() => textsOf(where)).toEqual(THREE_TEXTS.map((text): unknown => expect.stringMatching(text)));
  };

  test("conflict: the list shows the title that the person saw, the one now, and who wrote it", async () => {
    const { ada, ben } = await disagree();
    await openRefusals(ben);
    await refusals(ben).getByRole("heading", { name: "You wanted to rename “Milk” to “Soy milk”" }).waitFor();
    await matchTexts(refusals(ben));
    await refusals(ben).getByRole("button", { name: "Use mine" }).click();
    await cardOf(ada, "Soy milk").waitFor();
    await refusals(ben).waitFor({ state: "detached" });
    for (const page of [ada, ben]) await shows(page, "To do", ["Soy milk"]);
  });

  test("conflict: the card shows both titles, the badge counts, and the choice returns the focus", async () => {
    const { ada, ben } = await disagree();
    await waitForSync(ben, "Live · 1 refused");
    await ben
      .getByRole("status")
      .filter({ hasText: "A change of yours was refused. Choose on the card" })
      .first()
      .waitFor({ state: "attached" });
    await matchTexts(cardOf(ben, "Oat milk"));
    await cardOf(ben, "Oat milk").getByRole("button", { name: "Keep Ada’s" }).press("Enter");
    await refusals(ben).waitFor({ state: "detached" });
    await waitForSync(ben, /^Live$/);
    await expect.poll(() => ben.evaluate(() => document.activeElement?.textContent)).toBe("Oat milk");
    await ben
      .getByRole("status")
      .filter({ hasText: "“Oat milk” by Ada is kept" })
      .first()
      .waitFor({ state: "attached" });
    for (const page of [ada, ben]) await shows(page, "To do", ["Oat milk"]);
  });

  test("conflict: the open card shows both titles too, and the choice keeps the focus in it", async () => {
    const { ben } = await disagree();
    await cardOf(ben, "Oat milk").locator(".card-open").click();
    await matchTexts(panel(ben));
    await panel(ben).getByRole("button", { name: "Keep Ada’s" }).press("Enter");
    await panel(ben).getByRole("button", { name: "Keep Ada’s" }).waitFor({ state: "detached" });
    await expect.poll(() => ben.evaluate(() => document.activeElement?.textContent)).toBe("Card");
    await refusals(ben).waitFor({ state: "detached" });
  });

  test("conflict: four refusals take one line of a phone, and one choice settles them all", async () => {
    const TITLES = ["Milk", "Bread", "Salt", "Rice"];
    const [ada, ben] = [
      await demo.open(log, "Ada"),
      await demo.open(log, "Ben", { viewport: { width: 390, height: 844 }, isMobile: engine === "chromium" }),
    ];
    await addCards(ada, "To do", TITLES);
    await cardOf(ben, "Rice").waitFor();
    await offline(ben).click();
    await waitForSync(ben, "Offline");
    for (const title of TITLES) await renameCard(ben, title, `${title} by Ben`);
    // Two changes of one title are one choice.
    await renameCard(ben, "Milk by Ben", "Cream by Ben");
    for (const title of TITLES) await renameCard(ada, title, `${title} by Ada`);
    await waitForSync(ada, "Live");
    await offline(ben).click();
    await waitForSync(ben, "5 refused");
    await refusals(ben).getByText("5 changes of yours were refused").waitFor();
    const box = await refusals(ben).boundingBox();
    expect(box?.height).toBeLessThan(844 / 10);
    // The Tab key reaches the refusals before the board.
    expect(
      await refusals(ben).evaluate(
        (section) => section.compareDocumentPosition(document.querySelector("main") ?? section) & 4,
      ),
    ).toBe(4);
    await openRefusals(ben);
    expect(await refusals(ben).getByRole("listitem").count()).toBe(4);
    await refusals(ben)
      .getByRole("listitem")
      .filter({ hasText: "You wanted to rename “Milk” to “Cream by Ben”" })
      .waitFor();
    await refusals(ben).getByRole("button", { name: "Keep what is there" }).click();
    await refusals(ben).waitFor({ state: "detached" });
    await waitForSync(ben, /^Live$/);
    await shows(
      ben,
      "To do",
      TITLES.map((title) => `${title} by Ada`),
    );
    expect(await ben.evaluate(() => document.activeElement?.className)).toBe("card-open");
  });

  test("conflict: a refused change stays over a reload until the person keeps the other title", async () => {
    const { ada, ben } = await disagree();
    await ben.reload();
    await openRefusals(ben);
    await refusals(ben).getByRole("button", { name: "Keep Ada’s" }).click();
    await refusals(ben).waitFor({ state: "detached" });
    await ben.reload();
    await cardOf(ben, "Oat milk").waitFor();
    await waitForSync(ben, "Live");
    expect(await refusals(ben).count()).toBe(0);
    await cardOf(ada, "Oat milk").waitFor();
  });

  test("conflict: a card moved into a removed column is refused and stays where it was", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ben, "Milk").waitFor();
    await offline(ben).click();
    await cardOf(ben, "Milk").locator(".card-open").click();
    await panel(ben).getByRole("combobox", { name: "Column" }).selectOption({ label: "Doing" });
    await ben.keyboard.press("Escape");
    await shows(ben, "Doing", ["Milk"]);
    await ada.getByRole("button", { name: "Column Doing" }).click();
    await ada.getByRole("menuitem", { name: "Remove" }).click();
    await panel(ada).getByRole("button", { name: "Remove" }).click();
    await columnOf(ada, "Doing").waitFor({ state: "detached" });
    await offline(ben).click();
    await openRefusals(ben);
    await refusals(ben).getByText("The column has been removed").waitFor();
    await cardOf(ben, "Milk").getByText("A change was refused").waitFor();
    await shows(ben, "To do", ["Milk"]);
  });

  test("conflict: a card that returns to a removed column waits in a lane of its own", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "Doing", ["Milk"]);
    await cardOf(ben, "Milk").waitFor();
    await cardOf(ada, "Milk").locator(".card-open").click();
    await panel(ada).getByRole("button", { name: "Archive" }).click();
    await cardOf(ben, "Milk").waitFor({ state: "detached" });
    await ben.getByRole("button", { name: "Column Doing" }).click();
    await ben.getByRole("menuitem", { name: "Remove" }).click();
    await panel(ben).getByRole("button", { name: "Remove" }).click();
    await columnOf(ada, "Doing").waitFor({ state: "detached" });
    await ada.locator(".notice").getByRole("button", { name: "Undo" }).click();
    const lane = (page: Page) => page.getByRole("region", { name: "Cards without a column" });
    for (const page of [ada, ben]) await lane(page).locator(".card-open", { hasText: "Milk" }).waitFor();
    await dragTo(ben, cardOf(ben, "Milk"), columnOf(ben, "To do").locator(".cards"));
    for (const page of [ada, ben]) {
      await shows(page, "To do", ["Milk"]);
      await lane(page).waitFor({ state: "detached" });
    }
  });
});

/** The contrast of a text with what is behind it, as WCAG 2 defines it. */
const contrastOf = (text: Locator) =>
  text.evaluate((element) => {
    const canvas = document.createElement("canvas").getContext("2d");
    if (!canvas) throw new Error("This browser has no canvas");
    // One pixel, painted from the farthest element to the nearest.
    const around: Element[] = [];
    for (let at: Element | null = element; at; at = at.parentElement) around.unshift(at);
    canvas.canvas.width = canvas.canvas.height = 1;
    const paint = (color: string) => {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    };
    for (const one of around) paint(getComputedStyle(one).backgroundColor);
    const luminance = () => {
      const [r = 0, g = 0, b = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) =>
        byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = luminance();
    canvas.globalAlpha = around.reduce((alpha, one) => alpha * Number(getComputedStyle(one).opacity), 1);
    paint(getComputedStyle(element).color);
    const [dark = 0, light = 0] = [behind, luminance()].sort((left, right) => left - right);
    return (light + 0.05) / (dark + 0.05);
  });

describe("a card's history", () => {
  test("history: the slider shows every version, and a click on an event shows that version", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await renameCard(ada, "Milk", "Oat milk");
    await cardOf(ada, "Oat milk").getByRole("button", { name: "Done: Oat milk" }).click();
    await cardOf(ada, "Oat milk").locator(".card-open").click();
    await panel(ada).getByRole("button", { name: "History" }).click();
    const then = panel(ada).getByRole("region", { name: /^The card at version/ });
    await then.getByText("Current version").waitFor();
    await then.getByRole("img", { name: "done" }).waitFor();
    const slider = panel(ada).getByRole("slider", { name: "Version" });
    await slider.press("ArrowLeft");
    await then.getByText("Version 2 of 3").waitFor();
    // Later entries are paler, and still readable.
    const later = panel(ada).locator(".events .later");
    for (const part of ["b", "span:not(.avatar)", "time"])
      expect(await contrastOf(later.locator(part).first())).toBeGreaterThan(4.5);
    await then.getByRole("img", { name: "open" }).waitFor();
    await slider.press("Home");
    await then.getByRole("heading", { name: "Milk", exact: true }).waitFor();
    await panel(ada)
      .getByRole("button", { name: /Ada marked it as done/ })
      .click();
    await then.getByRole("heading", { name: "Oat milk" }).waitFor();
    await panel(ada).getByRole("button", { name: "Da capo" }).click();
    await then.getByRole("heading", { name: "Milk", exact: true }).waitFor();
    await then.getByText("Current version").waitFor();
    await expect.poll(() => then.getByRole("heading", { name: "Oat milk" }).count()).toBe(1);
  });
});

describe("by keyboard alone", () => {
  test("keyboard: a card is lifted, carried to another column and dropped, and keeps the focus", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk", "Bread"]);
    await addCards(ada, "Doing", ["Salt"]);
    await cardOf(ada, "Bread").locator(".card-open").focus();
    await ada.keyboard.press("Space");
    await ada.keyboard.press("ArrowRight");
    await ada.keyboard.press("ArrowUp");
    await ada.keyboard.press("Space");
    await shows(ada, "Doing", ["Bread", "Salt"]);
    await ada
      .getByRole("status")
      .filter({ hasText: "“Bread” is now in Doing, place 1" })
      .first()
      .waitFor({ state: "attached" });
    await expect.poll(() => ada.evaluate(() => document.activeElement?.textContent)).toBe("Bread");
    await ada.keyboard.press("ArrowLeft");
    await expect.poll(() => ada.evaluate(() => document.activeElement?.textContent)).toBe("Milk");
    await ada.keyboard.press("Space");
    await ada.keyboard.press("ArrowRight");
    await ada.keyboard.press("Escape");
    await shows(ada, "To do", ["Milk"]);
  });

  test("keyboard: an open card keeps the focus inside, and Escape returns the focus", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await cardOf(ada, "Milk").locator(".card-open").press("Enter");
    await panel(ada).waitFor();
    for (let n = 0; n < 25; n++) {
      await ada.keyboard.press("Tab");
      // Behind the last field the focus may pass the browser's own bar: then it is on the body, never on the board.
      expect(
        await ada.evaluate(
          () => document.activeElement === document.body || document.activeElement?.closest("dialog") !== null,
        ),
      ).toBe(true);
    }
    await ada.keyboard.press("Escape");
    await panel(ada).waitFor({ state: "detached" });
    expect(await ada.evaluate(() => document.activeElement?.textContent)).toBe("Milk");
  });

  test("keyboard: the focus moves at once, and stays in the next field after a rename", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await columnOf(ada, "To do").getByRole("button", { name: "Add a card" }).click();
    const focused = await columnOf(ada, "To do")
      .getByRole("textbox")
      .evaluate((field) => {
        field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
        return document.activeElement?.textContent?.trim();
      });
    expect(focused).toBe("Add a card");
    await cardOf(ada, "Milk").locator(".card-open").press("F2");
    await ada.getByRole("textbox", { name: "Title", exact: true }).fill("Oat milk");
    await columnOf(ada, "Doing").getByRole("button", { name: "Add a card" }).click();
    await cardOf(ada, "Oat milk").waitFor();
    await ada.keyboard.type("Salt");
    await ada.keyboard.press("Enter");
    await shows(ada, "Doing", ["Salt"]);
  });

  test("keyboard: after renaming a column or an open card, the focus is back where it was", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    const focused = () =>
      ada.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
    await columnOf(ada, "To do").getByRole("button", { name: "Column To do" }).press("Enter");
    await ada.getByRole("menuitem", { name: "Rename" }).press("Enter");
    await ada.getByRole("textbox", { name: "Name of the column" }).fill("Errands");
    await ada.keyboard.press("Enter");
    await expect.poll(focused).toBe("Column Errands");
    await cardOf(ada, "Milk").locator(".card-open").press("Enter");
    await panel(ada).getByRole("button", { name: "Milk" }).press("Enter");
    await panel(ada).getByRole("textbox", { name: "Title", exact: true }).fill("Oat milk");
    await ada.keyboard.press("Enter");
    await expect.poll(focused).toBe("Oat milk");
  });

  test("keyboard: Ctrl+Z undoes the last change, and Ctrl+Shift+Z repeats it", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await renameCard(ada, "Milk", "Oat milk");
    await cardOf(ada, "Oat milk").locator(".card-open").press("Control+z");
    await cardOf(ada, "Milk").waitFor();
    await shows(ada, "To do", ["Milk"]);
    await ada.keyboard.press("Control+Shift+z");
    await cardOf(ada, "Oat milk").waitFor();
    await shows(ada, "To do", ["Oat milk"]);
  });
});

describe("undo beside other people", () => {
  const renamedTwice = async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "To do", ["Milk"]);
    await renameCard(ada, "Milk", "Oat milk");
    await cardOf(ben, "Oat milk").waitFor();
    return { ada, ben };
  };

  test("undo: another person's newer title stays until the person chooses to replace it", async () => {
    const { ada, ben } = await renamedTwice();
    await renameCard(ben, "Oat milk", "Soy milk");
    await cardOf(ada, "Soy milk").locator(".card-open").press("Control+z");
    await ada.locator(".notice").getByText("Ben renamed the card to “Soy milk”. Undo would replace that.").waitFor();
    await waitForSync(ada, "Live");
    expect(await titlesIn(ben, "To do")).toEqual(["Soy milk"]);
    await ada.locator(".notice").getByRole("button", { name: "Undo anyway" }).click();
    await cardOf(ben, "Milk").waitFor();
  });

  test("undo: another person's comment does not stop the undo of a title", async () => {
    const { ada, ben } = await renamedTwice();
    await cardOf(ben, "Oat milk").locator(".card-open").click();
    await panel(ben).getByRole("textbox", { name: "Your comment" }).fill("Two litres?");
    await panel(ben).getByRole("button", { name: "Comment" }).click();
    await cardOf(ada, "Oat milk").getByText("1").waitFor();
    await cardOf(ada, "Oat milk").locator(".card-open").press("Control+z");
    await shows(ada, "To do", ["Milk"]);
    await ben.keyboard.press("Escape");
    await shows(ben, "To do", ["Milk"]);
    await ada.locator(".notice").getByText("Undone: “Oat milk” is called “Milk”").waitFor();
  });
});

describe("undo and redo", () => {
  test("undo: the notice of a removed column brings it back with the cards that nobody moved since", async () => {
    const [ada, ben] = [await demo.open(log, "Ada"), await demo.open(log, "Ben")];
    await addCards(ada, "Doing", ["Milk", "Salt", "Bread"]);
    await addCards(ada, "To do", ["Rice"]);
    await ada.getByRole("button", { name: "Column Doing" }).click();
    await ada.getByRole("menuitem", { name: "Remove" }).click();
    await panel(ada).getByRole("button", { name: "Remove" }).click();
    await shows(ben, "To do", ["Rice", "Milk", "Salt", "Bread"]);
    await dragTo(ben, cardOf(ben, "Salt"), columnOf(ben, "Done").locator(".cards"));
    await shows(ada, "Done", ["Salt"]);
    await ada.locator(".notice").getByRole("button", { name: "Undo" }).click();
    for (const page of [ada, ben]) {
      await shows(page, "Doing", ["Milk", "Bread"]);
      await shows(page, "To do", ["Rice"]);
      await shows(page, "Done", ["Salt"]);
    }
  });

  test("undo: a removed column returns with its cards, the notice says so, and Redo repeats it", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "Doing", ["Milk"]);
    await ada.getByRole("button", { name: "Column Doing" }).click();
    await ada.getByRole("menuitem", { name: "Remove" }).click();
    await panel(ada).getByRole("button", { name: "Remove" }).click();
    await shows(ada, "To do", ["Milk"]);
    await ada.getByRole("banner").getByRole("button", { name: "Undo" }).click();
    await shows(ada, "Doing", ["Milk"]);
    await ada.locator(".notice").getByText("Undone: The column “Doing” is back, and 1 more").waitFor();
    await ada.getByRole("button", { name: "Redo" }).click();
    await columnOf(ada, "Doing").waitFor({ state: "detached" });
    await shows(ada, "To do", ["Milk"]);
    await waitForSync(ada, /^Live$/);
  });
});

describe("large boards", () => {
  test("glide: an insert at the top of a long column moves only the cards on the screen", async () => {
    const ada = await demo.open(log, "Ada");
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
      const look = () => {
        for (const { effect } of document.getAnimations()) {
          const target = effect instanceof KeyframeEffect ? effect.target : null;
          const key = effect?.getComputedTiming().duration === 220 ? target?.getAttribute("data-card") : null;
          if (key) glided.add(key);
        }
        requestAnimationFrame(look);
      };
      look();
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
});

describe("by mouse and finger", () => {
  // Only Chromium says to the page that it has a finger.
  test.runIf(engine === "chromium")(
    "phone: everything that can be touched is at least 44 px high and wide",
    async () => {
      const ada = await demo.open(log, "Ada", {
        viewport: { width: 390, height: 844 },
        isMobile: true,
        hasTouch: true,
      });
      await addCards(ada, "To do", ["Milk"]);
      await renameCard(ada, "Milk", "Oat milk");
      const small = () =>
        ada.evaluate(() => {
          const around = document.querySelector("dialog[open]") ?? document;
          return [...around.querySelectorAll<HTMLElement>("button, a, input, select, textarea, [role=switch]")]
            .map((element) => ({
              name: element.getAttribute("aria-label") ?? element.textContent,
              box: element.getBoundingClientRect(),
            }))
            .filter(({ box }) => box.width > 0 && (Math.round(box.width) < 44 || Math.round(box.height) < 44))
            .map(({ name, box }) => `${name}: ${box.width} × ${box.height}`);
        });
      expect(await small()).toEqual([]);
      await ada.getByRole("button", { name: "Column To do" }).click();
      expect(await small()).toEqual([]);
      await ada.keyboard.press("Escape");
      await cardOf(ada, "Oat milk").locator(".card-open").click();
      expect(await small()).toEqual([]);
      await panel(ada).getByRole("button", { name: "History" }).click();
      await panel(ada).getByRole("slider", { name: "Version" }).waitFor();
      expect(await small()).toEqual([]);
    },
  );

  test("mouse: a card is dragged to another column, and the drag opens nothing", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk", "Bread"]);
    await addCards(ada, "Doing", ["Salt", "Pepper"]);
    const [from, to] = [await cardOf(ada, "Milk").boundingBox(), await cardOf(ada, "Pepper").boundingBox()];
    if (!from || !to) throw new Error("The cards are not there");
    await ada.mouse.move(from.x + 90, from.y + 15);
    await ada.mouse.down();
    await ada.mouse.move(from.x + 120, from.y + 40, { steps: 4 });
    await ada.mouse.move(to.x + 90, to.y + 6, { steps: 8 });
    await columnOf(ada, "Doing").locator(".gap").waitFor();
    await ada.mouse.up();
    await shows(ada, "Doing", ["Salt", "Milk", "Pepper"]);
    await shows(ada, "To do", ["Bread"]);
    expect(await panel(ada).count()).toBe(0);
  });

  test("mouse: a card can be dragged by its note, and a click there still ticks it off", async () => {
    const ada = await demo.open(log, "Ada");
    await addCards(ada, "To do", ["Milk"]);
    await dragTo(
      ada,
      cardOf(ada, "Milk").getByRole("button", { name: "Done: Milk" }),
      columnOf(ada, "Doing").locator(".cards"),
    );
    await shows(ada, "Doing", ["Milk"]);
    await cardOf(ada, "Milk").and(ada.locator(":not(.done)")).waitFor();
    await cardOf(ada, "Milk").getByRole("button", { name: "Done: Milk" }).click();
    await cardOf(ada, "Milk").and(ada.locator(".done")).waitFor();
  });

  test.runIf(engine === "chromium")(
    "phone: nothing is wider than the screen, a swipe scrolls, a resting finger lifts a card",
    async () => {
      const ada = await demo.open(log, "Ada", {
        viewport: { width: 320, height: 568 },
        isMobile: true,
        hasTouch: true,
      });
      await addCards(
        ada,
        "To do",
        Array.from({ length: 14 }, (_, n) => `Card ${n + 1}`),
      );
      expect(await ada.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
      const list = columnOf(ada, "To do").locator(".cards");
      await list.evaluate((element) => element.scrollTo(0, 0));
      const finger = await fingerOn(ada);

      await finger.down(150, 450);
      await finger.move(150, 250, 14);
      await finger.up();
      await expect.poll(() => list.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(50);
      expect(await panel(ada).count()).toBe(0);
      // Wait, because a list that still scrolls would catch the next touch.
      await expect
        .poll(() =>
          list.evaluate(async (element) => {
            const before = element.scrollTop;
            await new Promise((resolve) => setTimeout(resolve, 150));
            return element.scrollTop - before;
          }),
        )
        .toBe(0);
      await list.evaluate((element) => element.scrollTo(0, 0));

      const box = await cardOf(ada, "Card 2").boundingBox();
      if (!box) throw new Error("The card is not there");
      await finger.down(box.x + 100, box.y + 20);
      await ada.locator(".ghost").waitFor();
      // Two cards and a quarter down, with the space between them.
      await finger.move(box.x + 100, box.y + 20 + 2.25 * (box.height + 8), 10);
      await expect
        .poll(() =>
          columnOf(ada, "To do")
            .locator(".card:not(.held), .gap")
            .evaluateAll((all) => all.findIndex((one) => one.className === "gap")),
        )
        .toBe(3);
      await finger.up();
      await expect
        .poll(async () => (await titlesIn(ada, "To do")).slice(0, 4), { timeout: 20_000 })
        .toEqual(["Card 1", "Card 3", "Card 4", "Card 2"]);
    },
  );

  test("start page: a name and a board lead to that board", async () => {
    const page = await demo.visit("/");
    await page.getByRole("textbox", { name: "Your name" }).fill("Ada");
    await page.getByRole("combobox", { name: "Board" }).fill("Spring Concert!");
    await page.getByRole("button", { name: "Open the board" }).click();
    await page.locator("[data-column]").first().waitFor();
    expect(await search(page)).toBe("?log=spring-concert&as=Ada");
    await page.getByRole("img", { name: "Ada (you)" }).waitFor();
  });

  test("start page: an address with an impossible board says so and offers a possible one", async () => {
    const page = await demo.visit(`/?log=${encodeURIComponent(`../${log}!`)}&as=Ada`);
    await page.getByRole("alert").getByText(`A board cannot have the name “../${log}!”`).waitFor();
    await page.getByRole("button", { name: "Open the board" }).click();
    await page.locator("[data-column]").first().waitFor();
    expect(await search(page)).toBe(`?log=${log}&as=Ada`);
  });

  test("start page: a typed board without a letter of A to Z or a digit says why it cannot open", async () => {
    const page = await demo.visit("/");
    await page.getByRole("textbox", { name: "Your name" }).fill("Ada");
    await page.getByRole("combobox", { name: "Board" }).fill("产品");
    await page.getByText("A board cannot have the name “产品”").first().waitFor();
    expect(await page.getByRole("button", { name: "Open the board" }).isDisabled()).toBe(true);
    await page.getByRole("combobox", { name: "Board" }).fill("产品 7");
    await page.getByRole("button", { name: "Open the board" }).click();
    await page.locator("[data-column]").first().waitFor();
    expect(await search(page)).toBe("?log=7&as=Ada");
  });

  test("start page: an address without a usable name says so and leads to its board", async () => {
    const page = await demo.visit(`/?log=Team.${log}&as=${"Ada".repeat(30)}`);
    await page.getByRole("alert").getByText("is too long for a person's name. Use at most 64 characters").waitFor();
    await page.goto(`${demo.origin}/?log=Team.${log}`);
    await page.getByRole("alert").getByText(`To open the board “Team.${log}”, enter your name.`).waitFor();
    await page.getByRole("textbox", { name: "Your name" }).fill("Ada");
    await page.getByRole("button", { name: "Open the board" }).click();
    await page.locator("[data-column]").first().waitFor();
    expect(await search(page)).toBe(`?log=Team.${log}&as=Ada`);
  });
});

/** Drags with the mouse, from middle to middle of two elements. Both may still glide to their places. */
async function dragTo(page: Page, what: Locator, where: Locator): Promise<void> {
  const middleOf = async (element: Locator) => {
    const box = await element.boundingBox();
    if (!box) throw new Error("Nothing is there to drag, or no place for it");
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  await what.hover();
  const from = await middleOf(what);
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 20, from.y + 10, { steps: 4 });
  const gapIsThere = async () => {
    const to = await middleOf(where);
    await page.mouse.move(to.x, to.y, { steps: 8 });
    return where.locator(".gap").isVisible();
  };
  await expect.poll(gapIsThere, { timeout: 20_000 }).toBe(true);
  await page.mouse.up();
}

async function fingerOn(page: Page) {
  const session = await page.context().newCDPSession(page);
  let at = { x: 0, y: 0 };
  const send = (type: "touchStart" | "touchMove" | "touchEnd") =>
    session.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [at] });
  return {
    async down(x: number, y: number) {
      at = { x, y };
      await send("touchStart");
    },
    async move(x: number, y: number, steps: number) {
      const from = at;
      for (let n = 1; n <= steps; n++) {
        at = { x: from.x + ((x - from.x) * n) / steps, y: from.y + ((y - from.y) * n) / steps };
        await send("touchMove");
        await page.waitForTimeout(16);
      }
    },
    up: () => send("touchEnd"),
  };
}
