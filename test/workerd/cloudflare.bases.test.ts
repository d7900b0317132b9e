// Bases in a Durable Object, in real workerd: devices join by them, and an object makes them in bounded steps.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { packTables } from "../../src/core/fold/packed-tables.ts";
import { Replica } from "../../src/core/replica/replica.ts";
import { type Env, runtimeEnv } from "../../src/sync-server/base/env.ts";
import { Turn } from "../../src/sync-server/base/turn.ts";
import { Bases } from "../../src/sync-server/bases/bases.ts";
import { bearer, cloudflare } from "../../src/sync-server/cloudflare.ts";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import { baseRules } from "../support/base-rules.ts?device";
import { domain, task } from "../support/board-domain.ts";
import { fillBoard } from "../support/filled-log.ts";
import { readBase, sortedBuckets } from "../support/read-base.ts";
import { newLog } from "./log-object.ts";
import { app, baseLogs, baseWorker } from "./worker.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  app.errors.length = 0;
});

let made = 0;
const newBaseLog = () => newLog(baseWorker, env.BASE_LOGS, `based-${++made}`);
const add = (n: number) => task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" });

/** A socket that no network opens. */
class NoSocket extends EventTarget {
  close(): void {}
  send(): void {}
  constructor() {
    super();
    queueMicrotask(() => this.dispatchEvent(new Event("close")));
  }
}

test.each(baseRules)("object: $name", async ({ check, begins }) => {
  // Devices reach the object through the Worker, as in a browser. Without sockets they read on by pulls.
  vi.stubGlobal("WebSocket", NoSocket);
  vi.stubGlobal("fetch", (input: string, init?: RequestInit) => baseWorker.fetch(new Request(input, init), env));
  const { log, stub } = newBaseLog();
  const beginning = await check({
    url: "https://example.org/sync",
    log,
    withModels: (run) =>
      runInDurableObject(stub, async (_, { storage }) => {
        const { models } = durableObjectStore(storage);
        if (models) await run(models);
      }),
  });
  expect(beginning).toBe(begins);
});

test("base: in an object, its buckets are those of a device that folds the whole log", async () => {
  const { person, evict } = newBaseLog();
  const ada = person("ada");
  const { cursor } = await ada.push(Array.from({ length: 12 }, (_, n) => ada.commit(add(n))));
  await expect.poll(() => readBase(ada)).not.toBeNull();
  // The next base begins with the pages of this one, after a loss of the memory.
  await evict();
  await ada.push(
    Array.from({ length: 12 }, (_, n) => ada.commit(add(12 + n))),
    cursor,
  );
  await expect.poll(async () => (await readBase(ada))?.header.cursor.position).toBe(24);
  const replica = new Replica(domain.definition);
  for (let page = await ada.pull(); page.records.length > 0; page = await ada.pull(page.cursor))
    replica.apply(page.records, Date.now());
  expect(sortedBuckets((await readBase(ada))?.tables ?? [])).toEqual(
    sortedBuckets(packTables(domain.definition, replica.confirmed)),
  );
});

test("base: an object below everyEvents has none, and no alarm", async () => {
  const { person, stub } = newBaseLog();
  const ada = person("ada");
  await ada.push([ada.commit(add(1))]);
  expect(await readBase(ada)).toBeNull();
  expect(await runInDurableObject(stub, (_, { storage }) => storage.getAlarm())).toBeNull();
});

test("base: after a loss of the memory, the alarm makes the base without a visitor", async () => {
  const { person, stub, log } = newBaseLog();
  const ada = person("ada");
  await ada.push(Array.from({ length: 12 }, (_, n) => ada.commit(add(n))));
  await expect.poll(() => readBase(ada)).not.toBeNull();
  // As if the object had lost its memory before it wrote the base.
  await runInDurableObject(stub, async (_, { storage }) => {
    const { models } = durableObjectStore(storage);
    const found = await models?.followers(log);
    const bases = found?.kind === "open" ? found.followers.filter(({ name }) => name.startsWith("base/")) : [];
    const followers = bases.map(({ name, revision }) => ({ name, revision, next: null }));
    await models?.write(log, { followers, rows: [] });
    expect(await storage.getAlarm()).not.toBeNull();
  });
  await runInDurableObject(stub, (_, ctx) => ctx.abort("a crash")).catch(() => {});
  // A stub of an object that was aborted fails for ever.
  await runDurableObjectAlarm(env.BASE_LOGS.getByName(log));
  expect((await readBase(ada))?.header.cursor.position).toBe(12);
});

/** A clock that advances by a second whenever the object gets its turn. So a build rests after twenty pages. */
function slowEnv(): Env {
  let now = 1_700_000_000_000;
  return { ...runtimeEnv, now: () => now, nextTurn: async () => ((now += 1_000), runtimeEnv.nextTurn()) };
}

const inStore = (name: string, run: (store: EventStore) => Promise<void>) =>
  runInDurableObject(env.PLATFORM.getByName(name), async (_, { storage }) =>
    run(durableObjectStore(storage, { isOnlyNode: true })),
  );

function basesIn(
  store: EventStore,
  options: { readonly env: Env; readonly bytesMax?: number; readonly report?: (error: unknown) => void },
): Bases {
  const { bytesMax = 4_000_000, report = (error) => void app.errors.push(error) } = options;
  return new Bases({
    store,
    domain: domain.definition,
    base: { everyEvents: 1_000, bytesMax },
    report,
    env: options.env,
    isBusy: () => false,
    ticks: false,
    turn: new Turn({ ms: 20_000, calls: 1 }, options.env),
  });
}

test("base: an object folds a long log in several events, each from where the last one ended", async () => {
  const EVENTS = 24_000;
  const positions: number[] = [];
  await inStore("long log", (store) => fillBoard(store, EVENTS));
  for (let event = 0; event < 20 && positions.at(-1) !== EVENTS; event++)
    // Each event of this test has a new memory.
    await inStore("long log", async (store) => {
      const slow = slowEnv();
      let reads = 0;
      const read: EventStore["read"] = (...args) => (reads++, store.read(...args));
      const bases = basesIn(Object.assign(Object.create(store) as EventStore, { read }), {
        env: slow,
        bytesMax: 8_000_000,
      });
      let nextAt = 0;
      void bases.work("board").then((at) => (nextAt = at));
      await expect.poll(() => nextAt).not.toBe(0);
      positions.push((await bases.newest("board"))?.at.position ?? 0);
      expect(reads).toBeLessThanOrEqual(25);
      await bases.close();
    });
  expect(app.errors).toEqual([]);
  expect(positions).toEqual([...positions].toSorted((left, right) => left - right));
  expect(positions.at(-1)).toBe(EVENTS);
  expect(positions.length).toBeGreaterThan(1);
});

test("base: an object reports a log that is too large once, and folds it no second time", async () => {
  const errors: unknown[] = [];
  let reads = 0;
  await inStore("large log", (store) => fillBoard(store, 3_000));
  for (let event = 0; event < 3; event++)
    await inStore("large log", async (store) => {
      const read: EventStore["read"] = (...args) => (reads++, store.read(...args));
      const counted = Object.assign(Object.create(store) as EventStore, { read });
      const bases = basesIn(counted, { env: runtimeEnv, bytesMax: 20_000, report: (error) => errors.push(error) });
      await bases.work("board");
      expect(await bases.newest("board")).toBeNull();
      await bases.close();
    });
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatchObject({ code: "definition", details: { log: "board", bytesMax: 20_000 } });
  // It stops as soon as the rows are too large, and not at the end of the log.
  expect(reads).toBeLessThan(6);
});

test("base: cloudflare() refuses a base that is larger than the memory of an object", () => {
  const options = { domain, authorize: bearer({ tokens: { a: "ada" } }) };
  expect(() => cloudflare({ ...options, base: { bytesMax: 8 * 1024 * 1024 + 1 } })).toThrow(
    "The option base.bytesMax is 8388609, and an object allows at most 8388608",
  );
  expect(() => cloudflare({ ...options, base: { everyEvents: 0 } })).toThrow("base.everyEvents");
});

test("base: a dropped log has no pages left, and an imported one gets its own base", async () => {
  const { person, log, request } = newBaseLog();
  const ada = person("ada");
  await ada.push(Array.from({ length: 12 }, (_, n) => ada.commit(add(n))));
  await expect.poll(() => readBase(ada)).not.toBeNull();
  const archive = await (
    await request(`/logs/${log}/export`, { headers: { authorization: "Bearer token-of-ada" } })
  ).text();
  await baseLogs(env).drop(log);
  expect((await ada.request("base")).status).toBe(410);
  const copy = newBaseLog();
  await baseLogs(env).importLog(copy.log, archive.replaceAll(`"log":"${log}"`, `"log":"${copy.log}"`));
  await expect.poll(() => readBase(copy.person("ada"))).not.toBeNull();
});
