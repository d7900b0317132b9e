/** The disk of the device: a browser that ends keeps the log, and a full disk refuses a commit and loses nothing. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { engine, freshProfile } from "./support/browser.ts";
import { openPage, type Site, startSite } from "./support/site.ts";
import { smallDisk } from "./support/small-disk.ts";

let site: Site;

beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site.close());

const query = { log: "disk", user: "ada" };
const count = (page: Page) => page.evaluate(() => window.board.count());
/** Adds a row and returns "stored", or the code of the error. */
const add = (page: Page) =>
  page.evaluate(() =>
    window.board.add1(crypto.randomUUID()).then(
      () => "stored",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    ),
  );

test("browser: the log is there after the browser ended and started again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-"));
  {
    await using profile = await freshProfile({ onDisk: folder });
    const first = await profile.launch();
    const page = await openPage(first, site, query);
    for (let n = 0; n < 5; n++) expect(await add(page)).toBe("stored");
    await first.close();
    expect(await count(await openPage(await profile.launch(), site, query))).toBe(5);
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

test("L1 execute: a full disk refuses a commit and loses nothing, and with room it works again", async (context) => {
  await using disk = await smallDisk(200);
  if (!disk) return context.skip("This account may not mount a small disk");
  await using profile = await freshProfile({ onDisk: disk.folder });
  const page = await openPage(await profile.launch(), site, query);
  for (let n = 0; n < 5; n++) expect(await add(page)).toBe("stored");
  await disk.fill();
  let rows = 5;
  let refused = 0;
  // Each browser has a little room in the files that it has opened already.
  for (let n = 0; n < 300 && refused < 3; n++) {
    const answer = await add(page);
    if (answer === "stored") rows++;
    else {
      // Only Firefox reports the reason.
      expect(answer).toBe(engine === "firefox" ? "storage-full" : "storage-lost");
      refused++;
    }
  }
  expect(refused).toBe(3);
  await disk.free();
  // WebKit may fail once more. A refused commit may be stored all the same, because its result was unknown.
  await expect.poll(() => add(page)).toBe("stored");
  expect(await count(page)).toBeGreaterThan(rows);
  return undefined;
});
