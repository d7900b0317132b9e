/** A server whose log has a base of two pages, and devices of real browsers whose requests a test can hold. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { BrowserContext, Page } from "playwright-core";
import type { Domain } from "dacapo";
import { sqlite } from "dacapo/sqlite";
import { type SyncServer, syncServer } from "dacapo/sync-server";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { domain, task } from "../../support/board-domain.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { freshProfile, type Profile } from "./browser.ts";
import { opened, openPage, type Site, startSite } from "./site.ts";

const LOG = "long";
/** The titles are long, so that the base has two pages. */
export const TASKS = 2_600;
const TITLE = "x".repeat(190);
export const EVERY_EVENTS = 2_500;

/** Each test has a server and a browser of its own. */
export function baseForTests() {
  let site: Site;
  let front: Server;
  let folder: string;
  let store: ReturnType<typeof sqlite>;
  let server: SyncServer;
  let profiles: Profile[];
  let context: BrowserContext;
  /** Called before the server gets a request. */
  let before: (path: string) => Promise<unknown>;
  let paths: string[];

  beforeAll(async () => {
    site = await startSite();
  });
  afterAll(() => site.close());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dacapo-e2e-join-"));
    [before, paths, profiles] = [() => Promise.resolve(), [], []];
    await start();
    await fill(0, TASKS);
    await expect.poll(() => baseNames()).not.toEqual([]);
    const listener = getRequestListener((request: Request) => server.fetch(request));
    front = createServer((request, response) => {
      const [path = ""] = (request.url ?? "").split("?");
      if (request.method === "GET") paths.push(path);
      before(path).then(
        () => void listener(request, response),
        () => response.destroy(),
      );
    });
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    context = await newProfile();
  });
  afterEach(async () => {
    for (const profile of profiles) await profile[Symbol.asyncDispose]();
    front.closeAllConnections();
    await new Promise((resolve) => front.close(resolve));
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Replaces the server on the same file, as a deployment does. */
  async function start(
    of: Domain = domain,
    base: { readonly everyEvents: number } | false = { everyEvents: EVERY_EVENTS },
  ) {
    await server?.close();
    // A server that closes also closes its store.
    store = sqlite(join(folder, "logs.db"));
    server = syncServer({
      domain: of,
      store,
      authorize: (request) => ({ actor: request.headers.get("authorization")?.slice("Bearer ".length) ?? "nobody" }),
      origins: [site.origin],
      base,
      limits: { pageEventsMax: 500 },
    });
  }

  async function fill(from: number, to: number): Promise<void> {
    for (let first = from; first < to; first += 100)
      await server
        .log(LOG)
        .execute(
          Array.from({ length: 100 }, (_, n) =>
            task.command.add(`t${first + n}`, { title: `${TITLE}${n}`, column: "c" }),
          ),
        );
  }

  async function bases() {
    const found = await store.models?.followers(LOG);
    const followers = found?.kind === "open" ? found.followers : [];
    return followers.filter(({ name }) => /^base\/.*\/\d+$/.test(name));
  }

  const baseNames = () => bases().then((all) => all.map(({ name }) => name));

  async function remove(names: readonly string[]): Promise<void> {
    const followers = (await bases()).filter(({ name }) => names.includes(name));
    const removed = followers.map(({ name, revision }) => ({ name, revision, next: null }));
    await write({ followers: removed, rows: [] });
  }

  async function write(change: Parameters<NonNullable<typeof store.models>["write"]>[1]): Promise<void> {
    await store.models?.write(LOG, change);
  }

  async function newProfile(): Promise<BrowserContext> {
    const profile = await freshProfile();
    profiles.push(profile);
    return profile.launch();
  }

  function openAs(user: string, on = context): Promise<Page> {
    const address = front.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return openPage(on, site, { log: LOG, user, sync: `http://127.0.0.1:${port}` });
  }

  /** Resumes a device, and holds its request of the second page until `go`. `reached` resolves when it requests it. */
  async function holdSecondPage(page: Page) {
    const reached = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    before = (path) => {
      if (!/\/base\/[^/]+\/1$/.test(path)) return Promise.resolve();
      reached.resolve();
      return held.promise;
    };
    await page.evaluate(() => window.board.log.resume());
    return { reached: reached.promise, go: () => held.resolve() };
  }

  /** Makes three commits that the server does not get, so that they are pending when the device joins. */
  async function openWithPending(): Promise<Page> {
    before = noNetwork;
    const page = await openAs("bob");
    // A push that fails makes the device read the log first.
    await page.evaluate(() => window.board.log.pause());
    for (const id of ["mine1", "mine2", "mine3"]) await page.evaluate((one) => window.board.add1(one), id);
    return page;
  }

  /** The device has the rows of a device that replays the whole log, and decides without a network. */
  async function expectReplay(page: Page): Promise<void> {
    await whole(page);
    before = () => Promise.resolve();
    await start(domain, false);
    const other = await openAs("eve", await newProfile());
    await whole(other);
    expect(await isJoined(other)).toBe(false);
    await whole(page);
    expect(await rows(page)).toEqual(await rows(other));
    before = noNetwork;
    await page.reload();
    await opened(page);
    await page.evaluate(() => window.board.add1("offline"));
    expect(await page.evaluate(() => window.board.add1("t7").then(() => "added", String))).toContain("already-added");
    expect(await page.evaluate(() => window.board.status().pending)).toBe(1);
    before = () => Promise.resolve();
    await whole(page);
  }

  return {
    openAs,
    openWithPending,
    holdSecondPage,
    expectReplay,
    fill,
    start,
    bases,
    baseNames,
    remove,
    write,
    /** Lets no request through from now on. */
    cutNetwork: () => void (before = noNetwork),
    /** Lets each request through again. */
    restoreNetwork: () => void (before = () => Promise.resolve()),
    /** The paths of all reads. */
    paths: (): readonly string[] => paths,
  };
}

const noNetwork = () => Promise.reject(new Error("No network"));

export const whole = (page: Page) =>
  page.waitForFunction(
    () => {
      const { pending, position, head, rejections } = window.board.status();
      return pending === 0 && rejections === 0 && head > 2_000 && position === head;
    },
    undefined,
    { timeout: 60_000, polling: 100 },
  );

export const rows = async (page: Page) =>
  parseOwnJson<readonly { readonly key: string }[]>(await page.evaluate(() => window.board.rows()))
    .map((entry) => JSON.stringify(entry))
    .toSorted();

/** True: the log on this device begins at a base. */
export const isJoined = (page: Page) =>
  page.evaluate(() =>
    window.board.log.history(window.board.task, "t0").then(
      () => false,
      (error: unknown) => String(error).includes("joined the log after"),
    ),
  );
