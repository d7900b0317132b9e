// The spans and metrics of a real server, by the real OpenTelemetry SDK. `docs/operating.md` lists them.
import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import {
  type Context,
  context,
  type ContextManager,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { subscriber } from "../../../src/sync-server/app.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { openTelemetry } from "../../../src/sync-server/telemetry.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { StorageLostError } from "../../../src/core/values/errors.ts";
import { domain, task } from "../../support/board-domain.ts";
import { device, until } from "../../support/device.ts";
import { firstBatchOf } from "../../support/first-batch.ts";
import { liveClient } from "../../support/live-client.ts";
import { runningServer } from "../../support/running-server.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { root } from "../../support/samples.ts";
import { person, testServer } from "../../support/sync-requests.ts";
import { startServer } from "../../support/server.ts";
import { type KeptSpan, keptTelemetry } from "../../support/telemetry.ts";

const CANARY = "c4n4ryBird";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const { start, stopAll } = runningServer();
const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });
const parentOf = (span: KeptSpan | undefined) => span?.parentSpanContext?.spanId;
const idOf = (span: KeptSpan | undefined) => span?.spanContext().spanId;

function boundTo(target: object, value: unknown): unknown {
  return typeof value === "function" ? (value.bind(target) as unknown) : value;
}

/** The manager of an SDK for Node: the current context follows each `await`. */
function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (current, work, self, ...values) => storage.run(current, () => work.call(self as never, ...values)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

beforeAll(() => void propagation.setGlobalPropagator(new W3CTraceContextPropagator()));
afterAll(() => propagation.disable());
afterEach(stopAll);

test("push: a device's push is one trace: the push, its batch, the decision and the append", async () => {
  const { telemetry, named, metric } = keptTelemetry();
  const server = await startServer({ telemetry });
  const tab = await device(domain, "board", "ada").open({ url: server.url });
  await tab.execute([add("t1")]);
  await until(() => tab.status().pending === 0 && named("dacapo.push").length > 0, "the push");
  const [push] = named("dacapo.push");
  const [batch] = named("dacapo.batch");
  const [decide] = named("dacapo.decide");
  const [append] = named("dacapo.append");
  expect(push).toMatchObject({ kind: SpanKind.SERVER, attributes: { "dacapo.log": "board", "dacapo.commits": 1 } });
  expect(push?.attributes).toMatchObject({ "dacapo.recorded": 1, "dacapo.rejected": 0 });
  expect(Number(push?.attributes["dacapo.bytes"])).toBeGreaterThan(100);
  expect(push?.parentSpanContext).toBeUndefined();
  expect(parentOf(batch)).toBe(idOf(push));
  expect(parentOf(decide)).toBe(idOf(batch));
  expect(parentOf(append)).toBe(idOf(batch));
  expect(append?.attributes).toEqual({ "dacapo.log": "board", "dacapo.records": 1, "dacapo.events": 1 });
  expect(new Set([push, batch, decide, append].map((span) => span?.spanContext().traceId)).size).toBe(1);
  await until(() => tab.status().connection === "live", "the socket");
  await tab.close();
  await server.close();
  expect(await metric("dacapo.commits")).toMatchObject([{ attributes: { "dacapo.outcome": "recorded" }, value: 1 }]);
  expect(await metric("dacapo.events")).toMatchObject([{ value: 1 }]);
  for (const name of ["push", "append", "decide", "batch"])
    expect(await metric(`dacapo.${name}.duration`)).toMatchObject([{ count: 1 }]);
  expect(await metric("dacapo.batch.size")).toMatchObject([{ count: 1, value: 1 }]);
  expect(await metric("dacapo.queue.length")).toMatchObject([{ value: 0 }]);
  expect(await metric("dacapo.sockets")).toMatchObject([{ value: 0 }]);
});

test("push: without a current span, its parent is the sender's traceparent", async () => {
  const { telemetry, named } = keptTelemetry();
  const { person } = await start({ telemetry });
  const ada = person("ada");
  const body = { after: null, domain: domain.definition.version, commits: [ada.commit(add("t1"))] };
  await ada.request("commits", body, { traceparent: `00-${TRACE}-b7ad6b7169203331-01` });
  expect(named("dacapo.push")[0]?.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: "b7ad6b7169203331" });
});

test("push: the current span is the parent, and functions of the app run in it", async () => {
  const { telemetry, named } = keptTelemetry();
  const seen: unknown[] = [];
  const permit = () => seen.push(trace.getActiveSpan()?.spanContext().spanId) > 0;
  const server = testServer({ telemetry, permit });
  context.setGlobalContextManager(contextManager());
  try {
    const outer = trace.wrapSpanContext({ traceId: TRACE, spanId: "00f067aa0ba902b7", traceFlags: 1 });
    const other = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
    await context.with(trace.setSpan(context.active(), outer), () =>
      person(server, "ada").request("records", undefined, other),
    );
  } finally {
    context.disable();
    await server.close();
  }
  const [pull] = named("dacapo.pull");
  expect(pull).toMatchObject({ kind: SpanKind.INTERNAL });
  expect(parentOf(pull)).toBe("00f067aa0ba902b7");
  expect(seen).toEqual([idOf(pull)]);
});

test("push: a batch of several pushes is a child of the first, and has links to the others", async () => {
  const { telemetry, named } = keptTelemetry();
  const { person } = await start(firstBatchOf(8, telemetry));
  const ada = person("ada");
  await Promise.all(Array.from({ length: 8 }, (_, n) => ada.push([ada.commit(add(`t${n}`))])));
  const pushes = new Set(named("dacapo.push").map(idOf));
  const batches = named("dacapo.batch");
  const causes = batches.flatMap((batch) => [parentOf(batch), ...batch.links.map(({ context: { spanId } }) => spanId)]);
  expect(pushes.size).toBe(8);
  expect(new Set(causes)).toEqual(pushes);
  expect(causes).toHaveLength(8);
  expect(batches).toHaveLength(1);
});

test("frame.lag: the histogram counts each frame of new records, once for each socket", async () => {
  const { telemetry, metric, named } = keptTelemetry();
  const { url, person } = await start({ telemetry });
  const ada = person("ada");
  const old = await ada.push([ada.commit(add("t0"))]);
  const sockets = [await liveClient(url, "ada"), await liveClient(url, "bob"), await liveClient(url, "bob")];
  for (const socket of sockets) await socket.next("records");
  expect(await metric("dacapo.frame.lag")).toEqual([]);
  await until(() => named("dacapo.catch_up").length === 3, "three sockets that caught up");
  const before = Date.now();
  for (let n = 1; n <= 4; n++) {
    await ada.push([ada.commit(add(`t${n}`))]);
    for (const socket of sockets) await socket.next("records");
  }
  const seconds = (Date.now() - before) / 1000;
  expect(old.outcomes).toHaveLength(1);
  const [lag, ...others] = await metric("dacapo.frame.lag");
  expect(others).toEqual([]);
  expect(lag).toMatchObject({ count: 12, attributes: {} });
  expect(lag?.value).toBeLessThanOrEqual(12 * seconds);
  const frames = await metric("dacapo.frames");
  expect(frames.find(({ attributes }) => attributes["dacapo.frame.type"] === "records")?.value).toBe(15);
  expect(await metric("dacapo.sockets")).toMatchObject([{ value: 3 }]);
});

test("telemetry: refusals, failures of the store and bytes are counted by their kind", async () => {
  const { telemetry, metric, named } = keptTelemetry();
  const disk = sqlite(":memory:");
  let isBroken = false;
  const store: EventStore = new Proxy(disk, {
    get: (target, key) =>
      isBroken && key === "append"
        ? () => Promise.reject(new StorageLostError({ message: `lost ${CANARY}`, fix: "none" }))
        : boundTo(target, Reflect.get(target, key)),
  });
  const { person } = await start({ telemetry, store, onError: () => {} });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"))]);
  const nobody = { authorization: "Bearer wrong" };
  expect((await ada.request("", undefined, nobody)).status).toBe(401);
  const [sent, received] = ["transmit", "receive"].map((way) => ({ "network.io.direction": way }));
  const io = await metric("dacapo.io");
  for (const attributes of [sent, received])
    expect(
      io.find((series) => series.attributes["network.io.direction"] === attributes?.["network.io.direction"])?.value,
    ).toBeGreaterThan(100);
  isBroken = true;
  const body = { after: null, domain: domain.definition.version, commits: [ada.commit(add("t2"))] };
  expect((await ada.request("commits", body)).status).toBe(503);
  const failed = named("dacapo.push").at(-1);
  expect(failed).toMatchObject({ attributes: { "error.type": "unavailable" }, status: { code: SpanStatusCode.ERROR } });
  expect(named("dacapo.append").at(-1)).toMatchObject({ attributes: { "error.type": "storage-lost" } });
  const refusals = await metric("dacapo.refusals");
  expect(new Map(refusals.map(({ attributes, value }) => [attributes["error.type"], value]))).toEqual(
    new Map([
      ["unauthorized", 1],
      ["unavailable", 1],
    ]),
  );
  expect(await metric("dacapo.failures")).toMatchObject([{ attributes: { "error.type": "storage-lost" } }]);
});

test("export, import and drop: each is a span, and the export ends with its last byte", async () => {
  const { telemetry, named, metric } = keptTelemetry();
  const { person, server } = await start({ telemetry });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"), add("t2"))]);
  const archive = await (await ada.request("export")).text();
  expect(named("dacapo.export")).toMatchObject([{ attributes: { "dacapo.bytes": Buffer.byteLength(archive) } }]);
  const lines = archive.trimEnd().split("\n");
  const other = await start({ telemetry });
  await other.server.importLog("board", lines);
  expect(named("dacapo.import")).toMatchObject([{ attributes: { "dacapo.records": 1, "dacapo.events": 2 } }]);
  await expect(other.server.importLog("other", lines)).rejects.toMatchObject({ code: "invalid" });
  expect(named("dacapo.import")[1]).toMatchObject({ attributes: { "error.type": "invalid" } });
  await server.drop("board");
  expect(named("dacapo.drop")).toHaveLength(1);
  expect(await metric("dacapo.import.duration")).toHaveLength(2);
});

test("telemetry: spans and metrics contain no contents, no tokens, no actors", async () => {
  const { telemetry, text, named } = keptTelemetry();
  const actor = `${CANARY}@example.org`;
  const { url, person } = await start({
    telemetry,
    authorize: () => ({ actor, note: CANARY }),
    onError: () => {},
  });
  const writer = { ...person("ada"), actor };
  const commit = { ...writer.commit(add(`t-${CANARY}`, CANARY)), actor, meta: { note: CANARY } };
  const wrong = { ...writer.commit(add(`t-${CANARY}`, CANARY)), actor };
  const socket = await liveClient(url, "ada");
  const push = (commits: readonly unknown[]) =>
    writer.request("commits", { after: null, domain: domain.definition.version, commits }, { cookie: CANARY });
  expect((await push([commit])).status).toBe(200);
  expect((await push([wrong])).status).toBe(200);
  expect((await push([{ ...commit, commands: CANARY }, CANARY])).status).toBe(400);
  await writer.request(`streams/task/${CANARY}`);
  await writer.request(`records?after=${CANARY}`);
  await (await writer.request("export")).text();
  socket.send({ type: "presence", client: crypto.randomUUID(), data: CANARY });
  await socket.next("records");
  socket.close();
  expect(named("dacapo.push")).toHaveLength(3);
  const everything = await text();
  expect(everything).toContain("dacapo.frame.lag");
  expect(everything).not.toContain(CANARY);
});

test("telemetry: events that a follower parks are counted by its name", async () => {
  const { telemetry, metric } = keptTelemetry();
  const failing = subscriber("failing", {
    from: [task],
    start: "beginning",
    retry: { attempts: 1 },
    on: { TaskAdded: () => Promise.reject(new Error("broken")) },
  });
  const { server } = await start({ telemetry, subscribers: [failing], onError: () => {} });
  await server.log("board").execute([add("t1"), add("t2")]);
  await until(
    async () => (await server.log("board").subscribers.list()).every(({ parked }) => parked === 2),
    "the parked events",
  );
  expect(await metric("dacapo.parked")).toMatchObject([
    { attributes: { "dacapo.follower": "subscriber failing" }, value: 2 },
  ]);
});

test("openTelemetry: the scope of its spans and metrics has the version of the package", () => {
  const { version } = parseOwnJson<{ version: string }>(readFileSync(`${root}/package.json`, "utf8"));
  const exporter = new InMemorySpanExporter();
  const processor = new SimpleSpanProcessor({ exporter });
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [processor] }));
  try {
    openTelemetry().startSpan("push", []).end();
  } finally {
    trace.disable();
  }
  expect(exporter.getFinishedSpans()[0]?.instrumentationScope).toMatchObject({ name: "dacapo", version });
});

test("telemetry: no metric has an attribute with the name of a log", async () => {
  const { telemetry, text } = keptTelemetry();
  const { person } = await start({ telemetry });
  const ada = person("ada", "a-log-of-its-own");
  await ada.push([ada.commit(add("t1"))]);
  const [metrics] = JSON.parse(await text()) as [unknown[], unknown[]];
  expect(metrics.length).toBeGreaterThan(5);
  expect(JSON.stringify(metrics)).not.toContain("a-log-of-its-own");
});

test("telemetry: the page for operators lists each span and each metric", async () => {
  const { telemetry, text } = keptTelemetry();
  const page = readFileSync(`${root}/docs/operating.md`, "utf8");
  const { person, url } = await start({ telemetry });
  const ada = person("ada");
  const socket = await liveClient(url, "bob");
  await ada.push([ada.commit(add("t1"))]);
  await socket.next("records");
  await ada.pull();
  await ada.request("nowhere");
  const names = new Set([...(await text()).matchAll(/"(dacapo\.[a-z._]+)"/g)].map(([, name]) => String(name)));
  expect(names.size).toBeGreaterThan(20);
  expect([...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
