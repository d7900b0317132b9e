/** Real browsers behind a gateway that works with a cookie and a header, on another origin than the page. */
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { attachLive } from "dacapo/node";
import { memory } from "dacapo/memory";
import { syncServer } from "dacapo/sync-server";
import { afterEach, beforeEach, expect, test } from "vitest";
import { domain } from "../support/board-domain.ts";
import { freshProfile, type Profile } from "./support/browser.ts";
import { openPage, type Site, startSite } from "./support/site.ts";

let site: Site;
let front: Server;
let url: string;
let profile: Profile;
/** The cookies of each opened socket. */
let sockets: (string | undefined)[];

beforeEach(async () => {
  [site, profile] = [await startSite(), await freshProfile()];
  sockets = [];
  const sync = syncServer({
    domain,
    store: memory(),
    authorize: () => ({ actor: "ada" }),
    origins: [site.origin],
    credentials: true,
  });
  const app = new Hono()
    .get("/sign-in", (c) => c.html("<title>Sign in</title>"))
    .use("/sync/*", async (c, next) => {
      const isSignedIn = c.req.header("cookie") === "session=1" && c.req.header("x-tenant") === "7";
      // Without these, a browser hides from a page of another origin that there was an answer.
      c.header("access-control-allow-origin", site.origin);
      c.header("access-control-allow-credentials", "true");
      return isSignedIn || c.req.method === "OPTIONS" ? next() : c.redirect("/sign-in");
    })
    .route("/sync", sync);
  front = createServer((request, response) => void getRequestListener(app.fetch)(request, response));
  front.on("upgrade", ({ headers }) => sockets.push(headers.cookie));
  attachLive(front, sync, "/sync");
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const address = front.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterEach(async () => {
  await profile[Symbol.asyncDispose]();
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
  await site.close();
});

test("gateway: shows unauthorized without its cookie, and syncs by calls and a socket with it", async () => {
  const context = await profile.launch();
  const page = await openPage(context, site, { log: "team", user: "ada", sync: `${url}/sync`, tenant: "7" });
  await page.evaluate(() => window.board.add1("t1"));
  await page.waitForFunction(() => window.board.status().error !== null);
  expect(await page.evaluate(() => window.board.status())).toMatchObject({
    connection: "stopped",
    pending: 1,
    error: { code: "unauthorized", details: { code: "sign-in-page", status: 0 } },
  });
  await context.addCookies([{ name: "session", value: "1", url }]);
  await page.waitForFunction(() => window.board.status().connection === "live" && window.board.status().pending === 0);
  expect(await page.evaluate(() => window.board.status().error)).toBeNull();
  expect(sockets).toEqual(["session=1"]);
});
