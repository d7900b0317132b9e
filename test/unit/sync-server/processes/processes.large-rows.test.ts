// A process manager with rows of a megabyte reads and writes some megabytes at once, in each of its steps.
import { afterEach, expect, test } from "vitest";
import { type AnyProcessManager, processManager } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { measuredRows } from "../../../support/measured-rows.ts";
import { order } from "../../../support/orders-domain.ts";
import { receivedEvents } from "../../../support/process-model.ts";
import { LOG, ProcessWorld } from "../../../support/process-world.ts";

const ORDERS = 60;
const LARGE = 900_000;
const AT_ONCE = 24_000_000;

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function placedOrders(isBroken: (key: string) => boolean = () => false) {
  /** Each order gets a note and a large row, and the note makes the row a little longer. */
  const letters = (version: number): AnyProcessManager =>
    processManager("letters", {
      version,
      from: [order],
      start: "beginning",
      initial: "",
      on: {
        OrderPlaced: (_, { key }, { run }) => {
          run(order.command.note(key.slice("order/".length), { text: "hello" }));
          return "x".repeat(LARGE);
        },
        OrderNoted: (text, { key }) => {
          if (isBroken(key)) throw new Error("down");
          return `${text}!`;
        },
      },
    });
  const store = memory();
  const world = new ProcessWorld(store, letters);
  undo.push(() => world.server.close());
  for (let n = 0; n < ORDERS; n++) await world.execute(order.command.place(`o${n}`, { amount: n }));
  const rows = async (): Promise<ReadonlySet<number>> => {
    const lengths = new Set<number>();
    for (let n = 0; n < ORDERS; n++) {
      const one = { keys: [`order/o${n}`], after: null, limit: 1, bytes: 1 };
      const page = await store.models?.rows(LOG, "process/letters", "rows", one);
      lengths.add(page?.rows[0]?.[1]?.length ?? 0);
    }
    return lengths;
  };
  return { world, store, rows };
}

test("processManager: large rows are read and written in small parts, also for a new release", async () => {
  const { world, store, rows } = await placedOrders();
  const largest = measuredRows(store);
  await world.run(1);
  const notes = (await receivedEvents(store, LOG)).filter(({ type }) => type === "OrderNoted");
  expect(notes).toHaveLength(ORDERS);
  expect(largest.read).toBeLessThan(AT_ONCE);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(await rows()).toEqual(new Set([LARGE + 3]));
  const ofRelease = measuredRows(store);
  await world.run(2);
  expect(ofRelease.read).toBeLessThan(AT_ONCE);
  expect(ofRelease.written).toBeLessThan(AT_ONCE);
  expect(await (await world.operator(2)).list()).toMatchObject([{ state: "running", behind: 0, commands: 0 }]);
  expect(await rows()).toEqual(new Set([LARGE + 3]));
});

test("processManager: many parked events of large rows are folded in small parts after a retry", async () => {
  let isBroken = true;
  const { world, store, rows } = await placedOrders(() => isBroken);
  await world.run(1);
  expect(await (await world.operator(1)).list()).toMatchObject([{ parked: ORDERS }]);
  isBroken = false;
  const largest = measuredRows(store);
  expect(await (await world.operator(1)).retry("letters")).toBe(ORDERS);
  await world.run(1);
  expect(await (await world.operator(1)).list()).toMatchObject([{ parked: 0, waiting: 0 }]);
  expect(largest.read).toBeLessThan(AT_ONCE);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(await rows()).toEqual(new Set([LARGE + 3]));
});

test("processManager: a retry folds all events that it can, also behind failing ones", async () => {
  let isBroken = (_key: string): boolean => true;
  const { world } = await placedOrders((key) => isBroken(key));
  await world.run(1);
  isBroken = (key) => /^order\/o[0-4]$/.test(key);
  await (await world.operator(1)).retry("letters");
  await world.run(1);
  expect(await (await world.operator(1)).list()).toMatchObject([{ parked: 5, waiting: 5 }]);
});

test("processManager: many due commands of processes with large rows are executed in small parts", async () => {
  const { world, store, rows } = await placedOrders();
  await world.run(1, { executeMax: 0 });
  world.now += 60 * 60_000;
  const largest = measuredRows(store);
  await world.run(1);
  expect(await (await world.operator(1)).list()).toMatchObject([{ commands: 0, behind: 0 }]);
  expect(largest.read).toBeLessThan(AT_ONCE);
  expect(await rows()).toEqual(new Set([LARGE + 3]));
});
