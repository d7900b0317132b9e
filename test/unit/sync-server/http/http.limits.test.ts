// Checks around the commits of a request: sender, origin and form. A refused request leaves nothing behind.
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseWireError } from "../../../../src/core/wire/read-messages.ts";
import { bearer, type Principal, type SyncServer } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { OBJECT_LIMITS, SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { createRateLimiter } from "../../../../src/sync-server/base/rate-limit.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { type Person, person, testServer } from "../../../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

/** Status and code of an error response, which the protocol's reader must accept. */
async function refusal(response: Response | Promise<Response>): Promise<string> {
  const { status, headers, body } = await Promise.resolve(response).then(async (one) => ({
    status: one.status,
    headers: one.headers,
    body: await one.text(),
  }));
  const error = parseWireError(body);
  if (!error.ok) throw new Error(`No error of the protocol: ${status} ${body}`);
  expect(headers.get("cache-control")).toBe("no-store");
  return `${status} ${error.value.code}`;
}

const post = (server: SyncServer, body: BodyInit, headers: Record<string, string> = {}) =>
  server.request("/logs/board/commits", {
    method: "POST",
    body,
    headers: { authorization: "Bearer token-of-ada", "content-type": "application/json", ...headers },
  });

test("P3 push: a commit of another actor refuses the whole push, before it is parsed", async () => {
  const store = memory();
  const server = testServer({ store });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const body = { after: null, domain: 1, commits: [ada.commit(add("t1")), bob.commit(add("t2"))] };
  expect(await refusal(ada.request("commits", body))).toBe("403 actor-mismatch");
  // Also after a commit without an id.
  expect(await refusal(ada.request("commits", { ...body, commits: [{}, bob.commit(add("t2"))] }))).toBe(
    "403 actor-mismatch",
  );
  expect(await store.logs()).toEqual([]);
});

test("push: an invalid envelope is refused, and nothing is stored", async () => {
  const store = memory();
  const server = testServer({ store, limits: { pushCommitsMax: 2, pushBytesMax: 10_000 } });
  const ada = person(server, "ada");
  const commit = ada.commit(add("t1"));
  const envelope = { after: null, domain: 1, commits: [commit] };
  for (const body of [
    "",
    "{",
    "null",
    "[]",
    "1e999",
    '"text"',
    `${"[".repeat(4_000)}`,
    "[".repeat(4_000) + "]".repeat(4_000),
  ]) {
    expect(await refusal(post(server, body)), body.slice(0, 20)).toBe("400 bad-request");
  }
  for (const forged of [
    { after: 7 },
    { after: "7" },
    { after: "0-a" },
    { after: "9999999999999999999-a" },
    { domain: "1" },
    { domain: -1 },
    { commits: {} },
    { commits: [{ ...commit, id: "1" }] },
    { commits: [null] },
  ]) {
    expect(await refusal(ada.request("commits", { ...envelope, ...forged })), JSON.stringify(forged)).toBe(
      "400 bad-request",
    );
  }
  expect(await refusal(ada.request("commits", { ...envelope, commits: [commit, commit, commit] }))).toBe(
    "413 push-too-large",
  );
  expect(await refusal(post(server, "x".repeat(10_001)))).toBe("413 push-too-large");
  expect(await refusal(post(server, new Uint8Array([34, 0xff, 34])))).toBe("400 bad-request");
  expect(await store.logs()).toEqual([]);
});

test("P22 push: the body is counted while it arrives, whatever its headers claim", async () => {
  const server = testServer({ limits: { pushBytesMax: 1_000 } });
  let sent = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      sent += 100;
      controller.enqueue(new Uint8Array(100).fill(32));
    },
  });
  // Node needs `duplex` for a body that is a stream. The types of the DOM do not have it.
  const init: RequestInit & { duplex: "half" } = {
    method: "POST",
    body: endless,
    duplex: "half",
    headers: { authorization: "Bearer token-of-ada", "content-type": "application/json" },
  };
  expect(await refusal(server.request(new Request("http://localhost/logs/board/commits", init)))).toBe(
    "413 push-too-large",
  );
  expect(sent).toBeLessThan(3_000);
});

test("P22 push: a body in gzip is unpacked up to the limit, and a bomb is refused", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  const title = "Milk ".repeat(40);
  const commits = Array.from({ length: 50 }, (_, n) =>
    ada.commit(task.command.add(`t${n}`, { title, column: "todo" })),
  );
  const packed = gzipSync(JSON.stringify({ after: null, domain: 1, commits }));
  const answer = await post(server, packed, { "content-encoding": "gzip" });
  expect([answer.status, ((await answer.json()) as { outcomes: unknown[] }).outcomes.length]).toEqual([200, 50]);
  const limited = testServer({ limits: { pushBytesMax: 10_000 } });
  expect(packed.byteLength).toBeLessThan(10_000);
  for (const bomb of [packed, gzipSync(Buffer.alloc(100 * 1024 * 1024)), gzipSync(Buffer.alloc(10_001, " "))])
    expect(await refusal(post(limited, bomb, { "content-encoding": "GZIP" }))).toBe("413 push-too-large");
  for (const broken of [packed.subarray(0, 100), Buffer.from("no gzip"), Buffer.alloc(0)])
    expect(await refusal(post(server, broken, { "content-encoding": "gzip" }))).toBe("415 unsupported-media-type");
});

test("P22 push: an unknown encoding and a body of another type are refused", async () => {
  const server = testServer();
  const json = JSON.stringify({ after: null, domain: 1, commits: [] });
  for (const encoding of ["br", "deflate", "gzip, gzip"])
    expect(await refusal(post(server, gzipSync(json), { "content-encoding": encoding }))).toBe(
      "415 unsupported-media-type",
    );
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/jsonp",
    "text/plain; application/json",
  ]) {
    expect(await refusal(post(server, json, { "content-type": type })), type).toBe("415 unsupported-media-type");
  }
  expect((await post(server, json, { "content-type": "application/json; charset=UTF-8" })).status).toBe(200);
});

test("authorize: without a valid token the response is the same for any log", async () => {
  const server = testServer();
  await person(server, "ada").push([person(server, "ada").commit(add("t1"))]);
  for (const authorization of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    "Basic token-of-ada",
    "token-of-ada",
    "Bearer token-of-ada extra",
    "Bearer __proto__",
    `Bearer ${"x".repeat(10_000)}`,
  ]) {
    for (const path of ["/logs/board", "/logs/other", "/logs/board/records"]) {
      const response = await server.request(path, authorization === undefined ? {} : { headers: { authorization } });
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await refusal(response), authorization).toBe("401 unauthorized");
    }
  }
});

test("permit: without the right to read, an existing and a missing log look the same", async () => {
  const server = testServer({ permit: ({ actor }, { log }) => actor === "ada" || log === "shared" });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1"))]);
  const there = await bob.request("");
  const notThere = await person(server, "bob", { log: "nothing" }).request("");
  expect([there.status, await there.text()]).toEqual([notThere.status, await notThere.text()]);
  expect(await refusal(bob.request("commits", { after: null, domain: 1, commits: [bob.commit(add("t2"))] }))).toBe(
    "403 forbidden",
  );
  expect(await refusal(bob.request("streams/task/t1"))).toBe("403 forbidden");
  expect(await refusal(bob.request("tickets", {}))).toBe("403 forbidden");
});

test("log name: a path or an invalid name is refused", async () => {
  const server = testServer();
  const headers = { authorization: "Bearer token-of-ada" };
  for (const name of ["%20", "-a", "a%2Fb", "a%00", "%E2%82%AC", "x".repeat(129), "a%5C..%5Cb"])
    expect(await refusal(server.request(`/logs/${name}`, { headers })), name).toBe("400 bad-request");
  expect((await server.request(`/logs/team-7:a~b@c.d_e`, { headers })).status).toBe(200);
  expect(await refusal(server.request("/logs/board/nothing", { headers }))).toBe("404 not-found");
  expect(await refusal(server.request("/logs/board/live", { headers }))).toBe("426 upgrade-required");
});

test("P6 push: a cursor of another history is refused before any commit is decided", async () => {
  const store = memory();
  const server = testServer({ store });
  const ada = person(server, "ada");
  const { cursor } = await ada.push([ada.commit(add("t1"))]);
  const commit = ada.commit(add("t2"));
  for (const after of [`${cursor?.position}-0000000000000000`, `99-${cursor?.mark}`]) {
    expect(await refusal(ada.request("commits", { after, domain: 1, commits: [commit] }))).toBe("409 diverged");
    expect(await refusal(ada.request(`records?after=${after}`))).toBe("409 diverged");
  }
  const elsewhere = person(server, "ada", { log: "nothing" });
  expect(
    await refusal(elsewhere.request("commits", { after: `1-${cursor?.mark}`, domain: 1, commits: [commit] })),
  ).toBe("409 diverged");
  expect((await store.known("board", [commit.id])).size).toBe(0);
  expect(await ada.pull()).toMatchObject({ head: 1 });
});

test("P20 drop: a deleted log is `gone` for good and for every request", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  await ada.push([ada.commit(add("t1"))]);
  await server.drop("board");
  for (const path of ["", "records", "streams/task/t1"])
    expect(await refusal(ada.request(path)), path).toBe("410 gone");
  expect(await refusal(ada.request("commits", { after: null, domain: 1, commits: [ada.commit(add("t1"))] }))).toBe(
    "410 gone",
  );
});

test("rate limit: a refused request gets the time to wait", async () => {
  let now = 1_000_000;
  const env = { ...runtimeEnv, now: () => now };
  const server = testServer({
    env,
    limits: { requestRate: { perSecond: 2, burst: 3 }, commitRate: { perSecond: 1, burst: 2 } },
  });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  for (let n = 0; n < 3; n++) expect((await ada.request("")).status).toBe(200);
  const slow = await ada.request("");
  expect(slow.headers.get("retry-after")).toBe("1");
  expect(await slow.json()).toMatchObject({ error: { code: "rate-limited", retry: "later", retryAfterMs: 500 } });
  expect((await bob.request("")).status).toBe(200);
  now += 500;
  expect((await ada.request("")).status).toBe(200);
  now += 60_000;
  expect((await ada.push([ada.commit(add("t1")), ada.commit(add("t2"))])).outcomes).toHaveLength(2);
  expect(await refusal(ada.request("commits", { after: null, domain: 1, commits: [ada.commit(add("t3"))] }))).toBe(
    "429 rate-limited",
  );
  now += 60_000;
  // A push larger than the bucket passes when the bucket is full. Otherwise it would never pass.
  expect((await ada.push([3, 4, 5].map((n) => ada.commit(add(`t${n}`))))).outcomes).toHaveLength(3);
});

test("memory budget: unread bodies are bounded for each actor, and released with the request", async () => {
  const server = testServer({ limits: { readingBytesMax: 3_000, readingBytesPerActorMax: 2_000 } });
  const endless = (actor: string) => {
    let end = (): void => {};
    const body = new ReadableStream({
      start: (controller) => {
        end = () => controller.error(new Error("the connection broke"));
        controller.enqueue(new Uint8Array(900));
      },
    });
    const init = {
      method: "POST",
      headers: { authorization: `Bearer token-of-${actor}`, "content-type": "application/json" },
      body,
      duplex: "half",
    };
    return { answered: Promise.resolve(server.request("/logs/board/commits", init)), end };
  };
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const push = (one: Person) =>
    one.request("commits", { after: null, domain: 1, commits: [one.commit(add(crypto.randomUUID()))] });
  const open = [endless("ada"), endless("ada")];
  // `authorize` runs for all of them at once, so an earlier request may be counted later.
  await until(async () => (await push(ada)).status === 503, "Ada's unfinished bodies count");
  expect(await refusal(endless("ada").answered)).toBe("503 overloaded");
  expect((await push(bob)).status).toBe(200);
  open.push(endless("bob"));
  await until(async () => (await push(bob)).status === 503, "Bob's unfinished body counts");
  for (const { end } of open) end();
  for (const { answered } of open) expect(await refusal(answered)).toBe("400 bad-request");
  expect([(await push(ada)).status, (await push(bob)).status]).toEqual([200, 200]);
});

test("metered response: a large response arrives whole, and a HEAD request holds no memory", async () => {
  const server = testServer({ limits: { answeringBytesMax: 400_000, answeringBytesPerActorMax: 300_000 } });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([ada.commit(add("t1")), ada.commit(task.command.note("t1", { text: "€".repeat(50_000) }))]);
  const headers = { authorization: "Bearer token-of-ada" };
  for (let n = 0; n < 5; n++) {
    const head = await server.request("/logs/board/records", { method: "HEAD", headers });
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "application/json", ""]);
    expect((await ada.pull()).records).toHaveLength(2);
    const stream = await ada.request("streams/task/t1");
    expect([stream.headers.get("content-type"), JSON.parse(await stream.text())]).toMatchObject([
      "application/json",
      { version: 2, more: false },
    ]);
  }
  const held = await ada.request("records");
  expect(await refusal(ada.request("records"))).toBe("503 overloaded");
  expect((await bob.pull()).records).toHaveLength(2);
  await held.body?.cancel();
  expect((await ada.pull()).records).toHaveLength(2);
});

test.each(["takes no buffers", "takes the reader's buffers"])(
  "readJsonText: reads a body byte by byte that %s",
  async (kind) => {
    const server = testServer();
    const ada = person(server, "ada");
    const bytes = new TextEncoder().encode(
      JSON.stringify({
        after: null,
        domain: 1,
        commits: [ada.commit(task.command.add("t1", { title: "Milk & 🥛 für 3 €", column: "todo" }))],
      }),
    );
    const start = (controller: { enqueue: (piece: Uint8Array<ArrayBuffer>) => void; close: () => void }): void => {
      for (let at = 0; at < bytes.length; at++) controller.enqueue(bytes.slice(at, at + 1));
      controller.close();
    };
    const body =
      kind === "takes no buffers" ? new ReadableStream({ start }) : new ReadableStream({ type: "bytes", start });
    const init = {
      method: "POST",
      headers: { authorization: "Bearer token-of-ada", "content-type": "application/json" },
      body,
      duplex: "half",
    };
    expect((await server.request("/logs/board/commits", init)).status).toBe(200);
    const [record] = (await ada.pull()).records;
    expect(record?.events[0]?.data).toEqual({ title: "Milk & 🥛 für 3 €", column: "todo" });
  },
);

test("OBJECT_LIMITS: all budgets together use at most half of an object's memory", () => {
  const { waitingBytesMax, readingBytesMax, answeringBytesMax } = OBJECT_LIMITS;
  expect(waitingBytesMax + readingBytesMax + answeringBytesMax).toBeLessThanOrEqual(64 * 1024 * 1024);
  // One push and one page of each actor still pass.
  expect(OBJECT_LIMITS.readingBytesPerActorMax).toBeGreaterThanOrEqual(SERVER_LIMITS.pushBytesMax);
  expect(OBJECT_LIMITS.answeringBytesPerActorMax).toBeGreaterThanOrEqual(2 * SERVER_LIMITS.pageBytesMax);
});

test("rate limit: another client id in each push allows an actor no more commits", async () => {
  let now = 1_000_000;
  const env = { ...runtimeEnv, now: () => now };
  const server = testServer({ env, limits: { commitRate: { perSecond: 1, burst: 4 } } });
  const push = (actor: string) => {
    const device = person(server, actor);
    return device.request("commits", {
      after: null,
      domain: 1,
      commits: [device.commit(add(crypto.randomUUID())), { ...device.commit(add("t1")), client: crypto.randomUUID() }],
    });
  };
  for (let n = 0; n < 2; n++) expect((await push("ada")).status).toBe(200);
  for (let n = 0; n < 5; n++) expect(await refusal(push("ada"))).toBe("429 rate-limited");
  expect((await push("bob")).status).toBe(200);
  now += 2_000;
  expect((await push("ada")).status).toBe(200);
});

test("rate limit: remembers a bounded number of keys, and forgets the oldest first", () => {
  const limiter = createRateLimiter({ perSecond: 0.001, burst: 1 }, () => 1_000_000);
  expect([limiter.tryConsume("first"), limiter.tryConsume("first") > 0]).toEqual([0, true]);
  for (let n = 0; n < 10_000; n++) limiter.tryConsume(`${n}`);
  expect([limiter.tryConsume("first"), limiter.tryConsume("9999") > 0]).toEqual([0, true]);
});

test("P23 origins: listed pages and programs may use the server, other pages may not", async () => {
  const server = testServer({ origins: ["https://app.example"] });
  const ask = (origin?: string, init: RequestInit = {}) =>
    server.request("/logs/board", {
      ...init,
      headers: { authorization: "Bearer token-of-ada", host: "evil.example", ...(origin !== undefined && { origin }) },
    });
  const allowed = await ask("https://app.example");
  expect(allowed.status).toBe(200);
  expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
  expect(allowed.headers.get("vary")).toBe("origin");
  for (const origin of [
    "https://evil.example",
    "null",
    "https://app.example.evil.example",
    "http://app.example",
    "https://app.example:8443",
    "http://localhost",
  ]) {
    const refused = await ask(origin);
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
    expect(await refusal(refused), origin).toBe("403 origin-refused");
  }
  expect((await ask()).status).toBe(200);
  // A browser sends a preflight request before it sends a token.
  const preflight = await ask("https://app.example", { method: "OPTIONS" });
  expect([preflight.status, preflight.headers.get("access-control-allow-headers")]).toEqual([
    204,
    "authorization, content-type, content-encoding",
  ]);
  expect((await ask("https://evil.example", { method: "OPTIONS" })).status).toBe(403);
  // The page must be able to read an error too.
  expect(
    (await server.request("/logs/board", { headers: { origin: "https://app.example" } })).headers.get(
      "access-control-allow-origin",
    ),
  ).toBe("https://app.example");
});

test("P23 origins: without a list, the own page and a proxy work, and foreign pages do not", async () => {
  const server = testServer();
  const ask = (headers: Record<string, string>, method = "POST") =>
    server.request("/logs/board/tickets", { method, headers: { authorization: "Bearer token-of-ada", ...headers } });
  // Vite's proxy forwards the page's origin, which is not the server's address.
  const proxied = await ask({ origin: "http://localhost:5173", "sec-fetch-site": "same-origin" });
  expect(proxied.status).toBe(200);
  expect(proxied.headers.get("access-control-allow-origin")).toBeNull();
  expect(await refusal(ask({ origin: "https://evil.example", "sec-fetch-site": "cross-site" }))).toBe(
    "403 origin-refused",
  );
  expect(
    (await ask({ origin: "https://evil.example" }, "OPTIONS")).headers.get("access-control-allow-origin"),
  ).toBeNull();
});

test("authorize and permit: if they fail, the response is 503 and reveals nothing", async () => {
  const reported: unknown[] = [];
  const server = testServer({
    authorize: () => {
      throw new Error("the secret is hunter2");
    },
    onError: (error) => reported.push(error),
  });
  const response = await server.request("/logs/board");
  expect(await response.clone().text()).not.toContain("hunter2");
  expect(await refusal(response)).toBe("503 unavailable");
  expect(String(reported)).toContain("hunter2");
});

test("onError: if it fails, at once or later, requests and process continue", async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("unhandledRejection", note);
  for (const onError of [
    () => {
      throw new Error("no disk");
    },
    () => Promise.reject(new Error("no network")),
  ]) {
    const server = testServer({
      authorize: () => {
        throw new Error("the directory is down");
      },
      onError,
    });
    expect(await refusal(server.request("/logs/board"))).toBe("503 unavailable");
  }
  // Node reports unhandled rejections after all due work.
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off("unhandledRejection", note);
  expect(uncaught).toEqual([]);
});

test("authorize: an expired principal and a principal without an actor are refused", async () => {
  const principals: Record<string, Principal> = {
    old: { actor: "ada", expiresAt: Date.now() - 1 },
    young: { actor: "ada", expiresAt: Date.now() + 60_000 },
    nobody: { actor: "" },
  };
  const server = testServer({ authorize: bearer({ verify: (token) => principals[token] ?? null }) });
  const ask = (token: string) => server.request("/logs/board", { headers: { authorization: `Bearer ${token}` } });
  expect((await ask("young")).status).toBe(200);
  expect(await refusal(ask("old"))).toBe("401 unauthorized");
  expect(await refusal(ask("nobody"))).toBe("401 unauthorized");
});

test("healthz and readyz: report whether the server runs and whether its store answers", async () => {
  const store = memory();
  const server = testServer({ store, onError: () => {} });
  expect(await (await server.request("/healthz")).json()).toEqual({ status: "ok" });
  expect((await server.request("/readyz")).status).toBe(200);
  store.head = () => Promise.reject(new Error("disk gone"));
  expect(await refusal(server.request("/readyz"))).toBe("503 unavailable");
});
