// Which bases a server keeps, and what it does with one that is too large, too old or of another history.
import { expect, test } from "vitest";
import { defineDomain } from "dacapo";
import { type Cursor, encodeCursor } from "../../../../src/core/history/record.ts";
import { type Env, runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import type { BaseOptions } from "../../../../src/sync-server/bases/base-option.ts";
import { Bases } from "../../../../src/sync-server/bases/bases.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelStore } from "../../../../src/sync-server/stores/model-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { column, domain, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { fillBoard, taskAdded } from "../../../support/filled-log.ts";

const LOG = "board";

function basesOf(store: EventStore, base: BaseOptions, env: Env = runtimeEnv, of = domain): Bases {
  const report = (error: unknown): void => console.error(error);
  return new Bases({ store, domain: of.definition, base, env, report, isBusy: () => false, ticks: false, turn: null });
}

async function appendTask(store: EventStore, position: number, title = "Milk"): Promise<Cursor> {
  const record = taskAdded(position);
  const [event] = record.events;
  const events = event ? [{ ...event, data: { title, column: "todo" } }] : [];
  const before = position === 1 ? null : { position: position - 1, mark: `m${position - 1}` };
  await store.append(LOG, batch(before, { records: [storedRecord({ ...record, events })] }));
  return { position, mark: `m${position}` };
}

async function baseNames(store: EventStore): Promise<readonly string[]> {
  const found = await store.models?.followers(LOG);
  return found?.kind === "open" ? found.followers.map(({ name }) => name.replace(/^base\/\w+/, "base")) : [];
}

const pagesOf = async (bases: Bases): Promise<number> => (await bases.newest(LOG))?.notes.pages.length ?? 0;
const positionOf = async (bases: Bases): Promise<number> => (await bases.newest(LOG))?.at.position ?? 0;

test("base: a log gets one after everyEvents, and the next one after as many again", async () => {
  const store = memory();
  const bases = basesOf(store, { everyEvents: 3 });
  for (let position = 1; position <= 8; position++) bases.appended(LOG, await appendTask(store, position));
  await until(async () => (await positionOf(bases)) >= 6, "a base after 6 events");
  expect(await positionOf(bases)).toBeLessThanOrEqual(8);
  await bases.close();
});

test("base: a clock that jumps by hours while pushes wait makes no rest of hours", async () => {
  const store = memory();
  await fillBoard(store, 1_200);
  let ms = 0;
  const delays: number[] = [];
  const env: Env = {
    ...runtimeEnv,
    now: () => (ms += 3_600_000),
    setTimer: (run, delayMs) => {
      delays.push(delayMs);
      return runtimeEnv.setTimer(run, 0);
    },
  };
  const report = (error: unknown): void => console.error(error);
  const base = { everyEvents: 1_000 };
  const bases = new Bases({
    store,
    domain: domain.definition,
    base,
    env,
    report,
    isBusy: () => true,
    ticks: false,
    turn: null,
  });
  bases.appended(LOG, { position: 1_200, mark: "m1200" });
  await until(async () => (await positionOf(bases)) === 1_200, "a base");
  await bases.close();
  expect(Math.max(...delays)).toBe(40_000);
});

test("base: a log below everyEvents has none, and costs no read", async () => {
  const store = memory();
  let reads = 0;
  const { models } = store;
  if (!models) throw new Error("The store keeps no models");
  const followers: ModelStore["followers"] = (log) => (reads++, models.followers(log));
  const counted = Object.assign(store, { models: { ...models, followers } });
  const bases = basesOf(counted, { everyEvents: 3 });
  for (let position = 1; position <= 2; position++) bases.appended(LOG, await appendTask(store, position));
  await bases.close();
  expect(reads).toBe(0);
});

test("base: above bytesMax the log has none, and its last base stays readable", async () => {
  const store = memory();
  const bases = basesOf(store, { everyEvents: 2, bytesMax: 2_000 });
  await appendTask(store, 1);
  bases.appended(LOG, await appendTask(store, 2));
  await until(async () => (await positionOf(bases)) === 2, "the first base");
  await appendTask(store, 3, "m".repeat(200));
  for (let position = 4; position < 12; position++)
    bases.appended(LOG, await appendTask(store, position, "m".repeat(200)));
  await bases.close();
  expect(await positionOf(bases)).toBe(2);
});

test("base: above 4 MiB its pages are written in steps, and only whole bases are read", async () => {
  const store = memory();
  const bases = basesOf(store, { everyEvents: 1_000 });
  const long = "m".repeat(2_000);
  const records = Array.from({ length: 3_000 }, (_, n) => {
    const record = taskAdded(n + 1);
    const [event] = record.events;
    return storedRecord({ ...record, events: event ? [{ ...event, data: { title: long, column: "todo" } }] : [] });
  });
  await store.append(LOG, batch(null, { records }));
  bases.appended(LOG, { position: 3_000, mark: "m3000" });
  await until(async () => (await positionOf(bases)) === 3_000, "the base");
  const base = await bases.newest(LOG);
  expect(base?.notes.pages.length).toBeGreaterThan(8);
  for (const [n, { bytes }] of (base?.notes.pages ?? []).entries()) {
    const text = await bases.page(LOG, { position: 3_000, mark: "m3000" }, n);
    expect(new TextEncoder().encode(text ?? "").byteLength).toBe(bytes);
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  }
  expect(await baseNames(store)).toEqual(["base/3000"]);
  await bases.close();
});

test("base: the last one stays ten minutes after the next one is there, and then goes", async () => {
  let now = Date.now();
  const timers: (() => void)[] = [];
  const setTimer: Env["setTimer"] = (run, delayMs) => {
    if (delayMs < 60_000) return runtimeEnv.setTimer(run, delayMs);
    timers.push(run);
    return () => {};
  };
  const store = memory();
  const bases = basesOf(store, { everyEvents: 1 }, { ...runtimeEnv, now: () => now, setTimer });
  const first = await appendTask(store, 1);
  bases.appended(LOG, first);
  await until(async () => (await positionOf(bases)) === 1, "the first base");
  bases.appended(LOG, await appendTask(store, 2));
  await until(async () => (await positionOf(bases)) === 2, "the second base");
  expect(await bases.page(LOG, first, 0)).not.toBeNull();
  await until(() => timers.length > 0, "a timer for the end of the first base");
  now += 11 * 60_000;
  for (const run of timers) run();
  await until(async () => (await bases.page(LOG, first, 0)) === null, "the first base goes");
  await bases.close();
});

test("base: a log with an event that this code cannot fold has none", async () => {
  const store = memory();
  const bases = basesOf(store, { everyEvents: 1 });
  const record = taskAdded(1);
  const events = record.events.map((event) => ({ ...event, type: "TaskOfTomorrow" }));
  await store.append(LOG, batch(null, { records: [storedRecord({ ...record, events })] }));
  bases.appended(LOG, { position: 1, mark: "m1" });
  await bases.close();
  expect(await pagesOf(bases)).toBe(0);
});

test("base: a damaged base is replaced by one that is folded from the whole log", async () => {
  const store = memory();
  await fillBoard(store, 10);
  const bases = basesOf(store, { everyEvents: 5 });
  bases.appended(LOG, { position: 10, mark: "m10" });
  await until(async () => (await positionOf(bases)) === 10, "the first base");
  const base = await bases.newest(LOG);
  const text = await bases.page(LOG, { position: 10, mark: "m10" }, 0);
  if (!base) throw new Error("There is no base");
  const { name, revision, at, text: notes } = base.follower;
  const next = { at, text: notes, wake: null, tables: { pages: "keep" } } as const;
  const rows = [{ follower: name, table: "pages", set: [["000000", "[1"] as const], remove: [] }];
  await store.models?.write(LOG, { followers: [{ name, revision, next }], rows });
  for (let position = 11; position <= 15; position++) bases.appended(LOG, await appendTask(store, position));
  await until(async () => (await positionOf(bases)) === 15, "the next base");
  const again = await bases.page(LOG, { position: 15, mark: "m15" }, 0);
  expect(again).toContain("task/t1");
  expect(again?.length).toBeGreaterThan(text?.length ?? 0);
  await bases.close();
});

test("P31 base: a base whose cursor the log no longer has is not served", async () => {
  const store = memory();
  await fillBoard(store, 4);
  const bases = basesOf(store, { everyEvents: 1 });
  bases.appended(LOG, { position: 4, mark: "m4" });
  await until(async () => (await positionOf(bases)) === 4, "the base");
  const other = memory();
  await fillBoard(other, 2);
  const restored = basesOf(Object.assign(other, { models: store.models }), { everyEvents: 1 });
  expect(await restored.newest(LOG)).toBeNull();
  await Promise.all([bases.close(), restored.close()]);
});

test("base: another release makes its own, and until then the older one is there", async () => {
  const store = memory();
  await fillBoard(store, 4);
  const bases = basesOf(store, { everyEvents: 1 });
  bases.appended(LOG, { position: 4, mark: "m4" });
  await until(async () => (await positionOf(bases)) === 4, "the base");
  const release = defineDomain({ version: 2, aggregates: [task, column], projections: [] });
  const next = basesOf(store, { everyEvents: 1 }, runtimeEnv, release);
  expect((await next.newest(LOG))?.notes.tables).toContain("board@1<task@1");
  next.appended(LOG, { position: 4, mark: "m4" });
  await until(async () => (await next.newest(LOG))?.notes.tables.length === 1, "the base of the release");
  expect(encodeCursor((await next.newest(LOG))?.at ?? { position: 0, mark: "" })).toBe("4-m4");
  expect(await positionOf(bases)).toBe(4);
  await Promise.all([bases.close(), next.close()]);
});
