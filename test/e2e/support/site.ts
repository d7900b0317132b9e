/** The test page on a port, and pages of browsers that show it. */
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { createServer } from "vite";

export type Site = { readonly origin: string; readonly close: () => Promise<void> };

export async function startSite(): Promise<Site> {
  const server = await createServer({
    root: fileURLToPath(new URL("../page", import.meta.url)),
    configFile: false,
    logLevel: "error",
    resolve: { conditions: ["dacapo-source", "module", "browser", "development|production"] },
    optimizeDeps: { include: ["comlink", "idb", "valibot"] },
    worker: { format: "es" },
    server: { host: "127.0.0.1", port: 0, hmr: false, fs: { strict: false } },
  });
  await server.listen();
  const address = server.httpServer?.address();
  if (typeof address !== "object" || address === null) throw new Error("Vite does not listen");
  return { origin: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

/** Opens the test page on a log; resolves when the log is open. */
export async function openPage(context: BrowserContext, site: Site, query: { readonly log: string; readonly user: string; readonly sync?: string }): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`[${query.user}]`, error));
  await page.goto(`${site.origin}/?${new URLSearchParams(query)}`);
  await opened(page);
  return page;
}

/** Waits until the page has its log open, also after a reload. */
export async function opened(page: Page): Promise<void> {
  await page.waitForFunction(() => "board" in window, undefined, { timeout: 30_000 });
}
