/** The board as several people use it: together, with drafts and a history, from the start page. */
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import {
  addCards,
  cardOf,
  columnOf,
  openRefusals,
  panel,
  refusals,
  renameCard,
  shows,
  waitForSync,
} from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests, PLAIN_HOST } from "./support/demo-board.ts";

const demo = demoForTests();

const search = (page: Page) => page.evaluate(() => location.search);

test("board: a card that one person adds, ticks off and moves looks the same on the other board", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
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
    const ada = await demo.open("Ada");
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
  const ada = await demo.open("Ada");
  const address = new URL(`/?${new URLSearchParams({ log: demo.log, as: "Ben" })}`, demo.origin);
  address.hostname = PLAIN_HOST;
  const phone = await demo.visit(address.href);
  expect(await phone.evaluate(() => isSecureContext)).toBe(false);
  await addCards(phone, "To do", ["Milk"]);
  await cardOf(ada, "Milk").waitFor();
  await phone.getByRole("button", { name: /^Sync: / }).click();
  await phone.getByText("This page has no Web Locks").waitFor();
});

test("board: two people who open a new board at once get three columns, not six", async () => {
  const [ada, ben] = await Promise.all([demo.open("Ada"), demo.open("Ben")]);
  await addCards(ada, "Doing", ["Milk"]);
  await cardOf(ben, "Milk").waitFor();
  for (const page of [ada, ben])
    expect(await page.locator("[data-column] h2").allInnerTexts()).toEqual(["To do", "Doing", "Done"]);
});

test("presence: each person sees who is here, which card they view, and that they left", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "To do", ["Milk"]);
  await cardOf(ben, "Milk").locator(".card-open").click();
  await cardOf(ada, "Milk").getByRole("img", { name: "Ben is looking at this card" }).waitFor();
  await ada.getByRole("button", { name: "Ben is looking at “Milk”. Open the card." }).click();
  await panel(ada).getByRole("heading", { name: "Milk" }).waitFor();
  await ben.context().close();
  await ada.getByRole("list", { name: "Who is here" }).getByRole("listitem").nth(1).waitFor({ state: "detached" });
  expect(await ada.getByRole("list", { name: "Who is here" }).getByRole("listitem").count()).toBe(1);
});

test("description: it is saved as it is typed, and when the panel closes", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await addCards(ada, "To do", ["Milk", "Bread"]);
  for (const page of [ada, ben]) await cardOf(page, "Milk").locator(".card-open").click();
  const description = (page: Page) => panel(page).getByRole("textbox", { name: "Description" });
  await description(ada).fill("Two litres");
  // Nothing was pressed, and the field still has the focus.
  await expect.poll(() => description(ben).inputValue()).toBe("Two litres");
  await panel(ada).getByText("Saved as you type").waitFor();
  await description(ada).fill("Three litres");
  await description(ada).press("Escape");
  await expect.poll(() => description(ben).inputValue()).toBe("Three litres");
  await ada.reload();
  await cardOf(ada, "Milk").locator(".card-open").click();
  expect(await description(ada).inputValue()).toBe("Three litres");
  expect(await ada.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith("board.draft")))).toEqual(
    [],
  );
});

// The driver of WebKit cannot stop the clock of a page.
test.runIf(engine !== "webkit")(
  "description: a text that another person changed meanwhile is not replaced without a choice",
  async () => {
    const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
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
  const ada = await demo.open("Ada");
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
  const ada = await demo.open("Ada");
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
  const ada = await demo.open("Ada");
  await ada.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await ada.evaluate(() => navigator.clipboard.writeText("long ".repeat(50)));
  await columnOf(ada, "To do").getByRole("button", { name: "Add a card" }).click();
  await ada.keyboard.press("Control+v");
  await ada.locator(".notice").getByText("The last 50 characters did not fit: the limit is 200 characters").waitFor();
  expect(await columnOf(ada, "To do").getByRole("textbox").inputValue()).toHaveLength(200);
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

test("history: the slider shows every version, and a click on an event shows that version", async () => {
  const ada = await demo.open("Ada");
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
  const page = await demo.visit(`/?log=${encodeURIComponent(`../${demo.log}!`)}&as=Ada`);
  await page.getByRole("alert").getByText(`A board cannot have the name “../${demo.log}!”`).waitFor();
  await page.getByRole("button", { name: "Open the board" }).click();
  await page.locator("[data-column]").first().waitFor();
  expect(await search(page)).toBe(`?log=${demo.log}&as=Ada`);
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
  const page = await demo.visit(`/?log=Team.${demo.log}&as=${"Ada".repeat(30)}`);
  await page.getByRole("alert").getByText("is too long for a person's name. Use at most 64 characters").waitFor();
  await page.goto(`${demo.origin}/?log=Team.${demo.log}`);
  await page.getByRole("alert").getByText(`To open the board “Team.${demo.log}”, enter your name.`).waitFor();
  await page.getByRole("textbox", { name: "Your name" }).fill("Ada");
  await page.getByRole("button", { name: "Open the board" }).click();
  await page.locator("[data-column]").first().waitFor();
  expect(await search(page)).toBe(`?log=Team.${demo.log}&as=Ada`);
});
