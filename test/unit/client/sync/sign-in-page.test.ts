// A device behind a gateway: pages to sign in, headers and redirects of the gateway, and caches that keep answers.
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { afterEach, beforeEach, expect, test } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { classifyFailure } from "../../../../src/client/sync/classify-failure.ts";
import { httpTransport, type HttpTransportOptions } from "../../../../src/client/sync/http-transport.ts";
import { SignInPageError } from "../../../../src/client/sync/sign-in-page.ts";
import { syncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, type Tab, until } from "../../../support/device.ts";

let gateway: MiddlewareHandler;
let front: Server;
let url: string;
let tabs: Tab[];

const through: MiddlewareHandler = (c, next) => gateway(c, next);

beforeEach(async () => {
  tabs = [];
  gateway = (_, next) => next();
  const sync = syncServer({
    domain,
    store: memory(),
    authorize: (request) => {
      const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
      return actor === undefined ? null : { actor };
    },
  });
  const app = new Hono()
    .get("/sign-in", (c) => c.html("<!doctype html><title>Sign in</title>"))
    .use("/sync/*", through)
    .use("/old/*", async (c) => c.redirect(c.req.url.replace("/old/", "/sync/"), 308))
    .route("/sync", sync);
  // The device runs in this process too, and needs the platform's own `Response`.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  front = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const address = front.address();
  url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
});
afterEach(async () => {
  for (const tab of tabs) await tab.close();
  front.closeAllConnections();
  await new Promise((resolve) => front.close(resolve));
});

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const transportOf = (more: Partial<HttpTransportOptions> = {}) =>
  httpTransport({ url: `${url}/sync`, log: "board", token: async () => "ada", env: browserEnv, ...more });
const open = async (more: Partial<HttpTransportOptions> = {}, user = "ada"): Promise<Tab> => {
  const transport = () => transportOf({ token: async () => user, ...more });
  const tab = await device(domain, "board", user).open({ url: `${url}/sync`, transport });
  tabs.push(tab);
  return tab;
};
const isSynced = (tab: Tab) => tab.status().pending === 0 && tab.status().position > 0;

test.each<[string, MiddlewareHandler]>([
  ["a redirect to a page", async (c) => c.redirect("/sign-in")],
  ["a redirect that cannot be followed", async (c) => c.redirect("http://127.0.0.1:1/sign-in")],
  ["a page with status 200", async (c) => c.html("<title>Sign in</title>")],
  ["a page with status 401", async (c) => c.html("<title>Sign in</title>", 401)],
  ["status 511", async (c) => c.text("", 511 as never)],
])("sign-in page: %s is shown as unauthorized, and syncing continues after it", async (_, signIn) => {
  gateway = signIn;
  const tab = await open();
  unwrap(await tab.execute([add("t1")]));
  await until(() => tab.status().error !== null, "the gateway's page is reported");
  expect(tab.status()).toMatchObject({
    connection: "stopped",
    pending: 1,
    error: { code: "unauthorized", details: { code: "sign-in-page" } },
  });
  gateway = (__, next) => next();
  await until(() => isSynced(tab), "the device syncs again by itself");
  expect(tab.status().error).toBeNull();
});

test("sign-in page: one such answer is not shown, because a deploy may have sent it", () => {
  const error = new SignInPageError(200);
  expect(classifyFailure(error, 0)).toMatchObject({ needsFix: false, isReadRevoked: false, warning: null });
  expect(classifyFailure(error, 1)).toMatchObject({ needsFix: false, warning: { code: "unauthorized" } });
});

test("redirect: the new address of a server is followed", async () => {
  const tab = await open({ url: `${url}/old` });
  unwrap(await tab.execute([add("t1")]));
  await until(() => isSynced(tab), "the device syncs over the redirect");
  expect(tab.status().error).toBeNull();
});

test("headers: every call has the app's headers, and never instead of Dacapo's own", async () => {
  const paths = new Set<string>();
  gateway = async (c, next) => {
    paths.add(c.req.path.split("/").at(-1) ?? "");
    return c.req.header("x-tenant") === "7" ? next() : c.html("<title>Sign in</title>");
  };
  const headers = { "x-tenant": "7", Authorization: "Bearer mallory", "Content-Type": "text/plain" };
  const tab = await open({ headers: async () => headers });
  unwrap(await tab.execute([add("t1")]));
  await until(() => isSynced(tab) && paths.has("tickets"), "the device syncs");
  expect([...paths]).toEqual(expect.arrayContaining(["commits", "tickets"]));
  const page = await transportOf()
    .pull(null, null)
    .catch((error: unknown) => error);
  expect(page).toBeInstanceOf(SignInPageError);
  expect(await transportOf({ headers: async () => headers }).pull(null, null)).toMatchObject({
    answer: { records: [{ actor: "ada" }] },
  });
});

test("caches: old answers and 304 delay a device, and it loses nothing", async () => {
  const kept = new Map<string, Response>();
  let isCaching = true;
  const answers = new Map<string, number>();
  gateway = async (c, next) => {
    const device = c.req.header("authorization") ?? "";
    const old = isCaching && c.req.method === "GET" ? kept.get(c.req.url) : undefined;
    // Each device gets both in turns, because it waits longer after each 304 in a row.
    if (old) {
      const count = answers.get(device) ?? 0;
      answers.set(device, count + 1);
      return count % 2 === 0 ? new Response(null, { status: 304 }) : old.clone();
    }
    await next();
    expect(c.res.headers.get("cache-control")).toBe("no-store");
    if (c.req.method === "GET") kept.set(c.req.url, c.res.clone());
    return undefined;
  };
  const [ada, bob] = [await open(), await open({ token: async () => "bob" }, "bob")];
  await until(
    () => ada.status().lastSyncedAt !== null && bob.status().lastSyncedAt !== null,
    "both have the empty log",
  );
  for (const id of ["t1", "t2", "t3"]) unwrap(await ada.execute([add(id)]));
  unwrap(await bob.execute([add("t4")]));
  await until(() => isSynced(ada) && isSynced(bob), "both push behind the cache");
  isCaching = false;
  for (const tab of [ada, bob]) {
    unwrap(tab.api.setPaused(true));
    unwrap(tab.api.setPaused(false));
  }
  await until(() => ada.rows(board.name).size === 4 && bob.rows(board.name).size === 4, "both show all rows");
});
