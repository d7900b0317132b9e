/** The demo as people use it: a built page, a sync server in its own process, and a network that can be cut. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { build, preview } from "vite";
import { chromiumFlags, findChromium, howToGetChromium } from "../../../scripts/chromium.ts";
import { edgePage, startEdge } from "../../../scripts/wrangler.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";
import { unusedPort } from "./unused-port.ts";

const project = fileURLToPath(new URL("../../..", import.meta.url));
const root = `${project}demo/board`;

/** A made-up host on this machine. Chromium trusts plain http on localhost only. */
export const PLAIN_HOST = "phone.test";

export type Demo = {
  readonly origin: string;
  /** Between the page's server and the sync server. */
  readonly network: TcpProxy;
  /** Opens a board in a browser profile of its own; resolves when its columns are there. */
  readonly open: (log: string, name: string, options?: BrowserContextOptions) => Promise<Page>;
  /** A page without anything stored, at an address of the demo. `PLAIN_HOST` as the host is no secure context. */
  readonly visit: (path: string, options?: BrowserContextOptions) => Promise<Page>;
  /** Errors that pages reported since the last call. */
  readonly takeErrors: () => readonly string[];
  /** Closes the pages that are open. */
  readonly leave: () => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startDemo(): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-board-"));
  const server = process.env["DACAPO_BOARD_SERVER"] === "edge" ? await onEdge(folder) : await onNode(folder);
  const network = await tcpProxy(server.port);
  const page = await startPageServer(join(folder, "site"), network.port);
  const browser = await startBrowser();
  const errors: string[] = [];

  const visit = async (path: string, options: BrowserContextOptions = {}) => {
    const tab = await (await browser.newContext({ viewport: { width: 1180, height: 720 }, ...options })).newPage();
    tab.on("pageerror", (error) => errors.push(String(error.stack)));
    await tab.goto(new URL(path, page.origin).href);
    return tab;
  };
  const leave = async () => {
    for (const context of browser.contexts()) await context.close();
  };
  return {
    origin: page.origin,
    network,
    visit,
    async open(log, name, options) {
      const tab = await visit(`/?${new URLSearchParams({ log, as: name })}`, options);
      await tab.locator("[data-column]").first().waitFor();
      return tab;
    },
    takeErrors: () => errors.splice(0),
    leave,
    async close() {
      await browser.close();
      await page.close();
      await network[Symbol.asyncDispose]();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The card of this title. */
export function cardOf(page: Page, title: string): Locator {
  return page.locator("li.card:not(.ghost)", {
    has: page.locator(".card-open", { hasText: new RegExp(`^${title}$`) }),
  });
}

export function columnOf(page: Page, name: string): Locator {
  return page.getByRole("region", { name: new RegExp(`^${name},`) });
}

/** Titles of a column's cards, from top to bottom. */
export function titlesIn(page: Page, column: string): Promise<readonly string[]> {
  return columnOf(page, column).locator(".card-open").allInnerTexts();
}

/** Adds cards one after the other, as a person types them. */
export async function addCards(page: Page, column: string, titles: readonly string[]): Promise<void> {
  const place = columnOf(page, column);
  await place.getByRole("button", { name: "Add a card" }).click();
  const field = place.getByRole("textbox", { name: "Title of the new card" });
  for (const title of titles) {
    await field.fill(title);
    await field.press("Enter");
    await cardOf(page, title).waitFor();
  }
  await field.press("Escape");
}

/** Renames a card by its keyboard way. */
export async function renameCard(page: Page, from: string, to: string): Promise<void> {
  await cardOf(page, from).locator(".card-open").press("F2");
  const field = page.getByRole("textbox", { name: "Title", exact: true });
  await field.fill(to);
  await field.press("Enter");
  await cardOf(page, to).waitFor();
}

export async function waitForSync(page: Page, text: string | RegExp): Promise<void> {
  await page
    .getByRole("button", { name: /^Sync: / })
    .filter({ hasText: text })
    .waitFor();
}

type SyncServer = { readonly port: number; readonly close: () => Promise<void> };

async function onEdge(folder: string): Promise<SyncServer> {
  mkdirSync(edgePage, { recursive: true });
  const port = await unusedPort();
  const { stop } = await startEdge(port, folder);
  return { port, close: () => stop() };
}

async function onNode(folder: string): Promise<SyncServer> {
  const child = spawn(process.execPath, ["--conditions=dacapo-source", "demo/board/server.ts"], {
    cwd: project,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: "0", HOST: "127.0.0.1", BOARD_DB: join(folder, "board.db") },
  });
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    const [, port] = /listening on http:\/\/[^:]+:(\d+)/.exec(printed) ?? [];
    if (port === undefined) continue;
    return {
      port: Number(port),
      async close() {
        const gone = once(child, "exit");
        if (child.exitCode === null && child.kill("SIGTERM")) await gone;
      },
    };
  }
  throw new Error(`The board's server ended before it listened: ${printed}`);
}

async function startPageServer(
  outDir: string,
  syncPort: number,
): Promise<{ readonly origin: string; readonly close: () => Promise<void> }> {
  const configFile = `${root}/vite.config.ts`;
  await build({ root, configFile, logLevel: "error", build: { outDir, emptyOutDir: true } });
  const server = await preview({
    root,
    configFile,
    logLevel: "silent",
    build: { outDir },
    preview: {
      host: "127.0.0.1",
      port: 0,
      allowedHosts: [PLAIN_HOST],
      proxy: { "/sync": { target: `http://127.0.0.1:${syncPort}`, ws: true } },
    },
  });
  const address = server.httpServer.address();
  if (typeof address !== "object" || address === null) throw new Error("Vite does not listen");
  return { origin: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}

export function startBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error(howToGetChromium);
  return chromium.launch({
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [...chromiumFlags, `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`],
  });
}
