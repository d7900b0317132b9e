/** Real browsers, a real server process on a real SQLite file, and a network that can be cut. */
import { copyFile, rm } from "node:fs/promises";
import type { BrowserContext, Page } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { boardForTests } from "./support/board-for-tests.ts";
import { freshProfile, type Profile } from "./support/browser.ts";
import { opened } from "./support/site.ts";

const board = boardForTests();
let profiles: Profile[] = [];

afterEach(async () => {
  for (const profile of profiles) await profile[Symbol.asyncDispose]();
  profiles = [];
});

const profile = async (): Promise<BrowserContext> => {
  const fresh = await freshProfile();
  profiles.push(fresh);
  return fresh.launch();
};
const rows = (page: Page) => page.evaluate(() => window.board.rows());
const status = (page: Page) => page.evaluate(() => window.board.status());
const synced = (page: Page, position = 0) =>
  page.waitForFunction((least) => {
    const { pending, position: at, head, connection } = window.board.status();
    return pending === 0 && at >= least && at === head && connection === "live";
  }, position);
const equal = async (pages: readonly Page[]) => {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const all = await Promise.all(pages.map(async (page) => ({ rows: await rows(page), status: await status(page) })));
    if (all.every((one) => one.rows === all[0]?.rows && one.status.pending === 0)) return;
    if (Date.now() > deadline) expect(all[1]).toEqual(all[0]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

describe("two people, each with a browser of their own", () => {
  test("sync: two devices with 50 offline commands each are equal soon, and after reload", async () => {
    const [ada, bob] = [await profile(), await profile()];
    const pages = [await board.open(ada, "ada"), await board.open(bob, "bob")] as const;
    await pages[0].evaluate(async () => {
      await window.board.columns();
      await window.board.add("t", 10);
    });
    await synced(pages[0], 12);
    await synced(pages[1], 12);

    board.network.cut();
    await Promise.all([ada.setOffline(true), bob.setOffline(true)]);
    const commits = await Promise.all(pages.map((page) => page.evaluate(() => window.board.work(50, 10))));
    expect(await Promise.all(pages.map(async (page) => (await status(page)).pending))).toEqual([50, 50]);

    board.network.up();
    await Promise.all([ada.setOffline(false), bob.setOffline(false)]);
    await equal(pages);
    const outcomes = await Promise.all(
      pages.map((page, index) => page.evaluate((of) => window.board.outcomes(of), commits[index] ?? [])),
    );
    const ended = outcomes.flat();
    expect(ended).toHaveLength(100);
    const rejections = await Promise.all(pages.map((page) => page.evaluate(() => window.board.rejections().length)));
    expect(rejections[0] ?? 0).toBe(outcomes[0]?.filter((outcome) => outcome === "rejected").length);
    expect(rejections[1] ?? 0).toBe(outcomes[1]?.filter((outcome) => outcome === "rejected").length);

    const before = await rows(pages[0]);
    await Promise.all(
      pages.map(async (page) => {
        await page.reload();
        await opened(page);
      }),
    );
    await equal(pages);
    expect(await rows(pages[0])).toBe(before);
  });

  test("execute: a tab closed right after execute resolved loses nothing, also offline", async () => {
    const ada = await profile();
    const page = await board.open(ada, "ada");
    board.network.cut();
    await page.evaluate(() => window.board.add("t", 3));
    await page.evaluate(() => window.board.add1("last"));
    await page.close();
    const again = await board.open(ada, "ada");
    expect(await again.evaluate(() => window.board.count())).toBe(4);
    board.network.up();
    await synced(again, 4);
  });

  test("tabs: 200 commands in each of two tabs get one order, none lost, none double", async () => {
    const ada = await profile();
    const tabs = [await board.open(ada, "ada"), await board.open(ada, "ada")] as const;
    await Promise.all([
      tabs[0].evaluate(() => window.board.addAtOnce("a", 200)),
      tabs[1].evaluate(() => window.board.addAtOnce("b", 200)),
    ]);
    await equal(tabs);
    expect(await tabs[0].evaluate(() => window.board.count())).toBe(400);
    const leaders = (await Promise.all(tabs.map(status))).filter(({ leader }) => leader);
    expect(leaders).toHaveLength(1);
    expect(leaders[0]?.position).toBe(400);
  });
});

describe("a server that fails", () => {
  test("server: a kill and a restart during sync lose and double nothing", async () => {
    const [ada, bob] = [await profile(), await profile()];
    const pages = [await board.open(ada, "ada"), await board.open(bob, "bob")] as const;
    const working = Promise.all([
      pages[0].evaluate(() => window.board.add("a", 60)),
      pages[1].evaluate(() => window.board.add("b", 60)),
    ]);
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await board.killServer();
      await board.startServer();
    }
    await working;
    await equal(pages);
    expect(await pages[0].evaluate(() => window.board.count())).toBe(120);
    expect((await status(pages[0])).position).toBe(120);
  });

  test("server: an older copy of its file is noticed, nothing is lost, all devices end equal", async () => {
    const [ada, bob] = [await profile(), await profile()];
    const pages = [await board.open(ada, "ada"), await board.open(bob, "bob")] as const;
    await pages[0].evaluate(() => window.board.add("a", 5));
    await Promise.all(pages.map((page) => synced(page, 5)));
    await board.killServer();
    for (const suffix of ["", "-wal", "-shm"])
      await copyFile(board.file + suffix, `${board.file}.old${suffix}`).catch(() => {});
    await board.startServer();
    await Promise.all([
      pages[0].evaluate(() => window.board.add("later-a", 5)),
      pages[1].evaluate(() => window.board.add("later-b", 5)),
    ]);
    await Promise.all(pages.map((page) => synced(page, 15)));
    await board.killServer();
    for (const suffix of ["", "-wal", "-shm"]) {
      await rm(board.file + suffix, { force: true });
      await copyFile(`${board.file}.old${suffix}`, board.file + suffix).catch(() => {});
    }
    await pages[1].evaluate(() => window.board.add1("while-away"));
    await board.startServer();
    await Promise.all(pages.map((page) => synced(page, 16)));
    await equal(pages);
    expect(await pages[0].evaluate(() => window.board.count())).toBe(16);
  });
});
