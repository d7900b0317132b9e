// A subscriber of an older release meets an event of a newer one, which handles it.
import { afterEach, expect, test } from "vitest";
import * as v from "valibot";
import { aggregate, defineDomain } from "../../../../src/index.ts";
import { subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { until } from "../../../support/device.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const number = v.object({ n: v.number() });
const counted = (before: number): number => before + 1;

const oldThing = aggregate("thing", {
  version: 1,
  initial: 0,
  events: { ThingChanged: number },
  evolve: { ThingChanged: counted },
  commands: { change: { input: number, decide: (_, input, { emit }) => emit("ThingChanged", input) } },
});
const newThing = aggregate("thing", {
  version: 1,
  initial: 0,
  events: { ThingChanged: number, ThingGrown: number },
  evolve: { ThingChanged: counted, ThingGrown: counted },
  commands: {
    change: { input: number, decide: (_, input, { emit }) => emit("ThingChanged", input) },
    grow: { input: number, decide: (_, input, { emit }) => emit("ThingGrown", input) },
  },
});
const { change, grow } = newThing.command;

/** Servers of two releases on one file, their clock, and the events that they handle. */
async function releases() {
  const file = await sqliteFile();
  undo.push(file.remove);
  const clock = { now: Date.now() };
  const handled: string[] = [];
  const errors: unknown[] = [];
  const start = (
    release: "old" | "new" | "writer",
    { liveTicks = false, store = file.open() }: { liveTicks?: boolean; store?: EventStore } = {},
  ): SyncServer => {
    const options = { start: "beginning", retry: { attempts: 2, firstMs: 1, maxMs: 2 } } as const;
    const handle = (event: { readonly stream: string; readonly data: { readonly n: number } }): void =>
      void handled.push(`${release} ${event.stream.slice("thing/".length)} ${event.data.n}`);
    const follower =
      release === "old"
        ? subscriber("mailer", { ...options, from: [oldThing], on: { ThingChanged: handle } })
        : subscriber("mailer", { ...options, from: [newThing], on: { ThingChanged: handle, ThingGrown: handle } });
    const server = testServer({
      domain: defineDomain({
        version: release === "old" ? 1 : 2,
        aggregates: [release === "old" ? oldThing : newThing],
      }),
      store,
      env: { ...runtimeEnv, now: () => clock.now },
      liveTicks,
      limits: { lookMs: 20 },
      subscribers: release === "writer" ? [] : [follower],
      onError: (error) => errors.push(error),
    });
    undo.push(() => server.close());
    return server;
  };
  return { file, clock, handled, errors, start, writer: start("writer").log("shop") };
}

const statusOf = async (server: SyncServer) => (await server.log("shop").subscribers.list())[0];
const isDone = async (server: SyncServer): Promise<boolean> => {
  const status = await statusOf(server);
  return status?.at !== null && status?.behind === 0 && status.waiting === 0;
};

/** Waits until a server of the older release has parked an event, a minute after it read it. */
async function parks(server: SyncServer, clock: { now: number }): Promise<void> {
  await until(async () => (await statusOf(server))?.behind === 0, "all events read");
  await until(async () => {
    clock.now += 61_000;
    server.poke("shop");
    return (await statusOf(server))?.parked === 1;
  }, "the parked event");
}

test("subscriber: an unknown event counts no attempt, and a node of the newer release handles it", async () => {
  const { clock, handled, errors, start, writer } = await releases();
  await writer.execute([change("t1", { n: 1 }), grow("t1", { n: 2 }), change("t1", { n: 3 }), change("t2", { n: 4 })]);
  const old = start("old", { liveTicks: true });
  await until(async () => handled.length === 2 && (await statusOf(old))?.waiting === 2, "the known events");
  // The old node has more time than all attempts of a failed event.
  for (let seconds = 0; seconds < 50; seconds++) {
    clock.now += 1_000;
    old.poke("shop");
    await runtimeEnv.nextTurn();
  }
  expect(await statusOf(old)).toMatchObject({ waiting: 2, parked: 0 });
  // Its walks over all logs find the waiting event. Nobody appends to this log any more.
  const next = start("new", { liveTicks: true });
  await until(() => isDone(next), "the waiting events");
  expect(handled.filter((one) => one.includes("t1"))).toEqual(["old t1 1", "new t1 2", "new t1 3"]);
  expect([await statusOf(next), errors]).toMatchObject([{ parked: 0 }, []]);
});

test("subscriber: after a minute an unknown event is parked, and a newer release handles it", async () => {
  const { clock, handled, errors, start, writer } = await releases();
  await writer.execute([grow("t1", { n: 1 }), change("t1", { n: 2 }), change("t2", { n: 3 })]);
  const old = start("old");
  old.poke("shop");
  await parks(old, clock);
  await writer.execute(change("t3", { n: 4 }));
  old.poke("shop");
  await until(() => handled.length === 2, "the events of the other streams");
  expect(handled).toEqual(["old t2 3", "old t3 4"]);
  const [parked] = await old.log("shop").subscribers.parked("mailer");
  expect(parked).toMatchObject({ attempts: 0, reason: "This release does not know the event ThingGrown" });
  expect(errors).toMatchObject([{ code: "parked", details: { subscriber: "mailer", stream: "thing/t1" } }]);
  await old.close();
  const next = start("new", { liveTicks: true });
  await until(() => isDone(next), "the waiting events");
  expect(handled.slice(2)).toEqual(["new t1 1", "new t1 2"]);
  expect(await statusOf(next)).toMatchObject({ parked: 0, state: "running" });
});

test("subscriber: a node that knows no waiting event leaves the lease to other nodes", async () => {
  const { file, clock, start, writer } = await releases();
  await writer.execute(grow("t1", { n: 1 }));
  const old = start("old");
  old.poke("shop");
  await parks(old, clock);
  await old.close();
  const calls: string[] = [];
  const read = <Of extends object>(of: Of, name: string | symbol): unknown => {
    const member: unknown = Reflect.get(of, name, of);
    return typeof member === "function" ? (member.bind(of) as unknown) : member;
  };
  const inner = file.open();
  const models = new Proxy(inner.models ?? {}, {
    get: (of, name) => {
      calls.push(String(name));
      return read(of, name);
    },
  });
  const store = new Proxy(inner, { get: (of, name) => (name === "models" ? models : read(of, name)) });
  start("old", { liveTicks: true, store });
  await until(() => calls.filter((name) => name === "followers").length >= 3, "three walks");
  expect(calls).not.toContain("lease");
});

test("subscriber: an operator skips a parked event that this release does not know", async () => {
  const { file, clock, start, writer } = await releases();
  await writer.execute(grow("t1", { n: 1 }));
  const old = start("old");
  old.poke("shop");
  await parks(old, clock);
  const { subscribers } = old.log("shop");
  const [parked] = await subscribers.parked("mailer");
  await subscribers.skip("mailer", parked?.event ?? "", "no longer needed");
  // The walks over all logs do not name this one any more.
  const { models } = file.open();
  const due = async () => (await models?.due(["subscriber/mailer"], clock.now, null, 10))?.logs;
  await until(async () => (await due())?.length === 0, "a log without work");
  expect(await statusOf(old)).toMatchObject({ waiting: 0, parked: 0 });
});
