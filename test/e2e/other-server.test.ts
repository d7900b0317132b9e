/** A device in a real browser whose address leads to another server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type BareBrowser, startBareBrowser } from "./support/bare-browser.ts";
import { startServerProcess } from "./support/server-process.ts";
import { openPage, startSite } from "./support/site.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test("other-server: a page stops at another server, and joins it once the app agrees", async () => {
  const site = await startSite();
  ends.push(site.close);
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-server-"));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  const serverWith = async (name: string, port = 0) => {
    const server = await startServerProcess({ file: join(folder, name), port, origin: site.origin });
    ends.push(server.kill);
    return server;
  };
  const development = await serverWith("development.db");
  const browser: BareBrowser = await startBareBrowser();
  ends.push(() => browser.close());
  const sync = `http://127.0.0.1:${development.port}/sync`;
  const page = await openPage(browser.context, site, { log: "team", user: "ada", sync });
  const reaches = (connection: string, pending: number) =>
    page.waitForFunction(
      ([wanted, count]) => {
        const status = window.board.status();
        return status.connection === wanted && status.pending === count;
      },
      [connection, pending] as const,
      { timeout: 60_000, polling: 100 },
    );
  await page.evaluate(() => window.board.add("before", 2));
  await reaches("live", 0);
  await development.kill();
  await page.evaluate(() => window.board.add("offline", 1));

  await serverWith("production.db", development.port);
  await reaches("stopped", 1);
  const { error, position } = await page.evaluate(() => window.board.status());
  expect(error).toMatchObject({ code: "other-server" });
  expect(Object.keys(error?.details ?? {})).toEqual(["known", "other"]);
  expect(position).toBe(2);

  await page.evaluate(() => window.board.joinOtherServer());
  await reaches("live", 0);
  const other = await openPage(browser.context, site, { log: "team", user: "bob", sync });
  await other.waitForFunction(() => window.board.count() === 3, undefined, { timeout: 60_000, polling: 100 });
});
