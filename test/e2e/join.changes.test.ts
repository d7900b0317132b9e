/** Row 24 of the failure matrix: the base changes while a device of a real browser reads it, between two pages. */
import { defineDomain } from "dacapo";
import { expect, test } from "vitest";
import { board, column, columnCounts, domain, task } from "../support/board-domain.ts";
import { baseForTests, EVERY_EVENTS, isJoined, rows, TASKS, whole } from "./support/base-for-tests.ts";
import { opened } from "./support/site.ts";

const scene = baseForTests();
const { openAs, openWithPending, holdSecondPage, expectReplay, fill, start, bases, baseNames, remove } = scene;

const release = defineDomain({
  version: 2,
  aggregates: [task, column],
  projections: [{ ...board, definition: { ...board.definition, version: 2 } }, columnCounts],
});

async function makeAnew(): Promise<void> {
  const old = await baseNames();
  await fill(TASKS, TASKS + EVERY_EVENTS);
  await expect.poll(async () => (await baseNames()).length).toBeGreaterThan(old.length);
  await remove(old);
}

test.each<[string, boolean, () => Promise<void>]>([
  ["is made anew, and the old one is gone", true, makeAnew],
  [
    "is of another version",
    false,
    async () => {
      const old = await baseNames();
      await start(release);
      await fill(TASKS, TASKS + 100);
      await expect.poll(async () => (await baseNames()).length).toBeGreaterThan(old.length);
      await remove(old);
    },
  ],
  [
    "has a damaged page",
    false,
    async () => {
      for (const { name, revision, at, text } of await bases()) {
        const next = { at, text, wake: null, tables: { pages: "keep" as const } };
        const set = [["000001", "[]"]] as const;
        await scene.write({
          followers: [{ name, revision, next }],
          rows: [{ follower: name, table: "pages", set, remove: [] }],
        });
      }
    },
  ],
  [
    "is removed",
    false,
    async () => {
      await start(domain, false);
      await remove(await baseNames());
    },
  ],
])("join: if the base %s meanwhile, nothing is lost and the rows are those of a replay", async (_, joins, change) => {
  const page = await openWithPending();
  const { reached, go } = await holdSecondPage(page);
  await reached;
  await change();
  go();
  await whole(page);
  expect(await isJoined(page)).toBe(joins);
  await expectReplay(page);
});

test("join: a tab that is reloaded between two pages joins again, with its pending work", async () => {
  const page = await openWithPending();
  const { reached, go } = await holdSecondPage(page);
  await reached;
  await page.reload();
  await opened(page);
  go();
  await whole(page);
  expect(await isJoined(page)).toBe(true);
  await expectReplay(page);
});

test("join: two tabs that open at once join once, and both show the rows", async () => {
  const [first, second] = await Promise.all([openAs("bob"), openAs("bob")]);
  await Promise.all([whole(first), whole(second)]);
  expect(scene.paths().filter((path) => path.endsWith("/base"))).toHaveLength(1);
  expect(await rows(first)).toEqual(await rows(second));
  await expectReplay(second);
});

test("join: a device comes back after the server dropped the base", async () => {
  const page = await openAs("bob");
  await whole(page);
  expect(await isJoined(page)).toBe(true);
  scene.cutNetwork();
  await page.evaluate(() => window.board.add1("away"));
  await start(domain, false);
  await remove(await baseNames());
  await page.reload();
  await opened(page);
  scene.restoreNetwork();
  await whole(page);
  await expectReplay(page);
});
