// Process managers against a plain model: events, crashes at any write, two nodes, clock jumps, releases, poison.
import { afterEach, expect, test } from "vitest";
import type { DomainEvent } from "../../../../src/index.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { order, payment, POISON } from "../../../support/orders-domain.ts";
import { LATE_MS, LOG, ProcessWorld } from "../../../support/process-world.ts";
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

/** An event of the log, with the time at which the server received it. */
type Received = DomainEvent & { readonly received: number };

async function eventsOf({ server, store }: ProcessWorld): Promise<Received[]> {
  const received = new Map<string, number>();
  const page = await store.read(LOG, null, { events: 100_000, bytes: 1e9 });
  if (page.kind !== "page") return [];
  for (const { text } of page.records) {
    const record = JSON.parse(text) as { commit: string; received: number };
    received.set(record.commit, record.received);
  }
  const events: Received[] = [];
  await server.log(LOG).models.replay({
    into: (event) => void events.push({ ...event, received: received.get(event.id.split(":")[0] ?? "") ?? NaN }),
  });
  return events;
}

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

type Row = { status: string; notes: number } | null;

/** The rows and the answers that the events alone lead to. */
function modelOf(events: readonly Received[]): { rows: Map<string, Row>; answers: Map<string, string[]> } {
  const rows = new Map<string, Row>();
  const answers = new Map<string, string[]>();
  for (const { type, stream, data, actor } of events) {
    const key = `order/${stream.split("/")[1] ?? ""}`;
    const row = rows.get(key) ?? null;
    if (type === "OrderPlaced") rows.set(key, { status: "waiting", notes: 0 });
    if (type === "PaymentTaken" && row) rows.set(key, { ...row, status: "paid" });
    if (type === "OrderCancelled") rows.set(key, null);
    if (type !== "OrderNoted" || !row) continue;
    rows.set(key, { ...row, notes: row.notes + 1 });
    if (actor !== "~fulfilment")
      answers.set(key, [...(answers.get(key) ?? []), `answer to ${(data as { text: string }).text}`]);
  }
  return { rows, answers };
}

async function check(world: ProcessWorld, facts: Facts): Promise<void> {
  const events = await eventsOf(world);
  const { rows, answers } = modelOf(events);
  // The rows are the fold of the log.
  const stored = await world.rows();
  const expected = new Map([...rows].filter(([, row]) => row !== null));
  expect(stored).toEqual(expected);
  for (let n = 0; n < ORDERS; n++) {
    const stream = `order/o${n}`;
    const ofOrder = events.filter((event) => event.stream === stream);
    const own = ofOrder.filter(({ actor }) => actor === "~fulfilment");
    // Each note has one answer, and the answers have the order of the notes.
    const texts = own.flatMap(({ type, data }) => (type === "OrderNoted" ? [(data as { text: string }).text] : []));
    expect(texts, stream).toEqual(answers.get(stream) ?? []);
    const placed = ofOrder.find(({ type }) => type === "OrderPlaced");
    if (!placed) continue;
    const [paid, cancelled] = ["OrderPaid", "OrderCancelled"].map((one) => ofOrder.find(({ type }) => type === one));
    // No timer is lost: each order has an end. No timer is early.
    expect([paid, cancelled].filter(Boolean), stream).toHaveLength(1);
    const reason = cancelled && (cancelled.data as { reason: string }).reason;
    const isRefused = (placed.data as { amount: number }).amount === 13;
    const requests = events.filter(({ type, stream: one }) => type === "PaymentRequested" && one === `payment/o${n}`);
    expect(requests, stream).toHaveLength(isRefused ? 0 : 1);
    if (isRefused) expect(paid, stream).toBeUndefined();
    if (reason === "payment-late")
      expect(cancelled?.received, stream).toBeGreaterThanOrEqual(placed.received + LATE_MS);
    const taken = events.find((event) => event.type === "PaymentTaken" && event.stream === `payment/o${n}`);
    const isInTime = taken && taken.received < placed.received + LATE_MS;
    // A payment in time drops the timer, whatever crashed.
    if (isInTime && !facts.jumpsBack && !facts.hasPoison && reason !== "by hand") expect(paid, stream).toBeDefined();
  }
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
  await check(world, facts);
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
  60_000,
);

test("processManager: the same on SQLite", async () => {
  for (let seed = 1_000; seed < 1_015; seed++) {
    const file = await sqliteFile();
    undo.push(file.remove);
    expect(await failuresOf(seed, file.open())).toEqual([]);
  }
}, 60_000);
