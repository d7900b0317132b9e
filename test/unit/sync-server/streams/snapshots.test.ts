// Snapshots of long streams: reads begin at them, and a server that ignores them reads the same states.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { expect, onTestFinished, test, vi } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import { keysOf } from "../../../../src/testing/model-store/samples.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { strong, type SyncServer } from "../../../../src/sync-server/app.ts";
import { task } from "../../../support/board-domain.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { testServer } from "../../../support/sync-requests.ts";

const note = task.command.note("t1", { text: "hm" });
const notes = (count: number) => Array.from({ length: count }, () => note);
const add = task.command.add("t1", { title: "Milk", column: "todo" });

/** Executes on a new server, as after a restart. Returns the number of stored events that it read. */
async function executeAfterRestart(store: EventStore, run: (server: SyncServer) => Promise<unknown>): Promise<number> {
  let events = 0;
  const readStream = store.readStream.bind(store);
  const spy = vi.spyOn(store, "readStream").mockImplementation(async (log, stream, after, limit) => {
    const page = await readStream(log, stream, after, limit);
    for (const { streams } of page)
      for (const { stream: name, first, last } of streams) if (name === stream) events += last - first + 1;
    return page;
  });
  await run(testServer({ store }));
  spy.mockRestore();
  return events;
}

const executeNotes = (count: number) => (server: SyncServer) => server.log("board").execute(notes(count));

/** The snapshot of task/t1 as a store keeps it. */
async function snapshotIn(store: EventStore) {
  const page = await store.models?.rows("board", "snapshots", "states", keysOf("task/t1"));
  return { text: page?.rows[0]?.[1] ?? null, revision: page?.follower.revision ?? 0, at: page?.follower.at ?? null };
}

test("snapshot: after a restart, only the events since the snapshot are read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const restart = async (run: (server: SyncServer) => Promise<unknown>): Promise<number> => {
    const store = sqlite(join(folder, "logs.db"));
    const events = await executeAfterRestart(store, run);
    await store.close();
    return events;
  };
  await restart((server) => server.log("board").execute([add, ...notes(49)]));
  await restart(executeNotes(49));
  expect(await restart(executeNotes(1))).toBe(99);
  expect(await restart(executeNotes(1))).toBe(100);
  // The read of 100 events has attached a snapshot at version 101.
  expect(await restart(executeNotes(10))).toBe(1);
  expect(await restart(executeNotes(1))).toBe(11);
  const loaded: unknown[] = [];
  expect(await restart(async (server) => loaded.push(await server.log("board").load(task, "t1")))).toBe(12);
  expect(loaded).toMatchObject([{ version: 112, state: { title: "Milk", notes: 111 } }]);
});

test("snapshot: another one is written when the events since the last one are 100 again", async () => {
  const store = memory();
  for (const run of [add, ...notes(3)].map((one) => [one, ...notes(99)]))
    await executeAfterRestart(store, (server) => server.log("board").execute(run));
  expect(JSON.parse((await snapshotIn(store)).text ?? "")).toMatchObject({ fold: "task@1", version: 400 });
});

const wrong: readonly (readonly [string, (text: string) => string])[] = [
  ["of another fold", (text) => text.replace("task@1", "task@2").replace(`"notes":`, `"notes":7`)],
  ["ahead of its stream", (text) => text.replace(/"version":\d+/, `"version":99999`)],
  ["of a version inside a record", (text) => text.replace(/"version":\d+/, `"version":120`)],
  ["that is not JSON", (text) => text.slice(1)],
  ["of a release without marks", (text) => text.replace(/"mark":"[^"]*",/, "").replace(`"notes":`, `"notes":7`)],
  ["without a state", (text) => JSON.stringify({ ...(JSON.parse(text) as object), state: undefined })],
  ["that is null", () => "null"],
];

test.each(wrong)("snapshot: one %s is ignored, and replaced by the next append", async (_, damage) => {
  const store = memory();
  await executeAfterRestart(store, (server) => server.log("board").execute([add, ...notes(99)]));
  await executeAfterRestart(store, executeNotes(60));
  const { text, revision, at } = await snapshotIn(store);
  expect(JSON.parse(text ?? "")).toMatchObject({ version: 160 });
  const next = { at, text: "{}", wake: null, tables: { states: "keep" } } as const;
  const set = [["task/t1", damage(text ?? "")]] as const;
  await store.models?.write("board", {
    followers: [{ name: "snapshots", revision, next }],
    rows: [{ follower: "snapshots", table: "states", set, remove: [] }],
  });
  expect(await testServer({ store }).log("board").load(task, "t1")).toMatchObject({
    version: 160,
    state: { notes: 159 },
  });
  expect(await executeAfterRestart(store, executeNotes(1))).toBeGreaterThanOrEqual(160);
  expect(JSON.parse((await snapshotIn(store)).text ?? "")).toMatchObject({ fold: "task@1", version: 161 });
});

const meter = aggregate("meter", {
  version: 1,
  initial: { least: 0 },
  events: { Read: v.object({ value: v.number() }), Reset: v.object({}) },
  evolve: {
    Read: ({ least }, { data }) => ({ least: Math.min(least, data.value) }),
    Reset: () => ({ least: Infinity }),
  },
  commands: {
    read: {
      input: v.object({ value: v.number() }),
      decide: ({ least }, given, { emit, reject }) => (given.value > least ? reject("rising") : emit("Read", given)),
    },
    reset: { decide: (_, __, { emit }) => emit("Reset", {}) },
  },
});

test("snapshot: a state that is not JSON has none, so a restart changes no decision", async () => {
  const store = memory();
  const restart = () => testServer({ store, domain: defineDomain({ version: 1, aggregates: [meter] }) }).log("board");
  const resets = (count: number) => Array.from({ length: count }, () => meter.command.reset("m1"));
  await restart().execute(resets(100));
  // This append follows a read of 100 events, so it would write a snapshot of the state after it.
  await restart().execute(resets(1));
  expect(await restart().load(meter, "m1")).toMatchObject({ version: 101, state: { least: Infinity } });
  expect(await restart().execute(meter.command.read("m1", { value: 5 }))).toMatchObject({ outcome: "recorded" });
});

test("snapshot: a server with snapshots decides like a server without them", async () => {
  const step = fc.record({
    count: fc.integer({ min: 1, max: 90 }),
    isRestart: fc.boolean(),
    title: fc.constantFrom(null, "Milk", "Bread"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 10 }), async (steps) => {
      const stores = [memory(), Object.assign(memory(), { models: undefined })];
      const results = await Promise.all(
        stores.map(async (store) => {
          let server = testServer({ store });
          const seen: unknown[] = [(await server.log("board").execute(add)).events];
          for (const { count, isRestart, title } of steps) {
            if (isRestart) server = testServer({ store });
            const log = server.log("board");
            const rename = title === null ? [] : [task.command.rename("t1", { title })];
            const { events } = await log.execute([...notes(count), ...rename]);
            seen.push(
              events.map(({ type, version }) => [type, version]),
              (await log.load(task, "t1")).state,
            );
          }
          return seen;
        }),
      );
      expect(results[0]?.slice(1)).toEqual(results[1]?.slice(1));
    }),
    { numRuns: 20 },
  );
});

test("snapshot: an append with a snapshot runs the statements of a strong SQL model too", async () => {
  const store = sqlite(":memory:");
  const restarted = () => testServer({ domain: ordersDomain, store, models: [strong(invoices)] }).log("board");
  const { place, pay } = order.command;
  await restarted().execute(Array.from({ length: 100 }, (_, total) => place("o1", { total })));
  const log = restarted();
  const { at } = await log.execute([place("o1", { total: 3 }), pay("o1", { number: "1" })]);
  const page = await store.models?.rows("board", "snapshots", "states", keysOf("order/o1"));
  expect(page?.rows).toHaveLength(1);
  const found = await log.query(invoices, (t) => `select number, total from ${t.invoice}`, [], { at });
  expect(found.rows).toEqual([{ number: "1", total: 3 }]);
  await expect(log.execute([place("o2", { total: 4 }), pay("o2", { number: "1" })])).rejects.toMatchObject({
    details: { code: "number-taken" },
  });
  await store.close();
});
