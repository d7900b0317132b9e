// How long a call of the device may take, and the address of its socket.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { httpTransport, type HttpTransportOptions } from "../../../../src/client/sync/http-transport.ts";
import type { SocketEvents } from "../../../../src/client/sync/transport.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const PAGE = { after: null, records: [], cursor: null, head: 0, more: false };
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The platform's `fetch` ends with its signal. */
function transportOf(answers: () => Promise<Response>, options: Partial<HttpTransportOptions> = {}) {
  vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("Aborted", "AbortError")));
    });
    return Promise.race([answers(), aborted]);
  });
  return httpTransport({
    url: "https://example.org/http",
    log: "team",
    token: () => Promise.resolve("a-token"),
    env: browserEnv,
    ...options,
  });
}

/** Reads the answer or the error of a call. Null: the call is under way. */
function outcomeOf(call: Promise<unknown>) {
  let outcome: unknown = null;
  call.then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = error),
  );
  return () => outcome;
}

test("httpTransport: an answered call leaves no timer", async () => {
  const transport = transportOf(() => Promise.resolve(Response.json(PAGE)));
  expect(await transport.pull(null, null)).toMatchObject({ kind: "answer" });
  expect(vi.getTimerCount()).toBe(0);
});

test("httpTransport: a token function that never resolves ends the call after a time", async () => {
  const transport = transportOf(() => Promise.resolve(Response.json(PAGE)), { token: () => new Promise(() => {}) });
  const outcome = outcomeOf(transport.pull(null, null));
  await vi.advanceTimersByTimeAsync(20_000);
  expect(outcome()).toBeNull();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(outcome()).toMatchObject({
    code: "unexpected",
    message: "The app's function sync.token failed: Error: it did not resolve in time",
    retry: "later",
  });
});

test("httpTransport: a call to a new address has its own time", async () => {
  let calls = 0;
  const transport = transportOf(async () => {
    await wait(20_000);
    return calls++ === 0 ? new Response(null, { status: 308 }) : Response.json(PAGE);
  });
  const outcome = outcomeOf(transport.pull(null, null));
  await vi.advanceTimersByTimeAsync(41_000);
  expect(outcome()).toMatchObject({ kind: "answer" });
});

test("httpTransport: a redirect that may not be followed is a page to sign in", async () => {
  let calls = 0;
  const transport = transportOf(() =>
    calls++ === 0 ? Promise.resolve(new Response(null, { status: 302 })) : Promise.reject(new TypeError("CORS")),
  );
  await expect(transport.pull(null, null)).rejects.toMatchObject({
    code: "unauthorized",
    details: { code: "sign-in-page", status: 302 },
  });
});

test.each([
  [null, "wss://example.org/http/logs/team/live?ticket=t"],
  [{ position: 7, mark: "m7" }, "wss://example.org/http/logs/team/live?after=7-m7&ticket=t"],
])("live: opens a socket behind the cursor %j", async (after, address) => {
  const opened: string[] = [];
  vi.stubGlobal(
    "WebSocket",
    class {
      constructor(url: string) {
        opened.push(url);
      }
      close(): void {}
    },
  );
  const events: SocketEvents = {
    opened: () => {},
    records: () => {},
    head: () => {},
    presence: () => {},
    closed: () => {},
  };
  const socket = transportOf(() => Promise.resolve(Response.json({ ticket: "t" }))).live(after, events);
  await vi.advanceTimersByTimeAsync(10);
  expect(opened).toEqual([address]);
  socket.close();
});
