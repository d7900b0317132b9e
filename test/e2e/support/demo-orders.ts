/** The demo of orders as a visitor uses it: its page, its server in a process, and a network between them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { ShopProcess } from "../../../demo/orders/script/shop-process.ts";
import { startOrdersPage } from "../../../scripts/orders-page.ts";
import { isPageError, startProfiles } from "./browser.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

export type OrdersDemo = {
  /** Between the page and the shop's server. */
  readonly network: TcpProxy;
  readonly visit: (options?: BrowserContextOptions) => Promise<Page>;
  /** Errors that pages reported. */
  readonly errors: readonly string[];
  readonly leave: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startOrdersDemo(): Promise<OrdersDemo> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-orders-"));
  const shop = new ShopProcess(join(folder, "shop.db"), 10_000);
  await shop.start("right");
  const network = await tcpProxy(Number(new URL(shop.syncUrl).port));
  const outDir = join(folder, "page");
  const site = await startOrdersPage({ outDir, host: "127.0.0.1", port: 0, apiPort: network.port });
  const profiles = await startProfiles();
  const errors: string[] = [];
  return {
    network,
    errors,
    async visit(options = {}) {
      const page = await (await profiles.newContext({ viewport: { width: 1180, height: 800 }, ...options })).newPage();
      page.on("pageerror", (error) => void (isPageError(error) && errors.push(String(error.stack))));
      const address = site.httpServer.address();
      if (typeof address !== "object" || address === null) throw new Error("Vite does not listen");
      await page.goto(`http://127.0.0.1:${address.port}`);
      return page;
    },
    leave: profiles.closeAll,
    async close() {
      await profiles.close();
      await site.close();
      await network[Symbol.asyncDispose]();
      await shop.end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
