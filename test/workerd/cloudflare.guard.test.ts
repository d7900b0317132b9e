// The Worker refuses wrong requests itself, and an object trusts the Worker alone.
import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { cloudflare } from "../../src/sync-server/cloudflare.ts";
import { domain, task } from "../support/board-domain.ts";
import { newLog } from "./log-object.ts";
import { app, keyValue, logs, secretless, worker } from "./worker.ts";

const ROUNDS = 100;
const authorization = "Bearer token-of-ada";
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const ask = (path: string, init?: RequestInit): Promise<Response> =>
  worker.fetch(new Request(`https://example.org${path}`, init), env);

type Wrong = { readonly status: number; readonly send: (round: number) => Promise<Response> };
const json = { "content-type": "application/json" };
const wrong: Readonly<Record<string, Wrong>> = {
  "without a token": { status: 401, send: (n) => ask(`/sync/logs/guess-${n}`) },
  "with a wrong token": {
    status: 401,
    send: (n) => ask(`/sync/logs/guess-${n}/records`, { headers: { authorization: "Bearer guess" } }),
  },
  "a push without a token": {
    status: 401,
    send: (n) => ask(`/sync/logs/guess-${n}/commits`, { method: "POST", headers: json, body: "{}" }),
  },
  "with a forged principal": {
    status: 401,
    send: (n) => ask(`/sync/logs/guess-${n}`, { headers: { "dacapo-principal": "%7B%22actor%22%3A%22ada%22%7D" } }),
  },
  "without the right to read": {
    status: 403,
    send: (n) => ask(`/sync/logs/guess-${n}`, { headers: { authorization: "Bearer token-of-bob" } }),
  },
  "an operator's request without the right": {
    status: 403,
    send: (n) =>
      ask(`/sync/logs/guess-${n}/models/board/rebuild`, {
        method: "POST",
        headers: { authorization: "Bearer token-of-bob" },
      }),
  },
  "with an invalid name": {
    status: 400,
    send: (n) => ask(`/sync/logs/-guess-${n}`, { headers: { authorization } }),
  },
  "with an invalid escape": { status: 404, send: () => ask("/sync/logs/bad%ff", { headers: { authorization } }) },
  "with a wrong path": {
    status: 404,
    send: (n) => ask(`/sync/logs/guess-${n}/secrets`, { headers: { authorization } }),
  },
  "with a wrong method": {
    status: 404,
    send: (n) => ask(`/sync/logs/guess-${n}`, { method: "DELETE", headers: { authorization } }),
  },
  "with a wrong ticket": {
    status: 401,
    send: (n) => ask(`/sync/logs/guess-${n}/live?ticket=guess`, { headers: { upgrade: "websocket" } }),
  },
  "a socket without an upgrade": {
    status: 426,
    send: (n) => ask(`/sync/logs/guess-${n}/live?ticket=guess`, { headers: { authorization } }),
  },
  "a push of a foreign page": {
    status: 403,
    send: (n) =>
      ask(`/sync/logs/guess-${n}/commits`, {
        method: "POST",
        headers: { ...json, authorization, "sec-fetch-site": "cross-site" },
        body: "{}",
      }),
  },
};

test("worker: 1,300 wrong requests of thirteen kinds make no object and report no error", async () => {
  const before = (await listDurableObjectIds(env.LOGS)).length;
  app.refused.add("bob");
  for (const [kind, { status, send }] of Object.entries(wrong)) {
    for (let round = 0; round < ROUNDS; round++) {
      const response = await send(round);
      await response.text();
      expect(response.status, kind).toBe(status);
    }
  }
  app.refused.delete("bob");
  expect(await listDurableObjectIds(env.LOGS)).toHaveLength(before);
  expect(app.errors).toEqual([]);
});

const BOB = { authorization: "Bearer token-of-bob" };
const wrongAdmin: Readonly<Record<string, readonly [status: number, path: string, init: RequestInit]>> = {
  "without a token": [401, "/models", {}],
  "with a wrong token": [401, "/processes", { headers: { authorization: "Bearer guess" } }],
  "a read without the right": [403, "/subscribers", { headers: BOB }],
  "a verb without the right": [403, "/models/board/rebuild", { method: "POST", headers: BOB }],
  "a verb with a body, without the right": [
    403,
    "/subscribers/mailer/skip",
    { method: "POST", headers: { ...BOB, ...json }, body: '{"event":"x","reason":"y"}' },
  ],
  "with a wrong method": [404, "/models", { method: "DELETE", headers: { authorization } }],
  "with a wrong path": [404, "/models/board/rebuild/now", { method: "POST", headers: { authorization } }],
  "with a forged principal": [
    401,
    "/models/board/purge",
    { method: "POST", headers: { "dacapo-principal": "%7B%22actor%22%3A%22ada%22%7D", "dacapo-checked": "read" } },
  ],
};

test("worker: 1,000 wrong requests for an operator's routes make no object and report no error", async () => {
  const before = (await listDurableObjectIds(env.LOGS)).length;
  for (const [kind, [status, path, init]] of Object.entries(wrongAdmin))
    for (let round = 0; round < 125; round++) {
      const response = await ask(`/sync/logs/guess-${round}${path}`, init);
      await response.text();
      expect(response.status, kind).toBe(status);
    }
  expect(await listDurableObjectIds(env.LOGS)).toHaveLength(before);
  expect(app.errors).toEqual([]);
});

test("worker: a ticket opens no socket after its holder lost the right, and makes no object", async () => {
  const { ticket, upgrade } = newLog();
  const bobs = await ticket("token-of-bob");
  const before = (await listDurableObjectIds(env.LOGS)).length;
  app.refused.add("bob");
  expect((await upgrade({ ticket: bobs })).status).toBe(403);
  app.refused.delete("bob");
  expect(await listDurableObjectIds(env.LOGS)).toHaveLength(before);
});

test("logs: an invalid name is refused, and makes no object", async () => {
  const before = (await listDurableObjectIds(env.LOGS)).length;
  const { drop, importLog } = logs(env);
  for (const call of [drop("two words"), importLog("", "{}")])
    await expect(call).rejects.toMatchObject({ code: "invalid" });
  expect(await listDurableObjectIds(env.LOGS)).toHaveLength(before);
});

test("worker: health, readiness and preflight are answered without an object", async () => {
  expect(await (await ask("/sync/healthz")).json()).toEqual({ status: "ok" });
  expect(await (await ask("/sync/readyz")).json()).toEqual({ status: "ready" });
  expect((await ask("/sync/logs/x", { method: "OPTIONS" })).status).toBe(204);
  expect((await ask("/sync/other")).status).toBe(404);
  expect((await ask("/elsewhere")).status).toBe(404);
});

test("worker: without its binding or its secret, readiness is 503 and `onError` gets the fix", async () => {
  const errors: unknown[] = [];
  const authorize = () => ({ actor: "ada" });
  const { worker: bare } = cloudflare({ domain, authorize, onError: (error) => void errors.push(error) });
  const statusOf = async (path: string, bindings: object) =>
    (await bare.fetch(new Request(`https://example.org${path}`), bindings)).status;
  expect(await statusOf("/sync/readyz", {})).toBe(503);
  expect(await statusOf("/sync/readyz", { LOGS: env.LOGS, TICKET_SECRET: "short" })).toBe(503);
  expect(await statusOf("/sync/logs/x", {})).toBe(500);
  expect(errors).toMatchObject([
    { code: "definition", message: "The Worker has no Durable Object binding named LOGS" },
    { code: "definition", fix: expect.stringContaining("wrangler secret put TICKET_SECRET") as string },
    { code: "definition" },
  ]);
});

test("worker: a binding of another kind under the name of the objects is reported", async () => {
  const errors: unknown[] = [];
  const { worker: bare } = cloudflare({
    domain,
    authorize: () => ({ actor: "ada" }),
    onError: (error) => void errors.push(error),
  });
  const { TICKET_SECRET, SERVICE } = env;
  for (const LOGS of [SERVICE, "a text", {}, 5, null]) {
    const response = await bare.fetch(new Request("https://example.org/sync/readyz"), { LOGS, TICKET_SECRET });
    expect(response.status).toBe(503);
    expect(errors.splice(0)).toMatchObject([
      { code: "definition", message: expect.stringContaining("named LOGS") as string },
    ]);
  }
});

test("worker: a secret that is no text or blank is reported, and not used", async () => {
  const errors: unknown[] = [];
  const { worker: bare } = cloudflare({
    domain,
    authorize: () => ({ actor: "ada" }),
    onError: (error) => void errors.push(error),
  });
  const { LOGS } = env;
  for (const [TICKET_SECRET, reason] of [
    ["", "is shorter than 16 characters"],
    [" ".repeat(20), "is shorter than 16 characters"],
    [undefined, "is missing"],
    [12_345_678_901_234_567n, "is not a text"],
    [{ get: () => "x".repeat(20) }, "is not a text"],
  ] as const) {
    const response = await bare.fetch(new Request("https://example.org/sync/readyz"), { LOGS, TICKET_SECRET });
    expect(response.status).toBe(503);
    expect(errors.splice(0)).toMatchObject([
      { code: "definition", message: `The Worker's secret TICKET_SECRET ${reason}` },
    ]);
  }
});

test.each([
  ["without its secret", secretless, "SECRETLESS_LOGS", /secret MISSING is missing/],
  ["in a class without SQLite", keyValue, "KEY_VALUE_LOGS", /new_sqlite_classes/],
] as const)(
  "object: %s, requests get 503 and calls an error, and `onError` gets the fix",
  async (_, server, name, fix) => {
    const { request, log } = newLog(server.worker, env[name]);
    const headers = { authorization, "content-type": "application/json" };
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/commits"],
    ] as const) {
      const body = method === "POST" ? JSON.stringify({ after: null, domain: 1, commits: [] }) : null;
      const response = await request(`/logs/${log}${path}`, { method, headers, body });
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: "unavailable", retry: "later" } });
      expect(app.errors.splice(0)).toMatchObject([
        { code: "definition", message: expect.stringMatching(fix) as string },
      ]);
    }
    for (const call of [server.logs(env).drop(log), server.logs(env).log(log).exists(task, "t1")])
      await expect(call).rejects.toMatchObject({ code: "definition", message: expect.stringMatching(fix) as string });
    expect(await runDurableObjectAlarm(env[name].getByName(log))).toBe(false);
    app.errors.splice(0);
  },
);

test("cloudflare: refuses a limit that is no number, because it would limit nothing", () => {
  const authorize = () => ({ actor: "ada" });
  for (const name of ["storageBytesMax", "permitEveryMs", "handlersPerWakeMax"])
    for (const wrong of [Number.NaN, "9000", 0, null])
      expect(() => cloudflare({ domain, authorize, [name]: wrong }), `${name} ${wrong}`).toThrow(
        expect.objectContaining({ code: "definition" }),
      );
});

test("cloudflare: refuses an unknown option and lists the known ones", () => {
  const options = { domain, authorize: () => ({ actor: "ada" }) };
  for (const name of ["permitt", "store", "ticketSecret"])
    expect(() => cloudflare({ ...options, [name]: "nobody" }), name).toThrow(
      expect.objectContaining({
        code: "definition",
        message: `\`cloudflare\` has no option ${name}`,
        fix: expect.stringMatching(/^Its options are domain, authorize, permit, .*, handlersPerWakeMax\.$/) as string,
        details: { option: name },
      }),
    );
});

test("worker: replaces a client's own principal header by the verified sender", async () => {
  const { person } = newLog();
  const ada = person("ada");
  const body = { after: null, domain: 1, commits: [ada.commit(add("t1"))] };
  const forged = { "dacapo-principal": "%7B%22actor%22%3A%22bob%22%7D" };
  expect((await ada.request("commits", body, forged)).status).toBe(200);
  expect(await ada.pull()).toMatchObject({ records: [{ actor: "ada" }] });
});

test("worker: an actor's name may have letters of any language", async () => {
  const errors: unknown[] = [];
  const authorize = () => ({ actor: "Zoë 语" });
  const { worker: other } = cloudflare({ domain, authorize, onError: (error) => void errors.push(error) });
  const { status } = await other.fetch(new Request("https://example.org/sync/logs/letters"), env);
  expect({ status, errors }).toEqual({ status: 200, errors: [] });
});

test("permit: decides about the right to read once a request, in the Worker alone", async () => {
  const { person, ticket, upgrade } = newLog();
  const ada = person("ada");
  const asked = async (request: () => Promise<unknown>) => {
    app.permitted.length = 0;
    await request();
    return [...app.permitted];
  };
  expect(await asked(() => ada.push([ada.commit(add("t1"))]))).toEqual(["read", "write", "record"]);
  for (const path of ["", "records", "streams/task/t1", "export"])
    expect(await asked(() => ada.request(path)), path).toEqual(["read"]);
  let hers = "";
  expect(await asked(async () => void (hers = await ticket("token-of-ada")))).toEqual(["read"]);
  expect(await asked(async () => (await upgrade({ ticket: hers })).webSocket?.accept())).toEqual(["read"]);
});

test("permit: a client cannot claim that its right was checked", async () => {
  const { log } = newLog();
  app.refused.add("bob");
  const headers = { authorization: "Bearer token-of-bob", "dacapo-checked": "read" };
  expect((await ask(`/sync/logs/${log}`, { headers })).status).toBe(403);
  app.refused.delete("bob");
});

test("logObject: a request for another log, or without a verified sender, is refused", async () => {
  const { stub, log } = newLog();
  const statusOf = async (path: string, headers: Record<string, string> = {}) =>
    (await stub.fetch(`https://example.org/sync${path}`, { headers })).status;
  expect(await statusOf(`/logs/${log}`, { authorization })).toBe(401);
  expect(await statusOf("/logs/another", { "dacapo-principal": "%7B%22actor%22%3A%22ada%22%7D" })).toBe(404);
  expect(app.errors.splice(0)).toMatchObject([
    { code: "definition", message: `A request for the log another reached the object ${log}` },
  ]);
});

test("logObject: reads of a log without a record store nothing", async () => {
  const { stub, person } = newLog();
  const ada = person("ada");
  expect(await ada.pull()).toMatchObject({ head: 0, records: [] });
  for (const path of ["", "export", "streams/task/t1"]) expect((await ada.request(path)).status).toBe(200);
  const tables = () =>
    runInDurableObject(stub, (_, { storage }) => storage.sql.exec("select name from sqlite_master").toArray().length);
  expect(await tables()).toBe(0);
  await ada.push([ada.commit(add("t1"))]);
  expect(await tables()).toBeGreaterThan(5);
});

test("worker: an operator's request reaches the object of its log, with and without a body", async () => {
  const log = "log-of-an-operator";
  const admin = async (method: string, path: string, body?: string) => {
    const headers = { authorization, ...(body !== undefined && json) };
    const response = await ask(`/sync/logs/${log}${path}`, { method, headers, ...(body !== undefined && { body }) });
    return `${response.status} ${await response.text()}`;
  };
  expect(await admin("GET", "/models")).toBe('200 {"models":[]}');
  expect(await admin("GET", "/subscribers")).toBe('200 {"subscribers":[]}');
  expect(await admin("POST", "/models/board/purge")).toContain("has no model board");
  expect(await admin("POST", "/models/board/rebuild", '{"duty":2}')).toContain("duty is not above 0");
});
