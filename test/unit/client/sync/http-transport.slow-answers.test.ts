// Calls over a slow link, in virtual time: the silence is timed, not the call.
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { httpTransport } from "../../../../src/client/sync/http-transport.ts";
import type { CallOptions } from "../../../../src/client/sync/transport.ts";
import type { Commit } from "../../../../src/core/history/commit.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const PAGE = JSON.stringify({ after: null, records: [], cursor: null, head: 0, more: false, outcomes: [] });
const transport = () =>
  httpTransport({ url: "https://example.org", log: "board", token: () => Promise.resolve(null), env: browserEnv });
const options = (change: Partial<CallOptions> = {}): CallOptions => ({
  pageBytes: 1_024,
  bodyBytes: 64 * 1_024,
  gzip: false,
  received: () => {},
  ...change,
});
const commit = (text: string): Commit => ({
  id: crypto.randomUUID(),
  client: crypto.randomUUID(),
  actor: "ada",
  time: 0,
  meta: text,
  commands: [],
});

/** Answers after `firstMs`, and then a byte each `stepMs`, up to `bytes` of them. After that nothing comes. */
function dripping(firstMs: number, stepMs: number, bytes: number): void {
  const sleep = (ms: number, signal: AbortSignal | null | undefined) =>
    new Promise<void>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")), { once: true });
      setTimeout(resolve, ms);
    });
  vi.stubGlobal("fetch", async (_url: string, init?: RequestInit) => {
    await sleep(firstMs, init?.signal);
    const text = new TextEncoder().encode(PAGE.padEnd(bytes));
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await sleep(sent < bytes ? stepMs : 1e9, init?.signal);
        controller.enqueue(text.subarray(sent, ++sent));
        if (sent === text.byteLength) controller.close();
      },
    });
    return new Response(body);
  });
}

/** How a call ends: its answer, its error, or null while it is still under way after some virtual time. */
async function endAfter(ms: number, call: Promise<unknown>): Promise<string | null> {
  let end: string | null = null;
  call.then(
    () => (end = "answer"),
    (error: unknown) => (end = (error as { code: string }).code),
  );
  await vi.advanceTimersByTimeAsync(ms);
  return end;
}

test("P27 http-transport: an answer that keeps arriving for an hour is not cut", async () => {
  dripping(25_000, 25_000, 150);
  const received: number[] = [];
  const call = transport().pull(null, null, options({ received: (bytes) => received.push(bytes) }));
  expect(await endAfter(150 * 25_000 - 1, call)).toBeNull();
  expect(await endAfter(25_002, call)).toBe("answer");
  expect(received.reduce((sum, bytes) => sum + bytes, 0)).toBe(150);
});

test("P27 http-transport: a silence of 30 s ends a call before and within its answer", async () => {
  dripping(31_000, 1, 150);
  expect(await endAfter(30_001, transport().pull(null, null))).toBe("unreachable");
  dripping(1, 10, 20);
  const call = transport().pull(null, null, options());
  expect(await endAfter(30_000, call)).toBeNull();
  expect(await endAfter(400, call)).toBe("unreachable");
});

test("http-transport: a body that is larger than the link is known to carry gets more time", async () => {
  dripping(100_000, 1, 150);
  const body = [commit("x".repeat(256 * 1_024))];
  expect(await endAfter(101_000, transport().push(null, 1, body, options()))).toBe("answer");
  expect(await endAfter(31_000, transport().push(null, 1, [commit("x")], options()))).toBe("unreachable");
});

test("http-transport: a large body without an answer ends after five minutes", async () => {
  dripping(1e9, 1, 150);
  const call = transport().push(null, 1, [commit("x".repeat(256 * 1_024))], options({ bodyBytes: 1_024 }));
  expect(await endAfter(299_000, call)).toBeNull();
  expect(await endAfter(2_000, call)).toBe("unreachable");
});

test("http-transport: a push leaves in gzip if the server reads it and the body is not small", async () => {
  vi.useRealTimers();
  const sent: { headers: Record<string, string>; text: string }[] = [];
  vi.stubGlobal("fetch", async (_url: string, { body, headers }: RequestInit) => {
    const bytes = Buffer.from(await new Response(body).arrayBuffer());
    const packed = new Headers(headers).get("content-encoding") === "gzip";
    sent.push({
      headers: Object.fromEntries(new Headers(headers)),
      text: String(packed ? gunzipSync(bytes) : bytes),
    });
    return new Response(PAGE);
  });
  const large = [commit("Milk ".repeat(1_000))];
  await transport().push(null, 1, large, options({ gzip: true, pageBytes: 0 }));
  await transport().push(null, 1, large, options());
  await transport().push(null, 1, [], options({ gzip: true }));
  expect(sent.map(({ headers }) => headers["content-encoding"])).toEqual(["gzip", undefined, undefined]);
  expect(sent.map(({ text }) => JSON.parse(text) as unknown)).toEqual([
    { after: null, domain: 1, bytes: 0, commits: large },
    { after: null, domain: 1, bytes: 1_024, commits: large },
    { after: null, domain: 1, bytes: 1_024, commits: [] },
  ]);
});
