// A process manager of an older release meets an event of a newer one, which takes over.
import { afterEach, expect, test } from "vitest";
import * as v from "valibot";
import { aggregate, defineDomain } from "../../../../src/index.ts";
import { processManager, type SyncServer } from "../../../../src/sync-server/app.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
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
  events: { ThingChanged: number, ThingAnswered: number },
  evolve: { ThingChanged: counted, ThingAnswered: counted },
  commands: {
    change: { input: number, decide: (_, input, { emit }) => emit("ThingChanged", input) },
    answer: { input: number, decide: (_, input, { emit }) => emit("ThingAnswered", input) },
  },
});
const newThing = aggregate("thing", {
  version: 1,
  initial: 0,
  events: { ThingChanged: number, ThingAnswered: number, ThingGrown: number },
  evolve: { ThingChanged: counted, ThingAnswered: counted, ThingGrown: counted },
  commands: {
    change: { input: number, decide: (_, input, { emit }) => emit("ThingChanged", input) },
    answer: { input: number, decide: (_, input, { emit }) => emit("ThingAnswered", input) },
    grow: { input: number, decide: (_, input, { emit }) => emit("ThingGrown", input) },
  },
});

const answering = (thing: typeof oldThing | typeof newThing, version = 1) =>
  processManager("answering", {
    version,
    from: [thing],
    start: "beginning",
    initial: { changes: [] as readonly number[] },
    on: {
      ThingChanged: ({ changes }, { stream, data }, { run }) => {
        run(thing.command.answer(`answers-${stream.slice("thing/".length)}`, data));
        return { changes: [...changes, data.n] };
      },
    },
  });

type Thing = typeof oldThing | typeof newThing;

/** Servers of several releases on one file, and their clock. */
async function releases() {
  const file = await sqliteFile();
  undo.push(file.remove);
  const clock = { now: Date.now() };
  const start = (version: number, thing: Thing, { runs = true, liveTicks = false, manager = 1 } = {}): SyncServer => {
    const server = testServer({
      domain: defineDomain({ version, aggregates: [thing] }),
      store: file.open(),
      env: { ...runtimeEnv, now: () => clock.now },
      liveTicks,
      limits: { lookMs: 50 },
      subscribers: runs ? [answering(thing, manager)] : [],
    });
    undo.push(() => server.close());
    return server;
  };
  const writer = start(2, newThing, { runs: false }).log("shop");
  const answers = async (id: string): Promise<number[]> => {
    const found: number[] = [];
    for await (const { type, data } of writer.history(newThing, `answers-${id}`))
      if (type === "ThingAnswered") found.push((data as { n: number }).n);
    return found;
  };
  /** Waits until a server has read all events, also the unknown ones, before which it waits a minute. */
  const readAll = (server: SyncServer): Promise<void> =>
    until(async () => {
      clock.now += 61_000;
      server.poke("shop");
      return (await statusOf(server))?.behind === 0;
    }, "all events");
  return { clock, start, writer, answers, readAll };
}

const statusOf = async (server: SyncServer) => (await server.log("shop").processes.list())[0];

test("processManager: an unknown event waits for a newer release, and is parked after a minute", async () => {
  const { start, writer, answers, readAll } = await releases();
  await writer.execute(newThing.command.change("t1", { n: 1 }));
  await writer.execute(newThing.command.grow("t1", { n: 2 }));
  await writer.execute(newThing.command.change("t1", { n: 3 }));
  await writer.execute(newThing.command.change("t2", { n: 4 }));
  const old = start(1, oldThing);
  old.poke("shop");
  await until(async () => (await statusOf(old))?.at?.startsWith("1-") === true, "the event before the unknown one");
  expect(await statusOf(old)).toMatchObject({ waiting: 0, parked: 0 });
  await until(async () => (await statusOf(old))?.commands === 0, "its answer");
  // The minute begins when the node reads the unknown event, which may be later than the read of its place.
  await readAll(old);
  // The stream of the unknown event waits. The other stream continues.
  expect(await statusOf(old)).toMatchObject({ parked: 1 });
  await until(async () => (await answers("t2")).length === 1, "the answer of the other stream");
  expect(await answers("t1")).toEqual([1]);
  // Its walks over all logs find the waiting events. Nobody appends to this log any more.
  const next = start(2, newThing, { liveTicks: true });
  await until(async () => {
    const status = await statusOf(next);
    return status?.waiting === 0 && status.behind === 0 && status.commands === 0;
  }, "the waiting events");
  expect([await answers("t1"), await answers("t2")]).toEqual([[1, 3], [4]]);
  expect(await statusOf(next)).toMatchObject({ parked: 0, state: "running" });
});

test("processManager: a newer release that knows no more events continues beside the parked ones", async () => {
  const { start, writer, answers, readAll } = await releases();
  // More events than one step folds again.
  for (let n = 0; n < 300; n++) await writer.execute(newThing.command.grow(`g${n}`, { n }));
  const old = start(1, oldThing);
  await readAll(old);
  expect(await statusOf(old)).toMatchObject({ parked: 300 });
  await old.close();
  const next = start(3, oldThing);
  await writer.execute(newThing.command.change("t1", { n: 1 }));
  next.poke("shop");
  await until(async () => (await answers("t1")).length === 1, "the answer to a later event");
  await until(async () => {
    next.poke("shop");
    return (await statusOf(next))?.behind === 0;
  }, "the record of the answer");
  expect(await statusOf(next)).toMatchObject({ parked: 300, waiting: 300 });
});

test("processManager: a newer release with other handlers retries the unknown events", async () => {
  const { start, writer, answers, readAll } = await releases();
  await writer.execute(newThing.command.grow("t1", { n: 1 }));
  await writer.execute(newThing.command.change("t1", { n: 2 }));
  const old = start(1, oldThing);
  await readAll(old);
  expect(await statusOf(old)).toMatchObject({ parked: 1, waiting: 2 });
  await old.close();
  const next = start(2, newThing, { manager: 2 });
  await until(async () => {
    next.poke("shop");
    return (await answers("t1")).length === 1;
  }, "the answer to an event that waited");
  expect(await statusOf(next)).toMatchObject({ parked: 0, waiting: 0 });
});

test("processManager: the newer release executes a command on a stream with an unknown event", async () => {
  const { clock, start, writer } = await releases();
  await writer.execute(newThing.command.grow("answers-t1", { n: 7 }));
  await writer.execute(newThing.command.change("t1", { n: 1 }));
  const old = start(1, oldThing);
  const failed = async () => (await old.log("shop").processes.commands(answering(oldThing)))[0]?.error ?? "";
  await until(async () => {
    // The old release first waits a minute for a node that knows the event.
    clock.now += 61_000;
    old.poke("shop");
    return (await failed()).includes("cannot fold");
  }, "the failed attempt");
  const next = start(2, newThing);
  await until(async () => {
    clock.now += 61_000;
    next.poke("shop");
    return (await next.log("shop").processes.list())[0]?.commands === 0;
  }, "the attempt of the newer release");
  const types: string[] = [];
  for await (const { type } of writer.history(newThing, "answers-t1")) types.push(type);
  expect(types).toEqual(["ThingGrown", "ThingAnswered"]);
});

test("execute: a stream with an unknown event leaves no outcome for the newer release", async () => {
  const file = await sqliteFile();
  undo.push(file.remove);
  const start = (version: number, thing: typeof oldThing | typeof newThing): SyncServer => {
    const server = testServer({ domain: defineDomain({ version, aggregates: [thing] }), store: file.open() });
    undo.push(() => server.close());
    return server;
  };
  const newer = start(2, newThing).log("shop");
  await newer.execute(newThing.command.grow("t1", { n: 1 }));
  const id = "01998f00-0000-7000-8000-000000000001";
  await expect(
    start(1, oldThing)
      .log("shop")
      .execute(oldThing.command.answer("t1", { n: 2 }), { id }),
  ).rejects.toMatchObject({ code: "unreachable", details: { code: "stream-unreadable" } });
  expect(await newer.execute(newThing.command.answer("t1", { n: 2 }), { id })).toMatchObject({ outcome: "recorded" });
});
