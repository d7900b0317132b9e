// The requests of a device have no secret in a URL, send no cookie, and are not cached.
import { afterEach, expect, test, vi } from "vitest";
import { httpTransport, type HttpTransportOptions } from "../../../../src/client/sync/http-transport.ts";
import { until } from "../../../support/device.ts";

afterEach(() => vi.unstubAllGlobals());

test("http-transport: https syncs over wss, and the token is in a header, never in a URL", async () => {
  const requests: { readonly url: string; readonly init: RequestInit | undefined }[] = [];
  const sockets: string[] = [];
  const page = { after: null, records: [], cursor: null, head: 0, more: false, outcomes: [] };
  vi.stubGlobal("fetch", async (url: string, init?: RequestInit) => {
    requests.push({ url, init });
    return Response.json(url.endsWith("/tickets") ? { ticket: "one-use", expiresInMs: 30_000 } : page);
  });
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor(url: string) {
        sockets.push(url);
      }
      close(): void {}
    },
  );
  const nothing = () => {};
  const env: HttpTransportOptions["env"] = {
    now: Date.now,
    elapsed: () => performance.now(),
    randomBytes: (bytes) => new Uint8Array(bytes),
    chance: () => 0,
    setTimer: () => nothing,
    channel: () => ({ post: nothing, listen: nothing, close: nothing }),
    lock: (_, __, held) => held(),
  };
  const transport = httpTransport({
    url: "https://example.org/sync/",
    log: "team-7",
    token: () => Promise.resolve("s3cret-token"),
    env,
  });
  await transport.pull(null, 1);
  await transport.push(null, 1, []);
  const socket = transport.live(null, {
    opened: nothing,
    records: nothing,
    head: nothing,
    presence: nothing,
    closed: nothing,
  });
  await until(() => sockets.length > 0, "the socket is opened");
  expect(sockets).toEqual(["wss://example.org/sync/logs/team-7/live?ticket=one-use"]);
  socket.close();
  expect(requests).toHaveLength(3);
  for (const { url, init } of requests) {
    expect(url).toMatch(/^https:\/\/example\.org\/sync\/logs\/team-7\//);
    for (const part of [url, init?.body]) expect(JSON.stringify(part ?? "")).not.toContain("s3cret");
    expect(init).toMatchObject({ credentials: "omit", cache: "no-store", redirect: "manual" });
    expect(new Headers(init?.headers).get("authorization")).toBe("Bearer s3cret-token");
  }
});
