/**
 * A Chromium that the test starts by hand. Playwright only attaches to it over the DevTools protocol, because
 * Playwright's own launch prevents frozen pages and the back/forward cache.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { chromiumFlags, findChromium, howToGetChromium } from "../../../scripts/chromium.ts";

export type BareBrowser = {
  readonly context: BrowserContext;
  /** Freezes a page that is behind another one, its worker with it. */
  readonly freeze: (page: Page, frozen: boolean) => Promise<void>;
  /** Closes the browser as a person does, so that it writes its whole profile, and starts it again. */
  readonly restart: () => Promise<BareBrowser>;
  /** Kills the whole browser, as a crash of the machine does, and starts it again on the same profile. */
  readonly crash: () => Promise<BareBrowser>;
  readonly close: () => Promise<void>;
};

export async function startBareBrowser(profile?: string): Promise<BareBrowser> {
  const executable = findChromium();
  if (!executable) throw new Error(howToGetChromium);
  const folder = profile ?? (await mkdtemp(join(tmpdir(), "dacapo-e2e-bare-")));
  const child = spawn(
    executable,
    [...chromiumFlags, "--headless=new", "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let printed = "";
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (chunk) => {
      printed += String(chunk);
      const [, url] = /DevTools listening on (ws:\S+)/.exec(printed) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", () => reject(new Error(`Chromium ended: ${printed}`)));
  });
  const browser: Browser = await chromium.connectOverCDP(address, { noDefaults: true });
  const [context] = browser.contexts();
  if (!context) throw new Error("Chromium has no context");
  const kill = async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    await browser.close().catch(() => {});
  };
  return {
    context,
    async freeze(page, frozen) {
      const session = await context.newCDPSession(page);
      await session.send("Page.setWebLifecycleState", { state: frozen ? "frozen" : "active" });
      await session.detach();
    },
    async crash() {
      await kill();
      return startBareBrowser(folder);
    },
    async restart() {
      const gone = once(child, "exit");
      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.close").catch(() => {});
      await gone;
      return startBareBrowser(folder);
    },
    async close() {
      await kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
