// The routes of an operator, on a real server: rights, verbs, progress and clear refusals.
import { afterEach, expect, test } from "vitest";
import { type AdminRequest, subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { board, columnCounts, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { fulfilmentOf, order, POISON, shop } from "../../../support/orders-domain.ts";
import { testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const refusing = subscriber("refusing", {
  from: [task],
  start: "beginning",
  retry: { attempts: 1, firstMs: 1, maxMs: 1 },
  on: {
    TaskAdded: ({ data }) => {
      if (data.title === "bad") throw new Error("no such address");
    },
  },
});

async function started(options: Parameters<typeof testServer>[0] = {}): Promise<SyncServer> {
  const server = testServer({
    store: memory(),
    models: [board],
    subscribers: [refusing],
    onError: () => {},
    admin: ({ actor }) => actor === "ada",
    ...options,
  });
  servers.push(server);
  await server.log("board").execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await server.log("board").execute(task.command.add("t2", { title: "bad", column: "todo" }));
  return server;
}

type Answer = { readonly status: number; readonly body: Record<string, unknown> };

async function call(server: SyncServer, path: string, body?: unknown, actor = "ada"): Promise<Answer> {
  const [method = "GET", place = ""] = path.split(" ");
  const response = await server.request(`/logs/board${place}`, {
    method,
    headers: {
      authorization: `Bearer token-of-${actor}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const codeOf = ({ status, body }: Answer): string => `${status} ${(body["error"] as { code: string }).code}`;

test("admin routes: without the option `admin` no address exists", async () => {
  const server = testServer({ models: [board] });
  servers.push(server);
  for (const path of [
    "GET /models",
    "POST /models/board/rebuild",
    "GET /subscribers",
    "POST /subscribers/a/pause",
    "GET /processes",
  ])
    expect(codeOf(await call(server, path)), path).toBe("404 not-found");
});

test("admin routes: `admin` gets the action and alone decides, and the token comes first", async () => {
  const seen: AdminRequest[] = [];
  const server = await started({
    permit: () => false,
    admin: ({ actor }, request) => {
      seen.push(request);
      return actor === "ada" && request.verb !== "delete";
    },
  });
  expect((await call(server, "GET /models")).status).toBe(200);
  expect((await call(server, "POST /models/board/rebuild")).status).toBe(200);
  expect(codeOf(await call(server, "POST /models/board/delete", { key: "task/t1" }))).toBe("403 forbidden");
  expect(codeOf(await call(server, "GET /subscribers", undefined, "bob"))).toBe("403 forbidden");
  expect(codeOf(await call(server, "GET /models", undefined, "nobody"))).toBe("401 unauthorized");
  expect(seen).toEqual([
    { log: "board", verb: "list" },
    { log: "board", verb: "rebuild", model: "board" },
    { log: "board", verb: "delete", model: "board" },
    { log: "board", verb: "list" },
  ]);
});

test("admin routes: an `admin` that throws or returns something else than true is no right", async () => {
  const failing = await started({ admin: () => Promise.reject(new Error("no database")) });
  expect(codeOf(await call(failing, "GET /models"))).toBe("503 unavailable");
  // The cast is needed, because the compiler refuses this function.
  const vague = await started({ admin: (() => "yes") as unknown as () => boolean });
  expect(codeOf(await call(vague, "GET /models"))).toBe("403 forbidden");
});

test("admin routes: rebuild and verify start at once, and GET shows their progress", async () => {
  const server = await started();
  await until(async () => (await call(server, "GET /models/board")).body["phase"] === "ready", "ready rows");
  expect((await call(server, "POST /models/board/rebuild", { onError: "stop", duty: 1 })).body).toMatchObject({
    name: "board",
    job: { kind: "build" },
  });
  const job = async () => (await call(server, "GET /models/board")).body["job"];
  await until(async () => ((await job()) as { phase: string }).phase === "done", "the rebuild");
  expect(await job()).toMatchObject({ kind: "build", done: 2, of: 2, parked: 0 });
  await call(server, "POST /models/board/verify");
  await until(async () => ((await job()) as { phase: string }).phase === "done", "the comparison");
  const { body } = await call(server, "GET /models/board");
  expect(body).toMatchObject({ job: { kind: "verify" }, verified: { rows: 2, differences: [], more: false } });
  const { models } = (await call(server, "GET /models")).body;
  expect(models).toMatchObject([{ name: "board", phase: "ready", job: { phase: "done" } }]);
});

test("admin routes: purge, populate, delete and parked change and show the rows", async () => {
  const server = await started();
  const rows = async () => (await server.log("board").rows("board")).rows.map(({ key }) => key);
  await until(async () => (await rows()).length === 2, "the rows");
  expect((await call(server, "POST /models/board/purge")).body).toMatchObject({ phase: "purged" });
  await call(server, "POST /models/board/populate");
  await until(async () => (await call(server, "GET /models/board")).body["phase"] === "ready", "ready rows");
  await call(server, "POST /models/board/delete", { key: "task/t2" });
  expect(await rows()).toEqual(["task/t1"]);
  expect((await call(server, "GET /models/board/parked")).body).toEqual({ parked: [] });
});

test("admin routes: subscribers are listed, paused, resumed, retried, skipped and reset", async () => {
  const server = await started();
  const state = async () => (await call(server, "GET /subscribers/refusing")).body;
  await until(async () => (await state())["parked"] === 1, "the parked event");
  const parked = (await call(server, "GET /subscribers/refusing/parked")).body["parked"];
  const [{ event, reason } = { event: "", reason: "" }] = parked as { event: string; reason: string }[];
  expect(reason).toContain("no such address");
  expect((await call(server, "POST /subscribers/refusing/retry", { events: [event] })).body["retried"]).toBe(1);
  await until(async () => (await state())["parked"] === 1, "the parked event again");
  const skip = await call(server, "POST /subscribers/refusing/skip", { event, reason: "wrong address" });
  expect(skip.body).toMatchObject({ parked: 0, skipped: [{ event, reason: "wrong address" }] });
  expect((await call(server, "POST /subscribers/refusing/pause")).body["state"]).toBe("paused");
  expect((await call(server, "POST /subscribers/refusing/resume")).body["state"]).toBe("running");
  const reset = await call(server, "POST /subscribers/refusing/reset", { from: "beginning", effects: "repeat" });
  expect(reset.status).toBe(200);
  await until(async () => (await state())["parked"] === 1, "the parked event after the reset");
  expect((await call(server, "GET /subscribers")).body["subscribers"]).toMatchObject([{ name: "refusing" }]);
});

test("admin routes: processes are listed, paused, resumed, retried, skipped and reset", async () => {
  let isBroken = true;
  const fulfilment = fulfilmentOf({ isPoisoned: () => isBroken });
  const server = testServer({
    domain: shop,
    store: memory(),
    subscribers: [fulfilment],
    onError: () => {},
    admin: ({ actor }, { process, verb }) => actor === "ada" && (process === "fulfilment" || verb === "list"),
  });
  servers.push(server);
  const log = server.log("board");
  await log.execute(order.command.place("o1", { amount: 5 }));
  for (const text of [POISON, "behind"]) await log.execute(order.command.note("o1", { text }));
  const state = async () => (await call(server, "GET /processes/fulfilment")).body;
  await until(async () => (await state())["parked"] === 1 && (await state())["commands"] === 1, "the parked event");
  expect((await call(server, "GET /processes")).body["processes"]).toMatchObject([{ name: "fulfilment", waiting: 2 }]);
  const { parked } = (await call(server, "GET /processes/fulfilment/parked")).body;
  const [{ id, reason } = { id: "", reason: "" }] = parked as { id: string; reason: string }[];
  expect(reason).toBe("Error: poison");
  const { commands } = (await call(server, "GET /processes/fulfilment/commands?limit=5")).body;
  expect(commands).toMatchObject([{ process: "order/o1", timer: "payment-late", failures: 0 }]);
  const behind = (await call(server, "GET /processes/fulfilment/commands?after=order/o1")).body;
  expect(behind).toEqual({ commands: [] });
  isBroken = false;
  expect((await call(server, "POST /processes/fulfilment/retry", { ids: [id] })).body["retried"]).toBe(1);
  await until(async () => (await state())["waiting"] === 0, "the retried event");
  expect((await call(server, "POST /processes/fulfilment/pause")).body["state"]).toBe("paused");
  expect((await call(server, "POST /processes/fulfilment/resume")).body["state"]).toBe("running");
  isBroken = true;
  await log.execute(order.command.note("o1", { text: POISON }), { actor: "bob" });
  await until(async () => (await state())["parked"] === 1, "the second parked event");
  const [again] = await log.processes.parked(fulfilment);
  const skip = await call(server, "POST /processes/fulfilment/skip", { id: again?.id, reason: "no answer" });
  expect(skip.body).toMatchObject({ parked: 0, skipped: [{ reason: "no answer" }] });
  const reset = await call(server, "POST /processes/fulfilment/reset", { from: "beginning", effects: "repeat" });
  expect(reset.body).toMatchObject({ name: "fulfilment", at: null });
  expect(codeOf(await call(server, "GET /processes/other"))).toBe("403 forbidden");
  expect(codeOf(await call(server, "GET /processes/fulfilment/commands?limit=0"))).toBe("400 bad-request");
  expect(codeOf(await call(server, "POST /processes/fulfilment/commands"))).toBe("404 not-found");
});

test("admin routes: populate with streams folds them again, and says what they lack", async () => {
  const server = await started({ models: [board, columnCounts] });
  await until(async () => (await call(server, "GET /models/board")).body["phase"] === "ready", "ready rows");
  await call(server, "POST /models/board/delete", { key: "task/t1" });
  const { status, body } = await call(server, "POST /models/board/populate", { streams: ["task/t1"] });
  expect([status, body]).toMatchObject([200, { phase: "ready", populated: { streams: ["task/t1"], parked: [] } }]);
  expect((await server.log("board").rows(board)).rows.map(({ key }) => key)).toEqual(["task/t1", "task/t2"]);
  const refused = await call(server, "POST /models/column-counts/populate", { streams: ["task/t1"] });
  expect(codeOf(refused)).toBe("400 bad-request");
  expect(JSON.stringify(refused.body)).toContain("may belong to several streams");
});

test("admin routes: a wrong name, verb, body or state is a clear refusal", async () => {
  const server = await started();
  const refusals: readonly (readonly [string, unknown, string, string])[] = [
    ["POST /models/board/drop", undefined, "404 not-found", "rebuild, populate"],
    ["POST /models/other/rebuild", undefined, "404 not-found", "Its models: board"],
    ["POST /subscribers/other/pause", undefined, "404 not-found", "no subscriber other"],
    ["GET /subscribers/other", undefined, "404 not-found", "no subscriber other"],
    ["POST /models/board/rebuild", { duty: 2 }, "400 bad-request", "duty"],
    ["POST /models/board/rebuild", [], "400 bad-request", "not an object"],
    ["POST /models/board/populate", { stream: ["task/t1"] }, "400 bad-request", "onError, duty, streams"],
    ["POST /subscribers/refusing/retry", { event: "x" }, "400 bad-request", "The known ones are events"],
    ["GET /models?limit=1", undefined, "400 bad-request", "The known ones are none"],
    ["GET /processes/other/commands?max=1", undefined, "400 bad-request", "The known ones are after, limit"],
    ["POST /models/board/delete", {}, "400 bad-request", "key is missing"],
    ["POST /models/board/retry", { event: "x" }, "400 bad-request", "parked events of board"],
    ["POST /models/board/pause", undefined, "409 concurrency", "no job"],
    ["POST /subscribers/refusing/skip", { event: "x", reason: "y" }, "400 bad-request", "not parked"],
    ["POST /subscribers/refusing/reset", { effects: "repeat" }, "400 bad-request", "either"],
    ["POST /subscribers/refusing/reset", { effects: "repeat", cursor: "7-a" }, "409 diverged", "cursor"],
  ];
  for (const [path, body, code, text] of refusals) {
    const answer = await call(server, path, body);
    expect(codeOf(answer), path).toBe(code);
    expect(JSON.stringify(answer.body), path).toContain(text);
  }
  await server.drop("board");
  expect(codeOf(await call(server, "GET /models"))).toBe("410 gone");
});
