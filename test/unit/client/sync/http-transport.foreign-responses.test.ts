// Answers that come from something between a device and its server: a portal, a proxy, a deploy in progress. They pass.
import { afterEach, describe, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { httpTransport } from "../../../../src/client/sync/http-transport.ts";
import { containing } from "../../../support/matchers.ts";

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: string, headers: Record<string, string> = {}) {
  vi.stubGlobal("fetch", async () => new Response(body, { status, headers }));
  return httpTransport({
    url: "https://example.org/sync",
    log: "board",
    token: () => Promise.resolve(null),
    env: browserEnv,
  });
}
const own = (code: string, retry: string) => JSON.stringify({ error: { code, message: "no", retry } });

describe("http-transport: errors that are not in the protocol's form", () => {
  const bodies = {
    "a page": "<!doctype html><title>Sign in to the hotel</title>",
    nothing: "",
    "other JSON": '{"error":"not_found"}',
    "half of the form": '{"error":{"code":"forbidden"}}',
  };
  for (const [name, body] of Object.entries(bodies)) {
    test.each([400, 403, 404, 405, 407, 409, 410, 418, 421, 426, 451, 502])(
      `http-transport: ${name} with status %s is retried`,
      async (status) => {
        const retried: unknown = expect.objectContaining({
          code: "unreachable",
          retry: "later",
          message: containing(String(status)),
        });
        await expect(answering(status, body).pull(null, null)).rejects.toEqual(retried);
        await expect(answering(status, body).push(null, 1, [])).rejects.toEqual(retried);
      },
    );
  }

  test("http-transport: a foreign error is retried no earlier than its retry-after header", async () => {
    await expect(answering(403, "", { "retry-after": "120" }).pull(null, null)).rejects.toMatchObject({
      details: { retryAfterMs: 120_000 },
    });
  });

  test("http-transport: a push that is too large for a proxy is reported as too large", async () => {
    await expect(answering(413, "<h1>Request Entity Too Large</h1>").push(null, 1, [])).rejects.toMatchObject({
      details: { code: "too-large" },
    });
  });
});

test("http-transport: the sync server's own errors stop, diverge or end the log", async () => {
  await expect(answering(401, own("unauthorized", "after-fix")).pull(null, null)).rejects.toMatchObject({
    code: "unauthorized",
  });
  await expect(answering(403, own("forbidden", "never")).pull(null, null)).rejects.toMatchObject({
    code: "forbidden",
    details: { code: "forbidden" },
  });
  await expect(answering(404, own("not-found", "never")).pull(null, null)).rejects.toMatchObject({
    code: "protocol",
    retry: "never",
  });
  await expect(answering(400, own("busy", "later")).pull(null, null)).rejects.toMatchObject({
    code: "unreachable",
    retry: "later",
  });
  expect(await answering(409, own("diverged", "after-fix")).pull(null, null)).toEqual({ kind: "diverged" });
  expect(await answering(410, own("gone", "never")).pull(null, null)).toEqual({ kind: "gone" });
});

test("http-transport: another person's token is no missing right, and the fix names moveTo", async () => {
  await expect(answering(403, own("actor-mismatch", "never")).push(null, 1, [])).rejects.toMatchObject({
    code: "forbidden",
    fix: containing("log.moveTo"),
  });
});
