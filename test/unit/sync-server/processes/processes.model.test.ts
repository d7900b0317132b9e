// Process managers against a plain model: events, crashes at any write, two nodes, clock jumps, releases, poison.
import { afterEach, expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { order, payment, POISON } from "../../../support/orders-domain.ts";
import { LATE_MS, LOG, ProcessWorld } from "../../../support/process-world.ts";
import { problemsOf, receivedEvents } from "../../../support/process-model.ts";
import { type SeededRandom, seededRandom } from "../../../support/random.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const ORDERS = 5;
const STEPS = 60;
const MINUTE = 60_000;

type Facts = { readonly jumpsBack: boolean; readonly hasPoison: boolean };

async function step(world: ProcessWorld, random: SeededRandom, facts: Facts, release: { now: number }): Promise<void> {
  const id = `o${random.below(ORDERS)}`;
  switch (random.below(12)) {
    case 0:
    case 1:
      await world.execute(order.command.place(id, { amount: random.chance(0.2) ? 13 : 5 }));
      return;
    case 2:
    case 3: {
      const isPoison = facts.hasPoison && random.chance(0.2);
      const text = isPoison ? POISON : `note ${random.below(1_000_000)}`;
      await world.execute(order.command.note(id, { text })).catch(() => {});
      return;
    }
    case 4:
      await world.execute(payment.command.take(id)).catch(() => {});
      return;
    case 5:
      world.now += random.below(10) * MINUTE;
      return;
    case 6:
      if (facts.jumpsBack) world.now -= random.below(60) * MINUTE;
      return;
    case 7:
      if (facts.hasPoison) world.isPoisoned = random.chance(0.5);
      return;
    case 8:
      if (random.chance(0.2)) release.now++;
      if (random.chance(0.3)) await world.server.log(LOG).execute(order.command.cancel(id, { reason: "by hand" }));
      return;
    default: {
      world.now += random.below(30_000);
      world.faults = { crashes: () => random.chance(0.15) };
      // A node of an older release may still run.
      const older = random.chance(0.2) ? Math.max(release.now - 1, 1) : release.now;
      await (random.chance(0.3)
        ? Promise.all([world.run(release.now), world.run(older)])
        : world.run(random.chance(0.5) ? release.now : older));
      world.faults = null;
    }
  }
}

/** Runs without faults until no timer is left. */
async function heal(world: ProcessWorld, version: number): Promise<void> {
  world.isPoisoned = false;
  for (let runs = 0; runs < 50; runs++) {
    const nextAt = await world.run(version);
    const { parked, waiting, commands } = await statusOf(world, version);
    if (parked > 0) await (await world.operator(version)).retry("fulfilment");
    else if (commands === 0 && waiting === 0) return;
    if (nextAt !== null && nextAt !== Infinity) world.now = Math.max(world.now, nextAt);
  }
  expect.unreachable(`the process manager does not come to rest: ${JSON.stringify(await statusOf(world, version))}`);
}

async function statusOf(world: ProcessWorld, version: number) {
  const [status] = await (await world.operator(version)).list();
  if (!status) throw new Error("no status");
  return status;
}

async function play(seed: number, store: EventStore): Promise<void> {
  const random = seededRandom(seed);
  const facts = { jumpsBack: random.chance(0.3), hasPoison: random.chance(0.3) };
  const world = new ProcessWorld(store);
  undo.push(() => world.server.close());
  const release = { now: 1 };
  await world.execute(order.command.place("o0", { amount: 5 }));
  for (let n = 0; n < STEPS; n++) await step(world, random, facts, release);
  await heal(world, release.now);
  const events = await receivedEvents(world.store, LOG);
  // After a jump back, the times of the log have another order than its events.
  const isDropSure = !facts.jumpsBack && !facts.hasPoison;
  expect(problemsOf(events, await world.rows(), { lateMs: LATE_MS, isDropSure })).toEqual([]);
  if (!facts.hasPoison) expect(world.errors).toEqual([]);
}

/** Plays a seed. Returns what is wrong, or nothing. */
function failuresOf(seed: number, store: EventStore): Promise<string[]> {
  return play(seed, store).then(
    () => [],
    (error: unknown) => [`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`],
  );
}

test.each(Array.from({ length: 20 }, (_, n) => n))(
  "processManager: one reaction to each event, in order, timers right (%i)",
  async (block) => {
    for (let seed = block * 10; seed < block * 10 + 10; seed++) expect(await failuresOf(seed, memory())).toEqual([]);
  },
);

test("processManager: the same on SQLite", async () => {
  for (let seed = 1_000; seed < 1_015; seed++) {
    const file = await sqliteFile();
    undo.push(file.remove);
    expect(await failuresOf(seed, file.open())).toEqual([]);
  }
});
