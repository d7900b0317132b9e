// Each request as it leaves the device, and each kind of answer as the sync loop gets it.
import { afterEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { httpTransport, type HttpTransportOptions } from "../../../../src/client/sync/http-transport.ts";
import type { CallOptions } from "../../../../src/client/sync/transport.ts";
import { commitOf } from "../../../../src/testing/log-store/fixtures.ts";
import { containing } from "../../../support/matchers.ts";

afterEach(() => vi.unstubAllGlobals());

const PAGE = { after: null, records: [], cursor: null, head: 0, more: false };
const AT = { position: 7, mark: "m7" };
type Sent = { readonly url: string; readonly init: RequestInit; readonly headers: Headers };

function transportWith(options: Partial<HttpTransportOptions> = {}, answer = () => Response.json(PAGE)) {
  const sent: Sent[] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    sent.push({ url, init, headers: new Headers(init.headers) });
    return answer();
  });
  const transport = httpTransport({
    url: "https://example.org/sync//",
    log: "team a/b",
    token: () => Promise.resolve("a-token"),
    env: browserEnv,
    ...options,
  });
  return { transport, sent };
}
/** The body of a request, which is a text if it is not packed. */
const bodyOf = (sent: Sent | undefined): unknown =>
  typeof sent?.init.body === "string" ? JSON.parse(sent.init.body) : expect.fail("The body is no text");
const how = (options: Partial<CallOptions> = {}): CallOptions => ({
  pageBytes: 500,
  bodyBytes: 10_000,
  gzip: false,
  received: () => {},
  ...options,
});

test("pull: requests the records behind a cursor, as many as it may", async () => {
  const { transport, sent } = transportWith();
  await transport.pull(null, null);
  await transport.pull(AT, 1, how());
  expect(sent.map(({ url }) => url)).toEqual([
    "https://example.org/sync/logs/team%20a%2Fb/records?",
    "https://example.org/sync/logs/team%20a%2Fb/records?after=7-m7&limit=1&bytes=500",
  ]);
  expect(sent[0]?.init).toMatchObject({ method: "GET", body: null, cache: "no-store", credentials: "omit" });
  expect(Object.fromEntries(sent[0]?.headers ?? [])).toEqual({ authorization: "Bearer a-token" });
});

test("push: sends the commits, the cursor and the version of the domain as JSON", async () => {
  const { transport, sent } = transportWith({}, () => Response.json({ ...PAGE, outcomes: [] }));
  await transport.push(AT, 3, [commitOf("a")], how());
  expect(sent[0]).toMatchObject({
    url: "https://example.org/sync/logs/team%20a%2Fb/commits",
    init: { method: "POST" },
  });
  expect(Object.fromEntries(sent[0]?.headers ?? [])).toEqual({
    authorization: "Bearer a-token",
    "content-type": "application/json",
  });
  expect(bodyOf(sent[0])).toEqual({
    after: "7-m7",
    domain: 3,
    bytes: 500,
    commits: [commitOf("a")],
  });
});

test("push: packs a body of 1 KiB or more if the server takes gzip, and no smaller one", async () => {
  const { transport, sent } = transportWith({}, () => Response.json({ ...PAGE, outcomes: [] }));
  await transport.push(null, 1, [], how({ gzip: true }));
  const commits = Array.from({ length: 20 }, (_, n) => commitOf(`c${n}`));
  await transport.push(null, 1, commits, how({ gzip: true }));
  await transport.push(null, 1, commits, how({ gzip: false }));
  await transport.pull(null, null, how({ gzip: true }));
  expect(sent.map(({ headers }) => headers.get("content-encoding"))).toEqual([null, "gzip", null, null]);
  const packed = new Response(sent[1]?.init.body).body?.pipeThrough(new DecompressionStream("gzip"));
  expect(JSON.parse(await new Response(packed).text())).toMatchObject({ commits });
  // Some platforms cannot compress.
  vi.stubGlobal("CompressionStream", undefined);
  await transport.push(null, 1, commits, how({ gzip: true }));
  expect(sent[4]?.headers.get("content-encoding")).toBeNull();
  expect(bodyOf(sent[4])).toMatchObject({ commits });
});

test("headers: the app's headers are sent, and replace none of Dacapo's", async () => {
  const { transport, sent } = transportWith({
    headers: () => Promise.resolve({ "x-tenant": "one", authorization: "Basic x" }),
    credentials: "include",
  });
  await transport.pull(null, null);
  expect(Object.fromEntries(sent[0]?.headers ?? [])).toEqual({ authorization: "Bearer a-token", "x-tenant": "one" });
  expect(sent[0]?.init.credentials).toBe("include");
  const anonymous = transportWith({ token: () => Promise.resolve(null) });
  await anonymous.transport.pull(null, null);
  expect(anonymous.sent[0]?.headers.has("authorization")).toBe(false);
});

test("base, basePage: return null if the server has none, and throw for another refusal", async () => {
  let status = 404;
  const refusal = { error: { code: "absent", message: "None", retry: "never" } };
  const { transport, sent } = transportWith({}, () => Response.json(refusal, { status }));
  expect([await transport.base?.(), await transport.basePage?.(AT, 2)]).toEqual([null, null]);
  expect(sent.map(({ url }) => url.split("/logs/")[1])).toEqual(["team%20a%2Fb/base", "team%20a%2Fb/base/7-m7/2"]);
  status = 403;
  await expect(transport.base?.()).rejects.toMatchObject({ code: "forbidden" });
  await expect(transport.basePage?.(AT, 2)).rejects.toMatchObject({ code: "forbidden" });
});

test("server: each request names the known server, and each good answer is checked", async () => {
  const checked: string[] = [];
  let known: string | null = null;
  let status = 200;
  const server = {
    known: () => Promise.resolve(known),
    check: (id: string) => Promise.resolve(void checked.push(id)),
  };
  const reply = (id: string) => () => Response.json(PAGE, { status, headers: { "dacapo-server": id } });
  let answer = reply("one");
  const { transport, sent } = transportWith({ server }, () => answer());
  const pull = async () => transport.pull(AT, null).catch(() => null);
  await pull();
  expect(checked).toEqual(["one"]);
  status = 503;
  await pull();
  expect(checked).toEqual(["one"]);
  known = "one";
  await pull();
  expect(checked).toEqual(["one"]);
  answer = reply("two");
  await pull();
  answer = reply("not a name");
  await pull();
  answer = () => Response.json(PAGE, { status });
  status = 200;
  await pull();
  expect(checked).toEqual(["one", "two"]);
  expect(sent.map(({ url }) => url.split("?")[1])).toEqual([
    "after=7-m7",
    "after=7-m7",
    ...Array.from({ length: 4 }, () => "after=7-m7&server=one"),
  ]);
  await transport.info().catch(() => null);
  expect(sent.at(-1)?.url).toBe("https://example.org/sync/logs/team%20a%2Fb?server=one");
});

const refusal = (code: string, retry = "never", more: object = {}) =>
  JSON.stringify({ error: { code, message: "because", retry, ...more } });

test.each([
  [500, refusal("broken"), {}, { code: "unreachable", details: { status: 500, code: "broken" } }],
  [408, refusal("slow"), {}, { code: "unreachable" }],
  [425, refusal("early"), {}, { code: "unreachable" }],
  [429, refusal("many", "never", { retryAfterMs: 40 }), {}, { code: "unreachable", details: { retryAfterMs: 40 } }],
  [429, refusal("many"), { "retry-after": "3" }, { code: "unreachable", details: { retryAfterMs: 3_000 } }],
  [400, refusal("odd", "later"), {}, { code: "unreachable", details: { status: 400 } }],
  [400, refusal("odd"), {}, { code: "protocol", details: { code: "odd", status: 400 } }],
  [401, refusal("unauthorized"), {}, { code: "unauthorized", message: "The sync server says: because" }],
  [403, refusal("forbidden"), {}, { code: "forbidden", details: { code: "forbidden" } }],
  [413, refusal("too-large"), {}, { code: "protocol", retry: "later", details: { code: "too-large" } }],
  [401, "<p>", {}, { code: "unauthorized", details: { code: "sign-in-page" } }],
  [511, "<p>", {}, { code: "unauthorized", details: { code: "sign-in-page" } }],
  [409, refusal("other"), {}, { code: "protocol" }],
  [410, refusal("other"), {}, { code: "protocol" }],
  [400, refusal("diverged"), {}, { code: "protocol" }],
  [400, refusal("gone"), {}, { code: "protocol" }],
])("http-transport: an answer %s %s becomes the right error", async (status, body, headers, expected) => {
  const { transport } = transportWith({}, () => new Response(body, { status, headers }));
  await expect(transport.pull(null, null)).rejects.toMatchObject(expected);
  await expect(transport.push(null, 1, [])).rejects.toMatchObject(expected);
});

test.each(["-3", "0", "soon", "Infinity"])("http-transport: ignores the wait %s of a proxy", async (wait) => {
  const { transport } = transportWith({}, () => new Response("", { status: 503, headers: { "retry-after": wait } }));
  const error: unknown = await transport.pull(null, null).catch((one: unknown) => one);
  expect(error).toMatchObject({ code: "unreachable", details: { status: 503 } });
  expect(error).not.toHaveProperty("details.retryAfterMs");
});

test("http-transport: a user of another token gets the advice to move the log", async () => {
  const { transport } = transportWith({}, () => new Response(refusal("actor-mismatch"), { status: 403 }));
  await expect(transport.pull(null, null)).rejects.toMatchObject({ fix: containing("moveTo") });
  const other = transportWith({}, () => new Response(refusal("forbidden"), { status: 403 }));
  await expect(other.transport.pull(null, null)).rejects.toMatchObject({ fix: containing("Request the right") });
});

test("http-transport: an invalid answer is tried again, and the error names the place", async () => {
  const { transport } = transportWith({}, () => Response.json({ ...PAGE, head: -1 }));
  await expect(transport.pull(null, null)).rejects.toMatchObject({ code: "unreachable", retry: "later" });
  await expect(transport.pull(null, null)).rejects.toThrow("invalid page of records: head");
  await expect(transport.info()).rejects.toThrow("invalid info of the log");
});

test("http-transport: reports the bytes of an answer, and an empty first piece", async () => {
  const { transport } = transportWith();
  const sizes: number[] = [];
  const text = JSON.stringify(PAGE);
  expect(await transport.pull(null, null, how({ received: (bytes) => sizes.push(bytes) }))).toEqual({
    kind: "answer",
    answer: PAGE,
    text,
  });
  expect([sizes[0], sizes.reduce((sum, size) => sum + size, 0)]).toEqual([0, text.length]);
});
