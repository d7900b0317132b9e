// Many commands of one process: settled in few writes, in order, and once, also if the node dies in between.
import { afterEach, expect, test } from "vitest";
import { type AnyProcessManager, processManager } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { order, payment } from "../../../support/orders-domain.ts";
import { receivedEvents } from "../../../support/process-model.ts";
import { LOG, ProcessWorld } from "../../../support/process-world.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function newWorld(make: (version: number) => AnyProcessManager): ProcessWorld {
  const world = new ProcessWorld(memory(), make);
  undo.push(() => world.server.close());
  return world;
}

const idOf = (key: string): string => key.slice("order/".length);
const note = (key: string, text: string) => order.command.note(idOf(key), { text });
const place = (world: ProcessWorld, amount: number) => world.execute(order.command.place("o1", { amount }));
const notesIn = async (world: ProcessWorld): Promise<string[]> =>
  (await receivedEvents(world.store, LOG)).flatMap(({ type, data }) =>
    type === "OrderNoted" ? [(data as { text: string }).text] : [],
  );
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `note ${n}`);
const crashAt = (call: number) => {
  let calls = 0;
  return { crashes: () => ++calls === call };
};

/** An order of an amount gets as many notes. */
const many = (version = 1): AnyProcessManager =>
  processManager("many", {
    version,
    from: [order],
    start: "beginning",
    initial: null as { placed: true } | null,
    on: {
      OrderPlaced: (_, { key, data }, { run }) => {
        for (const text of numbered(data.amount)) run(note(key, text));
        return { placed: true };
      },
    },
  });

test("processManager: 1,000 commands of one process are executed in order, in few writes", async () => {
  const world = newWorld(many);
  await place(world, 1_000);
  await world.run(1);
  expect(await notesIn(world)).toEqual(numbered(1_000));
  expect(await (await world.operator(1)).list()).toMatchObject([{ commands: 0, nextAt: null, behind: 0 }]);
  // One write for each 256 commands, one after each of them for their events, and the reaction.
  expect(world.writes).toBeLessThan(20);
});

test("processManager: a crash at any call of a batch leaves one record of each command, in order", async () => {
  const crashed: number[] = [];
  for (let call = 1; call <= 30; call++) {
    const world = newWorld(many);
    await place(world, 8);
    world.faults = crashAt(call);
    if ((await world.run(1)) === null) crashed.push(call);
    world.faults = null;
    await world.run(1);
    expect(await notesIn(world)).toEqual(numbered(8));
    expect(await (await world.operator(1)).list()).toMatchObject([{ commands: 0, behind: 0 }]);
  }
  // A call before and after the reaction, each of the 8 commands, and the one write that removes them.
  expect(crashed.length).toBeGreaterThanOrEqual(2 + 16 + 2);
});

test("processManager: a rejection has the commands of one release, also after a crash", async () => {
  const refused = (version: number): AnyProcessManager =>
    processManager("refused", {
      version,
      from: [order],
      start: "beginning",
      initial: null as { placed: true } | null,
      on: {
        OrderPlaced: (_, { key }, { run }) => {
          run(note("order/nobody", "no such order"));
          run(note(key, "second"));
          return { placed: true };
        },
      },
      onRejected: ({ key }, { run }) => {
        for (const text of version === 1 ? ["old 1"] : ["new 1", "new 2"]) run(note(key, text));
      },
    });
  const found = new Set<string>();
  for (let call = 1; call <= 14; call++) {
    const world = newWorld(refused);
    await place(world, 1);
    world.faults = crashAt(call);
    await world.run(1);
    world.faults = null;
    await world.run(2);
    found.add((await notesIn(world)).join());
  }
  expect([...found].sort()).toEqual(["second,new 1,new 2", "second,old 1"]);
});

test("processManager: a timer of a batch does not run if an earlier command drops it", async () => {
  const timed = (version: number): AnyProcessManager =>
    processManager("timed", {
      version,
      from: [order],
      start: "beginning",
      initial: null as { placed: true } | null,
      on: {
        OrderPlaced: (_, { key }, { later }) => {
          later("first", 1_000, payment.command.request("p1", { order: "o1", amount: 1 }));
          later("second", 2_000, order.command.cancel(idOf(key), { reason: "late" }));
          later("third", 3_000, note(key, "third"));
          return { placed: true };
        },
        OrderCancelled: () => null,
      },
    });
  const world = newWorld(timed);
  await place(world, 1);
  await world.run(1);
  world.now += 60_000;
  const before = world.writes;
  await world.run(1);
  const types = (await receivedEvents(world.store, LOG)).map(({ type }) => type);
  expect(types).toEqual(["OrderPlaced", "PaymentRequested", "OrderCancelled"]);
  // The first two timers share a write, because no handler folds the event of the first one.
  expect(world.writes - before).toBe(2);
});

test("processManager: a command that cannot be recorded holds up the later ones", async () => {
  const world = newWorld(many);
  await place(world, 5);
  await world.run(1, { executeMax: 2 });
  expect(await notesIn(world)).toEqual(numbered(2));
  expect(await (await world.operator(1)).list()).toMatchObject([{ commands: 3, parked: 0 }]);
  const [first, second] = await (await world.operator(1)).commands("many");
  expect([first, second]).toMatchObject([{ failures: 1, error: "Error: the log is full" }, { failures: 0 }]);
  world.now += 60_000;
  await world.run(1);
  expect(await notesIn(world)).toEqual(numbered(5));
});
