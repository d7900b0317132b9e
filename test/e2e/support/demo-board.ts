/** The demo as people use it: a built page, a sync server in its own process, and a network that can be cut. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContextOptions, Page } from "playwright-core";
import { build, type Plugin, preview } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { edgePage, startEdge } from "../../../scripts/wrangler.ts";
import { isPageError, startProfiles } from "./browser.ts";
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
  /** Builds the page with the next release of the domain. Pages that are open stay as they are. */
  readonly releaseNextPage: () => Promise<void>;
  /** Stops the sync server, copies its files, and starts it again. */
  readonly backUp: () => Promise<void>;
  /** Stops the sync server, puts the copy in the place of its files, and starts it again. */
  readonly restore: () => Promise<void>;
  /** Errors that pages reported since the last call. */
  readonly takeErrors: () => readonly string[];
  /** Closes the pages that are open. */
  readonly leave: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** `nextServer`: the sync server runs the next release of the domain, and the page the present one. */
export async function startDemo({ nextServer = false } = {}): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-board-"));
  const [logs, backup] = [join(folder, "logs"), join(folder, "backup")];
  await mkdir(logs);
  const isOnEdge = process.env["DACAPO_BOARD_SERVER"] === "edge";
  const start = (on = 0) => (isOnEdge ? onEdge : onNode)(logs, nextServer, on);
  let server = await start();
  const restartAfter = async (change: () => Promise<void>) => {
    await server.close();
    await change();
    server = await start(server.port);
  };
  const network = await tcpProxy(server.port);
  const page = await startPageServer(join(folder, "site"), network.port);
  const profiles = await startProfiles([`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`]);
  const errors: string[] = [];

  const visit = async (path: string, options: BrowserContextOptions = {}) => {
    const tab = await (await profiles.newContext({ viewport: { width: 1180, height: 720 }, ...options })).newPage();
    tab.on("pageerror", (error) => void (isPageError(error) && errors.push(String(error.stack))));
    await tab.goto(new URL(path, page.origin).href);
    return tab;
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
    releaseNextPage: () => buildPage(join(folder, "site"), true),
    backUp: () => restartAfter(() => cp(logs, backup, { recursive: true })),
    restore: () =>
      restartAfter(async () => {
        await rm(logs, { recursive: true });
        await cp(backup, logs, { recursive: true });
      }),
    takeErrors: () => errors.splice(0),
    leave: profiles.closeAll,
    async close() {
      await profiles.close();
      await page.close();
      await network[Symbol.asyncDispose]();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The demo as the tests of one file use it. Each test has a board of its own. */
export type DemoOfTests = Pick<Demo, "origin" | "network" | "visit"> & {
  /** The name of this test's board. */
  readonly log: string;
  /** Opens this test's board in a browser profile of its own; resolves when its columns are there. */
  readonly open: (name: string, options?: BrowserContextOptions) => Promise<Page>;
};

let ofThisFile: DemoOfTests | undefined;

/**
 * Starts one demo before the tests of a file, and closes it after them. After each test its pages close, and the test
 * fails if one of them reported an error. A file that runs the tests of several files has one demo for all of them.
 */
export function demoForTests(): DemoOfTests {
  ofThisFile ??= registerDemo();
  return ofThisFile;
}

function registerDemo(): DemoOfTests {
  let started: Demo | undefined;
  let log = "";
  const demo = () => {
    if (!started) throw new Error("The demo starts before the first test. Use it inside a test");
    return started;
  };
  beforeAll(async () => {
    started = await startDemo();
  });
  afterAll(() => started?.close());
  beforeEach(() => {
    log = `board-${crypto.randomUUID().slice(0, 8)}`;
  });
  afterEach(async () => {
    demo().network.up();
    await demo().leave();
    const errors = demo().takeErrors();
    if (errors.length > 0) throw new Error(`A page failed: ${errors.join("\n")}`);
  });
  return {
    get origin() {
      return demo().origin;
    },
    get network() {
      return demo().network;
    },
    get log() {
      return log;
    },
    visit: (path, options) => demo().visit(path, options),
    open: (name, options) => demo().open(log, name, options),
  };
}

type SyncServer = { readonly port: number; readonly close: () => Promise<void> };

async function onEdge(folder: string, isNext: boolean, on: number): Promise<SyncServer> {
  mkdirSync(edgePage, { recursive: true });
  const port = on === 0 ? await unusedPort() : on;
  const { stop } = await startEdge(port, folder, isNext ? "test/e2e/support/next-board-edge.ts" : undefined);
  return { port, close: () => stop() };
}

async function onNode(folder: string, isNext: boolean, on: number): Promise<SyncServer> {
  const script = isNext ? "test/e2e/support/next-board-server.ts" : "demo/board/server.ts";
  const child = spawn(process.execPath, ["--conditions=dacapo-source", script], {
    cwd: project,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: String(on), HOST: "127.0.0.1", BOARD_DB: join(folder, "board.db") },
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

const configFile = `${root}/vite.config.ts`;

async function buildPage(outDir: string, isNext: boolean): Promise<void> {
  const next: Plugin = {
    name: "next-release",
    // Before the resolver of Vite, which knows each relative path.
    enforce: "pre",
    resolveId: (source, importer) =>
      isNext && source === "./domain.ts" && importer?.includes("/log.worker.ts") === true
        ? fileURLToPath(new URL("./next-board.ts", import.meta.url))
        : null,
  };
  await build({
    root,
    configFile,
    logLevel: "error",
    worker: { plugins: () => [next] },
    build: { outDir, emptyOutDir: true },
  });
}

async function startPageServer(
  outDir: string,
  syncPort: number,
): Promise<{ readonly origin: string; readonly close: () => Promise<void> }> {
  await buildPage(outDir, false);
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
