// The options of `serve` and `attachLive` that are a path or an address, as people write them.
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { afterEach, expect, test } from "vitest";
import { attachLive, type ServeOptions } from "../../../../src/sync-server/node.ts";
import { task } from "../../../support/board-domain.ts";
import { liveClient } from "../../../support/live-client.ts";
import { containing } from "../../../support/matchers.ts";
import { runningServer } from "../../../support/running-server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

/** Paths that a person may write, and the prefix that each of them means. */
const paths: readonly (readonly [string, string])[] = [
  ["sync", "/sync"],
  ["/sync/", "/sync"],
  ["//sync", "/sync"],
  ["api/sync", "/api/sync"],
  ["/api//sync//", "/api/sync"],
  ["/", ""],
  ["", ""],
];

const wrongPaths: readonly unknown[] = [
  "/sync?team=7",
  "/sync#live",
  "http://localhost:8787/sync",
  "/:tenant/sync",
  "/sync/*",
  "/a/../sync",
  "/my sync",
  "/größe",
  "\\sync",
  null,
  7,
];

test.each(paths)("serve: the path %j opens requests and sockets under %j", async (path, prefix) => {
  const { url, port, person } = await start({ path });
  expect(url).toBe(`http://127.0.0.1:${port}${prefix}`);
  const live = await liveClient(url, "bob");
  const ada = person("ada");
  await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  expect(await live.next("records")).toMatchObject({ head: 1 });
});

test.each(paths)("attachLive: the path %j opens sockets under %j", async (path, prefix) => {
  const sync = testServer();
  const http = createServer(getRequestListener(new Hono().route(prefix, sync).fetch));
  attachLive(http, sync, path);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  const live = await liveClient(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}${prefix}`, "ada");
  await sync.close();
  expect((await live.closed).code).toBe(1012);
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

test("serve, attachLive: refuse a path that sockets cannot have", async () => {
  const sync = testServer();
  const http = createServer();
  const refusal = { code: "definition", fix: containing('"/sync"'), details: { option: "path" } };
  for (const path of wrongPaths) {
    // Untyped, because JavaScript users may pass anything.
    await expect(start({ path: path as string }), String(path)).rejects.toMatchObject(refusal);
    expect(
      thrownBy(() => attachLive(http, sync, path as string)),
      String(path),
    ).toMatchObject(refusal);
  }
});

test("serve: refuses a hostname with other parts of an address, and a port that is none", async () => {
  for (const hostname of ["http://localhost", "localhost:8787", "127.0.0.1/sync", "my host", "user@host"])
    await expect(start({ hostname }), hostname).rejects.toMatchObject({
      code: "definition",
      fix: containing('"127.0.0.1"'),
      details: { option: "hostname" },
    });
  for (const port of [Number.NaN, -1, 70_000, 1.5, "http", ""])
    await expect(start({ port: port as number }), String(port)).rejects.toMatchObject({
      code: "definition",
      fix: containing("from 0 to 65535"),
      details: { option: "port" },
    });
});

test("serve: the URL of an IPv6 address, of an empty hostname and of a port as a text is usable", async () => {
  const given: readonly Partial<ServeOptions>[] = [
    { hostname: "" },
    { hostname: "::1" },
    { hostname: "[::1]" },
    { port: "0" as unknown as number },
  ];
  for (const options of given) {
    const { url } = await start(options);
    expect((await fetch(`${url}/healthz`)).status, url).toBe(200);
  }
});

test("origins: an origin with a slash, a usual port or capitals allows the page that it means", async () => {
  const { url } = await start({
    origins: ["https://App.Example.org/", "https://other.example.org:443", "capacitor://localhost", "null"],
  });
  for (const origin of ["https://app.example.org", "https://other.example.org", "capacitor://localhost", "null"])
    expect((await fetch(`${url}/healthz`, { headers: { origin } })).status, origin).toBe(200);
  expect((await fetch(`${url}/healthz`, { headers: { origin: "https://evil.example.org" } })).status).toBe(403);
});

test("origins: a list that matches no page is refused when the server starts", () => {
  const wrong: readonly unknown[] = [
    "https://app.example.org",
    ["*"],
    ["app.example.org"],
    ["localhost:5173"],
    ["https://*.example.org"],
    ["https://app.example.org/board"],
    ["https://app.example.org?x"],
    ["wss://app.example.org"],
    [undefined],
  ];
  for (const origins of wrong)
    expect(
      thrownBy(() => testServer({ origins: origins as string[] })),
      JSON.stringify(origins),
    ).toMatchObject({
      code: "definition",
      fix: containing('["https://app.example.org"]'),
    });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return null;
}
