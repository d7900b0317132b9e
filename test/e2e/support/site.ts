/**
 * The test page on a port, and pages of browsers that show it.
 *
 * The page is built, because a development server reloads a page that does not answer, such as a frozen one.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { build, preview } from "vite";
import { isPageError } from "./browser.ts";

export type Site = { readonly origin: string; readonly close: () => Promise<void> };

export async function startSite(): Promise<Site> {
  const outDir = await mkdtemp(join(tmpdir(), "dacapo-e2e-site-"));
  const root = fileURLToPath(new URL("../page", import.meta.url));
  await build({
    root,
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["dacapo-source", "module", "browser", "development|production"] },
    worker: { format: "es" },
    build: { outDir, emptyOutDir: true, target: "esnext", minify: false },
  });
  const server = await preview({
    root,
    configFile: false,
    logLevel: "error",
    build: { outDir },
    // Tests open the page under other host names too.
    preview: { host: "127.0.0.1", port: 0, allowedHosts: true },
  });
  const address = server.httpServer.address();
  if (typeof address !== "object" || address === null) throw new Error("Vite does not listen");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: async () => {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

/** Opens the test page on a log; resolves when the log is open. */
export async function openPage(
  context: BrowserContext,
  site: Site,
  query: { readonly log: string; readonly user: string; readonly sync?: string; readonly tenant?: string },
): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => void (isPageError(error) && console.error(`[${query.user}]`, error)));
  await page.goto(`${site.origin}/?${new URLSearchParams(query)}`);
  await opened(page);
  return page;
}

/** Waits until the page has its log open, also after a reload. */
export async function opened(page: Page): Promise<void> {
  await page.waitForFunction(() => "board" in window, undefined, { timeout: 30_000 });
}
