// Keepers of read models: they try again, take turns, wait for newer code, and survive a crash after any write.
import { expect, test } from "vitest";
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { type Env, runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore, StoredRecord } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelStore, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { ModelKeepers } from "../../../../src/sync-server/read-models/model-keepers.ts";
import { emptyNotes, notesOf, notesText } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { newJob } from "../../../../src/sync-server/read-models/job.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { keysOf } from "../../../../src/testing/model-store/samples.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { until } from "../../../support/device.ts";
import type { Domain } from "dacapo";

const Counted = v.object({ by: v.number() });
/** One aggregate, with a second event in release 2. The version of folding stays the same. */
const counter = (release: number) =>
  aggregate("counter", {
    version: 1,
    initial: { total: 0 },
    events: release === 1 ? { Counted } : { Counted, Reset: v.object({}) },
    evolve: {
      Counted: ({ total }: { total: number }, { data }: { data: { by: number } }) => ({ total: total + data.by }),
      ...(release === 2 && { Reset: () => ({ total: 0 }) }),
    } as never,
    commands: {},
  });

type Release = { readonly domain: Domain; readonly models: readonly ReturnType<typeof totalsOf>[] };

function totalsOf(counters: ReturnType<typeof counter>, version = 1) {
  return projection("totals", {
    version,
    from: [counters],
    initial: { total: 0, events: 0 },
    on: {
      Counted: (row, { after }) => ({ total: after.total, events: row.events + 1 }),
    },
  });
}

function releaseOf(version: number): Release {
  const counters = counter(version);
  return { domain: defineDomain({ version, aggregates: [counters] }), models: [totalsOf(counters)] };
}

function keepersOf(store: EventStore, { domain, models }: Release, env: Env = runtimeEnv, ticks = false) {
  const errors: unknown[] = [];
  const keepers = new ModelKeepers({
    domain: domain.definition,
    store,
    models,
    env,
    report: (error) => errors.push(error),
    isBusy: () => false,
    walkMs: 5_000,
    ticks,
    turn: null,
  });
  return { keepers, errors };
}

function recordAt(position: number, type: string): StoredRecord {
  return storedRecord({
    position,
    mark: `m${position}`,
    commit: crypto.randomUUID(),
    client: crypto.randomUUID(),
    actor: "ada",
    time: 1,
    received: 1,
    meta: null,
    events: [{ type, v: 1, stream: "counter/a", version: position, data: type === "Counted" ? { by: 1 } : {} }],
  });
}

async function append(store: EventStore, position: number, type: string, log: string = "log"): Promise<void> {
  const before = position === 1 ? null : { position: position - 1, mark: `m${position - 1}` };
  await store.append(log, batch(before, { records: [recordAt(position, type)] }));
}

const FOLLOWER = "rows/totals@1<counter@1";

async function readTotals(store: EventStore, log: string = "log") {
  const page = await store.models?.rows(log, FOLLOWER, "rows", keysOf("counter/a"));
  return page ? { at: page.follower.at?.position, row: page.rows[0]?.[1], notes: notesOf(page.follower) } : null;
}

test("keepers: an event of a newer release waits a minute for newer code, then is parked", async () => {
  const store = memory();
  let now = 1_000_000;
  const old = keepersOf(store, releaseOf(1), { ...runtimeEnv, now: () => now });
  await append(store, 1, "Counted");
  await append(store, 2, "Reset");
  await append(store, 3, "Counted");
  old.keepers.poke("log");
  await until(async () => (await readTotals(store))?.at === 1, "the rows before the unknown event");
  now += 59_000;
  old.keepers.poke("log");
  await old.keepers.changed("log", 50);
  expect((await readTotals(store))?.at).toBe(1);
  now += 2_000;
  old.keepers.poke("log");
  await until(async () => (await readTotals(store))?.at === 3, "the rows behind the unknown event");
  expect(await readTotals(store)).toMatchObject({
    row: '{"total":1,"events":1}',
    notes: { parkedCount: 2, hasUnknown: true, domain: 1 },
  });
  const newer = keepersOf(store, releaseOf(2), runtimeEnv, true);
  // Its first walk over all logs finds the rows. Nobody appends to this log any more.
  newer.keepers.start();
  await until(async () => (await readTotals(store))?.notes?.hasUnknown === false, "the rows of newer code");
  expect(await readTotals(store)).toMatchObject({
    at: 3,
    row: '{"total":1,"events":2}',
    notes: { parkedCount: 0, phase: "ready" },
  });
  await old.keepers.close();
  await newer.keepers.close();
});

test.each(["the rows", "the rows and their job"])(
  "delete: a row stays absent when newer code builds %s again",
  async (what) => {
    const store = memory();
    await append(store, 1, "Counted");
    await append(store, 2, "Reset");
    await append(store, 3, "Counted");
    const job = newJob("job", { onError: "park", duty: null });
    const lacking = { ...emptyNotes(1, Date.now()), hasUnknown: true, hasDeleted: true, parkedCount: 1 };
    const follower = (name: string, notes: object) => {
      const next = { at: { position: 2, mark: "m2" }, wake: 0, tables: { rows: "new", states: "new" } } as const;
      return { name, revision: 0, next: { ...next, text: notesText({ ...lacking, ...notes }) } };
    };
    const followers = [follower(FOLLOWER, { phase: "ready" })];
    if (what !== "the rows") followers.push(follower(FOLLOWER.replace("rows/", "beside/"), { job }));
    const rows = followers.map(({ name }) => {
      const many = Array.from({ length: 600 }, (_, n) => [`counter/a${n}`, "{}"] as const);
      return { follower: name, table: "rows", set: [...many, ["counter/a", null] as const], remove: [] };
    });
    expect(await store.models?.write("log", { followers, rows })).toEqual({ kind: "ok" });
    const newer = keepersOf(store, releaseOf(2), runtimeEnv, true);
    newer.keepers.start();
    const ended = async () => {
      const beside = await store.models?.followers("log");
      const text = JSON.stringify(beside?.kind === "open" ? beside.followers : []);
      return !text.includes("running") && (await readTotals(store))?.notes?.hasUnknown === false;
    };
    await until(ended, "the rows of newer code");
    expect(await readTotals(store)).toMatchObject({ at: 3, row: null, notes: { hasDeleted: true, phase: "ready" } });
    await append(store, 4, "Counted");
    newer.keepers.poke("log");
    await until(async () => (await readTotals(store))?.at === 4, "the next event");
    expect(await readTotals(store)).toMatchObject({ row: null });
    await newer.keepers.close();
  },
);

test("keepers: newer code takes over within the minute, and nothing is parked", async () => {
  const store = memory();
  const old = keepersOf(store, releaseOf(1));
  const newer = keepersOf(store, releaseOf(2));
  await append(store, 1, "Counted");
  await append(store, 2, "Reset");
  for (const { keepers } of [old, newer]) keepers.poke("log");
  await until(async () => (await readTotals(store))?.at === 2, "the rows of newer code");
  expect(await readTotals(store)).toMatchObject({ notes: { parkedCount: 0 } });
  for (const { keepers } of [old, newer]) await keepers.close();
});

test("keepers: a new release in a log without commits for days leaves the old rows for a day", async () => {
  const store = memory();
  let now = 1_000_000;
  const env = { ...runtimeEnv, now: () => now };
  await append(store, 1, "Counted");
  const old = keepersOf(store, releaseOf(1), env);
  old.keepers.poke("log");
  await until(async () => (await readTotals(store))?.notes?.phase === "ready", "the old rows");
  await old.keepers.close();
  now += 3 * 24 * 3_600_000;
  const counters = counter(1);
  const totals = totalsOf(counters, 2);
  const release = { domain: defineDomain({ version: 1, aggregates: [counters] }), models: [totals] };
  const { keepers } = keepersOf(store, release, env);
  const followers = async (): Promise<readonly string[]> => {
    const found = await store.models?.followers("log");
    return found?.kind === "open" ? found.followers.map(({ name }) => name) : [];
  };
  expect(await keepers.work("log")).toBe(Infinity);
  expect(await followers()).toEqual([FOLLOWER, "rows/totals@2<counter@1"]);
  now += 24 * 3_600_000 + 1;
  await append(store, 2, "Counted");
  keepers.poke("log");
  await until(async () => (await followers()).join() === "rows/totals@2<counter@1", "the end of the old rows");
  await keepers.close();
});

test("keepers: a write that fails is reported and tried again, and other logs continue", async () => {
  const store = memory();
  const { models } = store;
  if (!models) throw new Error("The memory store has no models");
  const write = models.write.bind(models);
  let failures = 2;
  models.write = (log, change) =>
    log === "log" && failures-- > 0 ? Promise.reject(new Error("the disk failed")) : write(log, change);
  const { keepers, errors } = keepersOf(store, releaseOf(1));
  for (const log of ["log", "other"]) await append(store, 1, "Counted", log);
  for (const log of ["log", "other"]) keepers.poke(log);
  await until(async () => (await readTotals(store, "other"))?.at === 1, "the other log");
  await until(async () => (await readTotals(store))?.at === 1, "the log whose writes failed");
  expect(errors.map(String)).toEqual(["Error: the disk failed", "Error: the disk failed"]);
  await keepers.close();
});

test("keepers: a keeper that stops after any write continues with the same rows", async () => {
  const events = 1_200;
  // The first pages are small, because nobody knows their rows yet.
  for (const [crashAfter, written] of [0, 16, 16 + 32].entries()) {
    const store = memory();
    const records = Array.from({ length: events }, (_, n) => recordAt(n + 1, "Counted"));
    await store.append("log", batch(null, { records }));
    let writes = 0;
    const crashing = throughModels(store, (inner) => ({
      // After the crash nothing of this node reaches the store.
      write: (log: string, write: ModelWrite) =>
        writes++ < crashAfter ? inner.write(log, write) : new Promise<never>(() => {}),
    }));
    const first = keepersOf(crashing, releaseOf(1));
    first.keepers.poke("log");
    await until(() => writes > crashAfter, "the crash");
    const at = (await readTotals(store))?.at ?? 0;
    expect(at).toBe(written);
    const second = keepersOf(store, releaseOf(1));
    // The lease of the node that crashed ends by itself. The test has no time to wait for it.
    await store.models?.lease("log", FOLLOWER, holderOf(crashing), 0);
    second.keepers.poke("log");
    await until(async () => (await readTotals(store))?.at === events, "all events");
    expect((await readTotals(store))?.row).toBe(`{"total":${events},"events":${events}}`);
    await second.keepers.close();
  }
});

const holders = new WeakMap<EventStore, string>();

/** The same store with some calls of its models replaced. It remembers who took a lease. */
function throughModels(store: EventStore, replace: (inner: ModelStore) => Partial<ModelStore>): EventStore {
  const through = storeThrough(
    (call) => call(store),
    async () => {},
  );
  const { models } = through;
  if (!models) throw new Error("The store has no models");
  const lease: ModelStore["lease"] = (log, follower, holder, ms) => {
    holders.set(crashing, holder);
    return models.lease(log, follower, holder, ms);
  };
  const crashing: EventStore = { ...through, models: { ...models, lease, ...replace(models) } };
  return crashing;
}

function holderOf(store: EventStore): string {
  return holders.get(store) ?? "";
}
