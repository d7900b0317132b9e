/** The test page as the tests of one file use it: a server process on a SQLite file of each test, and a network. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { openPage, type Site, startSite } from "./site.ts";
import { type TcpProxy, tcpProxy } from "./tcp-proxy.ts";

export type BoardOfTests = {
  /** The database file of this test's server. */
  readonly file: string;
  /** Between the browsers and the server. */
  readonly network: TcpProxy;
  /** Opens the log "team"; resolves when it is open. Without `isSynced` it is a local log. */
  readonly open: (context: BrowserContext, user: string, isSynced?: boolean) => Promise<Page>;
  readonly killServer: () => Promise<void>;
  /** Starts the killed server again, on its port. */
  readonly startServer: () => Promise<void>;
};

/**
 * Builds the page before the tests of a file. Each test has a server and a network of its own.
 *
 * Close the browsers in an `afterEach` of the test file: it runs before the network and the server end.
 *
 * @param host the name by which browsers reach the page and the server
 */
export function boardForTests(host = "127.0.0.1"): BoardOfTests {
  let site: Site | undefined;
  let started: { readonly folder: string; readonly network: TcpProxy; server: ServerProcess } | undefined;
  const page = (): Site => site ?? notYet();
  const board = () => started ?? notYet();
  const startServer = (folder: string, port?: number) =>
    startServerProcess({ file: fileIn(folder), origin: page().origin, ...(port !== undefined && { port }) });

  beforeAll(async () => {
    const built = await startSite();
    site = { ...built, origin: built.origin.replace("127.0.0.1", host) };
  });
  afterAll(() => site?.close());
  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-server-"));
    const server = await startServer(folder);
    started = { folder, server, network: await tcpProxy(server.port) };
  });
  afterEach(async () => {
    const { folder, server, network } = board();
    await network[Symbol.asyncDispose]();
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get file() {
      return fileIn(board().folder);
    },
    get network() {
      return board().network;
    },
    open(context, user, isSynced = true) {
      const sync = `http://${host}:${board().network.port}/sync`;
      return openPage(context, page(), { log: "team", user, ...(isSynced && { sync }) });
    },
    killServer: () => board().server.kill(),
    async startServer() {
      const { folder, server } = board();
      board().server = await startServer(folder, server.port);
    },
  };
}

const fileIn = (folder: string): string => join(folder, "logs.db");

function notYet(): never {
  throw new Error("The page and its server start before the first test. Use them inside a test");
}
