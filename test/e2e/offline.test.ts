/** The board without a network or a server: work continues, and reaches other people later. */
import { expect, test } from "vitest";
import {
  addCards,
  cardOf,
  offlineSwitch,
  panel,
  refusals,
  shows,
  titlesIn,
  waitForSync,
} from "./support/board-page.ts";
import { engine } from "./support/browser.ts";
import { demoForTests } from "./support/demo-board.ts";
import { tcpProxy } from "./support/tcp-proxy.ts";

const demo = demoForTests();

test("offline: work continues, survives a reload, and reaches other people with the network", async () => {
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
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
  const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
  await offlineSwitch(ben).click();
  await waitForSync(ben, "Offline");
  await addCards(ben, "To do", ["Salt"]);
  await addCards(ada, "To do", ["Pepper"]);
  await waitForSync(ben, "1 waiting");
  expect(await cardOf(ada, "Salt").count()).toBe(0);
  expect(await cardOf(ben, "Pepper").count()).toBe(0);
  await offlineSwitch(ben).click();
  await cardOf(ada, "Salt").waitFor();
  await cardOf(ben, "Pepper").waitFor();
});

// The driver of WebKit has no second tab that shares the storage of the first.
test.runIf(engine !== "webkit")(
  "offline switch: after a reload nothing is sent, also not by a second tab of the person",
  async () => {
    const [ada, ben] = [await demo.open("Ada"), await demo.open("Ben")];
    await offlineSwitch(ben).click();
    await waitForSync(ben, "Offline");
    await addCards(ben, "To do", ["Salt"]);
    const second = await ben.context().newPage();
    await second.goto(await ben.evaluate(() => location.href));
    for (let reload = 1; reload <= 4; reload++) {
      await ben.reload();
      await waitForSync(ben, "1 waiting");
      expect(await offlineSwitch(ben).getAttribute("aria-checked")).toBe("true");
    }
    await waitForSync(second, "1 waiting");
    await ben.getByText("all tabs of Ben").waitFor();
    // Ada's own card is a round trip to the server, so Salt would be here too.
    await addCards(ada, "To do", ["Pepper"]);
    await waitForSync(ada, "Live");
    expect(await titlesIn(ada, "To do")).toEqual(["Pepper"]);

    await offlineSwitch(second).click();
    await cardOf(ada, "Salt").waitFor();
    await cardOf(ben, "Pepper").waitFor();
    expect(await offlineSwitch(ben).getAttribute("aria-checked")).toBe("false");
    await second.close();
  },
);

test("offline: a new board can start, and later joins the work of other people on it", async () => {
  const ada = await demo.open("Ada");
  await addCards(ada, "To do", ["Milk"]);
  demo.network.cut();
  const ben = await demo.visit(`/?log=${demo.log}&as=Ben`);
  await ben.getByRole("button", { name: "Start with three columns" }).click();
  await addCards(ben, "To do", ["Bread"]);
  demo.network.up();
  await expect
    .poll(async () => (await titlesIn(ben, "To do")).toSorted(), { timeout: 30_000 })
    .toEqual(["Bread", "Milk"]);
  expect(await ben.locator("[data-column]").count()).toBe(3);
  expect(await refusals(ben).count()).toBe(0);
});

test("no server: a reload still opens the board and the start page", async () => {
  const way = await tcpProxy(Number(new URL(demo.origin).port));
  const ada = await demo.visit("/");
  await ada.goto(`http://127.0.0.1:${way.port}/?log=${demo.log}&as=Ada`);
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

test("service worker: it removes itself when another site answers at the board's address", async () => {
  const ada = await demo.open("Ada");
  const workers = () => ada.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  await ada.evaluate(() => navigator.serviceWorker.ready);
  await ada.reload();
  expect(await workers()).toBe(1);
  await ada.goto(`${demo.origin}/sync/healthz`);
  await expect.poll(workers).toBe(0);
});
