// An app's own Hono middleware that reads the body of a request before the sync server does, over a real port.
import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { etag } from "hono/etag";
import { validator } from "hono/validator";
import { afterEach, describe, expect, test } from "vitest";
import type { SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { task } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

type App = Hono<{ Bindings: HttpBindings }>;
const add = (title = "Milk") => task.command.add(crypto.randomUUID(), { title, column: "todo" });
let running: Server | null = null;
afterEach(async () => {
  running?.closeAllConnections();
  await new Promise((resolve) => (running ? running.close(resolve) : resolve(null)));
  running = null;
});

/** An app with this middleware and a sync server, on a port. `told` has the errors that `onError` received. */
async function appWith(install: (app: App) => void, options: Partial<SyncServerOptions> = {}) {
  const told: unknown[] = [];
  const app: App = new Hono();
  install(app);
  app.route("/sync", testServer({ onError: (error) => told.push(error), ...options }));
  const http = createServer((request, response) => void getRequestListener(app.fetch)(request, response));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  running = http;
  const address = http.address();
  const port = typeof address === "object" ? address?.port : 0;
  const request = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}/sync${path}`, init);
  return { told, request, ada: person({ request }, "ada") };
}

const reading = (read: (c: Context<{ Bindings: HttpBindings }>) => unknown) => (app: App) =>
  app.use(async (c, next) => {
    if (c.req.method === "POST") await read(c);
    await next();
  });

describe("push: a body that a middleware has read, and that Hono kept, arrives", () => {
  test.each<[string, (app: App) => void]>([
    ["c.req.json()", reading((c) => c.req.json())],
    ["c.req.text()", reading((c) => c.req.text())],
    ["c.req.arrayBuffer()", reading((c) => c.req.arrayBuffer())],
    ["c.req.bytes()", reading((c) => c.req.bytes())],
    ["c.req.blob()", reading((c) => c.req.blob())],
    ["c.req.parseBody()", reading((c) => c.req.parseBody())],
    ["c.req.json() and c.req.text()", reading((c) => Promise.all([c.req.json<unknown>(), c.req.text()]))],
    ["c.req.raw.clone().text()", reading((c) => c.req.raw.clone().text())],
    ["validator", (app) => app.use(validator("json", (value: unknown) => value))],
    ["bodyLimit", (app) => app.use(bodyLimit({ maxSize: 1024 * 1024 }))],
    ["compress and etag", (app) => app.use(compress()).use(etag())],
  ])("push: after %s", async (_, use) => {
    const { ada, told } = await appWith(use);
    const { outcomes } = await ada.push([ada.commit(add("größer 🎈"))]);
    expect(outcomes).toMatchObject([{ outcome: "recorded" }]);
    expect((await ada.pull()).records).toHaveLength(1);
    expect(told).toEqual([]);
  });
});

describe("push: if nothing kept the body, the operator hears of it and the device tries again", () => {
  test.each<[string, (app: App) => void]>([
    ["c.req.raw.text()", reading((c) => c.req.raw.text())],
    ["c.req.raw.json()", reading((c) => c.req.raw.json())],
    ["c.req.raw.arrayBuffer()", reading((c) => c.req.raw.arrayBuffer())],
    ["a reader of c.req.raw.body", reading((c) => c.req.raw.body?.getReader().read())],
    ["a failed c.req.formData()", reading((c) => c.req.formData().catch(() => {}))],
    [
      "Node's own stream",
      reading((c) => c.env.incoming.resume() && new Promise((end) => c.env.incoming.on("end", end))),
    ],
  ])("push: after %s", async (_, use) => {
    const { ada, told } = await appWith(use);
    const response = await ada.request("commits", { after: null, domain: 1, commits: [ada.commit(add())] });
    expect([response.status, await response.json()]).toMatchObject([
      500,
      { error: { code: "unexpected", retry: "later" } },
    ]);
    expect(told).toMatchObject([{ name: "BodyTakenError", message: containing("c.req.json()") }]);
  });
});

test("push: a body in gzip that a middleware damaged gets 415, and leaves plain", async () => {
  const { ada, told, request } = await appWith(reading((c) => c.req.text()));
  const commits = Array.from({ length: 20 }, () => ada.commit(add("größer 🎈")));
  const push = (encoding: string, body: BodyInit) =>
    request("/logs/board/commits", {
      method: "POST",
      headers: {
        authorization: "Bearer token-of-ada",
        "content-type": "application/json",
        "content-encoding": encoding,
      },
      body,
    });
  const text = JSON.stringify({ after: null, domain: 1, commits });
  const packed = await push("gzip", new Uint8Array(gzipSync(text)));
  expect([packed.status, await packed.json()]).toMatchObject([415, { error: { code: "unsupported-media-type" } }]);
  expect((await push("identity", text)).status).toBe(200);
  expect(told).toEqual([]);
});

test("push: a body that Hono kept has the same limits, and its sender is checked first", async () => {
  const { ada, told, request } = await appWith(
    reading((c) => c.req.text()),
    { limits: { pushBytesMax: 2_000 } },
  );
  const large = { after: null, domain: 1, commits: [ada.commit(add("x".repeat(3_000)))] };
  expect((await ada.request("commits", large)).status).toBe(413);
  // A body without a length, so that only its bytes can show its size.
  const body = new Blob([JSON.stringify(large)]).stream();
  const chunked = await request("/logs/board/commits", {
    method: "POST",
    headers: { authorization: "Bearer token-of-ada", "content-type": "application/json" },
    body,
    duplex: "half",
  } as RequestInit);
  expect(chunked.status).toBe(413);
  expect((await request("/logs/board/commits", { method: "POST", body: "{}" })).status).toBe(401);
  expect((await ada.request("commits", "no json")).status).toBe(400);
  expect((await ada.request("commits", "")).status).toBe(400);
  expect(told).toEqual([]);
});
