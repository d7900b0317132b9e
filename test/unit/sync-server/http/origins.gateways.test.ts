// Answers that gateways, caches and pages of other origins get from a server on a port.
import { afterEach, expect, test } from "vitest";
import { WebSocket as RawSocket } from "ws";
import { task } from "../../../support/board-domain.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const origin = "https://app.example.org";
const authorization = "Bearer token-of-ada";

test("serve: no cache may keep an answer, whatever its status and its path", async () => {
  const { url, port, person } = await start({ origins: [origin] });
  const ada = person("ada");
  await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  const json = { authorization, "content-type": "application/json" };
  const asked: readonly (readonly [number, string, RequestInit?])[] = [
    [200, "/sync/logs/board", { headers: { authorization } }],
    [200, "/sync/logs/board/records", { headers: { authorization, "if-none-match": "*" } }],
    [200, "/sync/logs/board/records", { method: "HEAD", headers: { authorization } }],
    [200, "/sync/logs/board/export", { headers: { authorization } }],
    [200, "/sync/logs/board/streams/task/t1", { headers: { authorization } }],
    [200, "/sync/logs/board/tickets", { method: "POST", headers: json, body: "{}" }],
    [200, "/sync/healthz"],
    [200, "/sync/readyz"],
    [204, "/sync/logs/board", { method: "OPTIONS", headers: { origin } }],
    [400, "/sync/logs/board/records?after=x", { headers: { authorization } }],
    [401, "/sync/logs/board"],
    [403, "/sync/logs/board", { headers: { authorization, origin: "https://evil.example" } }],
    [403, "/sync/logs/board", { method: "OPTIONS", headers: { origin: "https://evil.example" } }],
    [404, "/sync/logs/board/else", { headers: { authorization } }],
    [404, "/sync/else"],
    [404, "/sync"],
    [404, "/logs/board/records"],
    [404, "/"],
    [415, "/sync/logs/board/commits", { method: "POST", headers: { authorization }, body: "{}" }],
    [426, "/sync/logs/board/live"],
  ];
  for (const [status, path, init] of asked) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    expect([status, response.headers.get("cache-control")], `${path} ${response.status}`).toEqual([
      response.status,
      "no-store",
    ]);
    if (status === 404) expect(await response.json()).toMatchObject({ error: { code: "not-found" } });
  }
  for (const path of ["/else", "/sync/logs/board/live"]) {
    const socket = new RawSocket(`${url.replace(/^http(.*)\/sync$/, "ws$1")}${path}`);
    socket.on("error", () => {});
    const refused = await new Promise<string | undefined>((resolve) =>
      socket.on("unexpected-response", (_, { headers }) => resolve(headers["cache-control"])),
    );
    expect(refused, path).toBe("no-store");
  }
});

test("credentials: a server accepts cookies only with the option, and only from listed pages", async () => {
  const read = async (url: string, from: string, method = "GET") => {
    const response = await fetch(`${url}/logs/board`, { method, headers: { authorization, origin: from } });
    return response.headers.get("access-control-allow-credentials");
  };
  const [closed, open] = [
    await start({ origins: [origin] }),
    await start({ origins: [origin, "null"], credentials: true }),
  ];
  for (const method of ["GET", "OPTIONS"]) {
    expect(await read(closed.url, origin, method)).toBeNull();
    expect(await read(open.url, origin, method)).toBe("true");
    expect(await read(open.url, "https://evil.example", method)).toBeNull();
    expect(await read(open.url, "null", method)).toBeNull();
  }
});

test("preflight: a page of the list may send its own headers, and other pages get no permission", async () => {
  const { url } = await start({ origins: [origin] });
  const allowed = async (from: string) => {
    const headers = { origin: from, "access-control-request-headers": "authorization,x-tenant" };
    const response = await fetch(`${url}/logs/board/commits`, { method: "OPTIONS", headers });
    return [response.status, response.headers.get("access-control-allow-headers")];
  };
  expect(await allowed(origin)).toEqual([204, "authorization,x-tenant"]);
  expect(await allowed("https://evil.example")).toEqual([403, null]);
});
