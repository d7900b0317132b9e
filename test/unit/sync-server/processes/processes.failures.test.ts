// The failures that a process manager survives, each on a real SQLite file and virtual time.
import { afterEach, expect, test } from "vitest";
import { order, payment, POISON } from "../../../support/orders-domain.ts";
import { problemsOf, receivedEvents, type Received } from "../../../support/process-model.ts";
import { LATE_MS, LOG, ProcessWorld } from "../../../support/process-world.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { person } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function newWorld(): Promise<ProcessWorld> {
  const file = await sqliteFile();
  const world = new ProcessWorld(file.open());
  undo.push(file.remove, () => world.server.close());
  return world;
}

const place = (world: ProcessWorld, id: string, amount = 5) => world.execute(order.command.place(id, { amount }));
const statusOf = async (world: ProcessWorld, version = 1) => (await (await world.operator(version)).list())[0];
const eventsOf = (world: ProcessWorld) => receivedEvents(world.store, LOG);
const typesOf = (events: readonly Received[], stream: string): string[] =>
  events.filter((event) => event.stream === stream).map(({ type }) => type);
/** Each `crashes` call counts, and the call of this number crashes. */
const crashAt = (call: number) => {
  let calls = 0;
  return { crashes: () => ++calls === call };
};

test("processManager: 100 timers due at a restart run once each, also after the clock jumps back", async () => {
  const world = await newWorld();
  for (let n = 0; n < 100; n++) await place(world, `o${n}`);
  const nextAt = await world.run(1);
  expect(nextAt).toBe(world.now + LATE_MS);
  expect(await statusOf(world)).toMatchObject({ commands: 100, nextAt: world.now + LATE_MS });
  world.now += LATE_MS - 1;
  expect(await world.run(1)).toBe(nextAt);
  expect((await eventsOf(world)).filter(({ type }) => type === "OrderCancelled")).toEqual([]);
  // The node dies after it executed some of the timers, and the clock jumps back before the restart.
  world.now += 2;
  world.faults = crashAt(70);
  expect(await world.run(1)).toBeNull();
  world.faults = null;
  const before = (await eventsOf(world)).filter(({ type }) => type === "OrderCancelled").length;
  world.now -= 60 * 60_000;
  expect(await world.run(1)).toBe(nextAt);
  expect((await eventsOf(world)).filter(({ type }) => type === "OrderCancelled")).toHaveLength(before);
  world.now += 61 * 60_000;
  expect(await world.run(1)).toBe(Infinity);
  const events = await eventsOf(world);
  expect(events.filter(({ type }) => type === "OrderCancelled")).toHaveLength(100);
  expect(before).toBeGreaterThan(0);
  expect(problemsOf(events, await world.rows(), { lateMs: LATE_MS - 60 * 60_000, isDropSure: true })).toEqual([]);
  expect(await statusOf(world)).toMatchObject({ commands: 0, nextAt: null, behind: 0 });
});

test("processManager: if a timer and a payment come at once, the order decides", async () => {
  const world = await newWorld();
  await place(world, "in-time");
  await place(world, "late");
  await world.run(1);
  world.now += LATE_MS - 1;
  await world.execute(payment.command.take("in-time"));
  world.now += 1;
  // The timer is due, and the node has not folded the payment yet. A payment in time drops the timer first.
  await world.run(1);
  await world.execute(payment.command.take("late"));
  await world.run(1);
  const events = await eventsOf(world);
  expect(typesOf(events, "order/in-time")).toEqual(["OrderPlaced", "OrderPaid"]);
  // The command `pay` of the late payment records nothing.
  expect(typesOf(events, "order/late")).toEqual(["OrderPlaced", "OrderCancelled"]);
  expect(await statusOf(world)).toMatchObject({ commands: 0, waiting: 0 });
});

test("processManager: a payment in time drops its timer, though many events come before it", async () => {
  const world = await newWorld();
  await place(world, "in-time");
  await place(world, "busy");
  await world.run(1);
  const note = order.command.note("busy", { text: POISON });
  // More events than a node folds in one step.
  for (let n = 0; n < 6; n++)
    await world.server.log(LOG).execute(
      Array.from({ length: 100 }, () => note),
      { actor: "~somebody" },
    );
  await world.execute(payment.command.take("in-time"));
  world.now += LATE_MS;
  await world.run(1);
  const events = await eventsOf(world);
  expect(typesOf(events, "order/in-time")).toEqual(["OrderPlaced", "OrderPaid"]);
  expect(typesOf(events, "order/busy").at(-1)).toBe("OrderCancelled");
});

test("processManager: new code rebuilds the rows and sends no old command again, and timers stay", async () => {
  const world = await newWorld();
  for (const id of ["o1", "o2"]) await place(world, id);
  await world.execute(order.command.note("o1", { text: "first" }));
  await world.run(1);
  const before = await eventsOf(world);
  // The new code dies at each of its writes once, before and after it.
  for (let call = 1; call <= 6; call++) {
    world.faults = crashAt(call);
    await world.run(2);
  }
  world.faults = null;
  expect(await world.run(2)).toBe(world.now + LATE_MS);
  expect(await eventsOf(world)).toEqual(before);
  expect(await world.rows()).toEqual(
    new Map([
      ["order/o1", { status: "waiting", notes: 2 }],
      ["order/o2", { status: "waiting", notes: 0 }],
    ]),
  );
  expect(await statusOf(world, 2)).toMatchObject({ state: "running", commands: 2 });
  // The old code does nothing here any more, and the new one reacts from its place on.
  expect(await statusOf(world, 1)).toMatchObject({ state: "outdated" });
  await world.execute(order.command.note("o1", { text: "second" }));
  expect(await world.run(1)).toBe(Infinity);
  expect(await eventsOf(world)).toHaveLength(before.length + 1);
  await world.run(2);
  world.now += LATE_MS;
  await world.run(2);
  const events = await eventsOf(world);
  expect(problemsOf(events, await world.rows(), { lateMs: LATE_MS, isDropSure: true })).toEqual([]);
  expect(events.filter(({ type }) => type === "OrderCancelled")).toHaveLength(2);
});

test("processManager: a crash after a command was recorded leaves one record", async () => {
  // The writes of a run: the reaction, then the command, then its removal from the outbox.
  for (let call = 1; call <= 6; call++) {
    const world = await newWorld();
    await place(world, "o1");
    await world.execute(order.command.note("o1", { text: "once" }));
    world.faults = crashAt(call);
    expect(await world.run(1)).toBeNull();
    world.faults = null;
    await world.run(1);
    const events = await eventsOf(world);
    expect(typesOf(events, "order/o1")).toEqual(["OrderPlaced", "OrderNoted", "OrderNoted"]);
    expect(typesOf(events, "payment/o1")).toEqual(["PaymentRequested"]);
  }
});

test("processManager: a retry of a parked event leaves the checkpoint, while live events come", async () => {
  const world = await newWorld();
  world.isPoisoned = true;
  await place(world, "o1");
  await world.execute(order.command.note("o1", { text: POISON }));
  await world.execute(order.command.note("o1", { text: "behind" }));
  await world.run(1);
  const at = (await statusOf(world))?.at;
  expect(await statusOf(world)).toMatchObject({ waiting: 2, parked: 1, behind: 0 });
  world.isPoisoned = false;
  expect(await (await world.operator(1)).retry("fulfilment")).toBe(1);
  await place(world, "o2");
  expect((await statusOf(world))?.at).toBe(at);
  await world.run(1);
  expect(await statusOf(world)).toMatchObject({ waiting: 0, parked: 0, behind: 0 });
  world.now += LATE_MS;
  await world.run(1);
  const events = await eventsOf(world);
  expect(problemsOf(events, await world.rows(), { lateMs: LATE_MS, isDropSure: true })).toEqual([]);
});

test("processManager: new code reacts to the events that old code parked, and to no others", async () => {
  const world = await newWorld();
  world.isPoisoned = true;
  await place(world, "o1");
  await world.execute(order.command.note("o1", { text: "before" }));
  await world.run(1);
  await world.execute(order.command.note("o1", { text: POISON }));
  await world.execute(order.command.note("o1", { text: "behind" }));
  await world.run(1);
  world.isPoisoned = false;
  await world.run(2);
  // An operator decides when a parked event is tried again.
  expect(await statusOf(world, 2)).toMatchObject({ state: "running", waiting: 2, parked: 1 });
  await (await world.operator(2)).retry("fulfilment");
  await world.run(2);
  world.now += LATE_MS;
  await world.run(2);
  expect(problemsOf(await eventsOf(world), await world.rows(), { lateMs: LATE_MS, isDropSure: true })).toEqual([]);
});

test("processManager: no device can take the commit id of a process", async () => {
  const world = await newWorld();
  await place(world, "o1");
  await world.run(1);
  const [timer] = await (await world.operator(1)).commands("fulfilment");
  const ada = person(world.server, "ada", { log: LOG });
  const commit = { ...ada.commit({ ...order.command.cancel("o1", { reason: "mine" }), seen: 1 }), id: timer?.id };
  expect(await ada.outcomes(commit)).toMatchObject([{ outcome: "rejected", code: "reserved-id" }]);
});

test("processManager: operators pause, skip and reset, and commands have no second record", async () => {
  const world = await newWorld();
  world.isPoisoned = true;
  await place(world, "o1");
  await world.execute(order.command.note("o1", { text: "one" }));
  await world.run(1);
  const operator = await world.operator(1);
  await operator.pause("fulfilment");
  await world.execute(order.command.note("o1", { text: POISON }));
  world.now += LATE_MS;
  expect(await world.run(1)).toBe(Infinity);
  expect(await statusOf(world)).toMatchObject({ state: "paused", behind: 1, commands: 1 });
  await operator.resume("fulfilment");
  await world.run(1);
  const [parked] = await operator.parked("fulfilment");
  expect(parked).toMatchObject({ kind: "event", reason: "Error: poison" });
  await operator.skip("fulfilment", parked?.id ?? "", "no answer needed");
  await expect(operator.skip("fulfilment", parked?.id ?? "", "again")).rejects.toMatchObject({ code: "invalid" });
  await world.run(1);
  expect(await statusOf(world)).toMatchObject({
    waiting: 0,
    skipped: [{ event: parked?.id, reason: "no answer needed" }],
  });
  world.isPoisoned = false;
  const before = await eventsOf(world);
  const from = before.find(({ type }) => type === "OrderPlaced");
  await expect(
    operator.reset("fulfilment", { from: { cursor: "1-ffffffffffffffff" }, effects: "repeat" }),
  ).rejects.toMatchObject({ code: "diverged" });
  await operator.reset("fulfilment", { from: "beginning", effects: "repeat" });
  await world.run(1);
  // Only the skipped event has a new reaction, for an order that is cancelled by now.
  const after = await eventsOf(world);
  expect(after.filter(({ type }) => type === "PaymentRequested")).toHaveLength(1);
  expect(after.filter(({ data }) => JSON.stringify(data).includes("answer to one"))).toHaveLength(1);
  expect(from?.position).toBe(1);
  expect(problemsOf(after, await world.rows(), { lateMs: LATE_MS, isDropSure: true })).toEqual([]);
});

test("processManager: reset to a cursor folds without a reaction up to it, and reacts behind it", async () => {
  const world = await newWorld();
  await place(world, "o1");
  await world.execute(order.command.note("o1", { text: "before" }));
  await world.run(1);
  const place1 = await statusOf(world);
  await world.execute(order.command.note("o1", { text: "behind" }));
  await world.run(1);
  const before = await eventsOf(world);
  await (await world.operator(1)).reset("fulfilment", { from: { cursor: place1?.at ?? "" }, effects: "repeat" });
  expect(await statusOf(world)).toMatchObject({ state: "building", at: null });
  await world.run(1);
  expect(await eventsOf(world)).toEqual(before);
  expect(await statusOf(world)).toMatchObject({ state: "running", commands: 1, behind: 0 });
  expect(await world.rows()).toEqual(new Map([["order/o1", { status: "waiting", notes: 4 }]]));
});

test("processManager: a reset to a cursor sends no command for events that it never reacted to", async () => {
  const world = await newWorld();
  await place(world, "o1");
  const { at } = await world.server.log("shop").load(order, "o1");
  await (await world.operator(1)).reset("fulfilment", { from: { cursor: at ?? "" }, effects: "repeat" });
  await place(world, "o2");
  await world.run(1);
  const requested = (await eventsOf(world)).filter(({ type }) => type === "PaymentRequested");
  expect(requested.map(({ stream }) => stream)).toEqual(["payment/o2"]);
  expect([...(await world.rows()).keys()]).toEqual(["order/o1", "order/o2"]);
});
