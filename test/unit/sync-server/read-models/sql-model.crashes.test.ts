// Random histories of two nodes with SQL models, with a crash before or after any write. The tables are those of a
// plain fold of the log.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { StorageLostError } from "../../../../src/index.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { type EventStore, strong, syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { modelsOf } from "../../../../src/testing/model-store/samples.ts";
import { seededRandom, type SeededRandom } from "../../../../src/testing/seeded-random.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { tokens } from "../../../support/sync-requests.ts";

const folder = mkdtempSync(`${tmpdir()}/dacapo-`);
afterAll(() => rmSync(folder, { recursive: true }));

type Node = { readonly server: SyncServer; readonly end: () => Promise<void> };

/** A node whose store fails all calls after a crash at one of its writes. */
function node(file: string, random: SeededRandom, model: typeof invoices | ReturnType<typeof strong>): Node {
  const inner = sqlite(file);
  let crashed = false;
  const crash = (): never => {
    crashed = true;
    throw new StorageLostError({ message: "The process crashed", fix: "Start it again." });
  };
  const write = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (random.chance(0.06)) crash();
    const result = await run();
    if (random.chance(0.06)) crash();
    return result;
  };
  const passed = storeThrough(
    (call) => (crashed ? Promise.reject(new StorageLostError({ message: "It crashed", fix: "-" })) : call(inner)),
    () => inner.close(),
  );
  const models = modelsOf(passed);
  const store: EventStore = {
    ...passed,
    append: (log, append) => write(() => passed.append(log, append)),
    models: { ...models, write: (log, change) => write(() => models.write(log, change)) },
  };
  const options = { domain: ordersDomain, store, authorize: bearer({ tokens }), liveTicks: false, onError: () => {} };
  const server = syncServer({ ...options, models: [model] });
  return {
    server,
    end: async () => {
      await server.close();
      await inner.close();
    },
  };
}

/** Folds the log without any code of read models: the invoices and their sum, and the number of parked events. */
async function plain(file: string) {
  const store = sqlite(file);
  const page = await store.read("shop", null, { events: 1_000_000, bytes: 1_000_000_000 });
  await store.close();
  const orders = new Map<string, { total: number; number: string | null }>();
  const found = new Map<string, { number: string; total: number }>();
  let parked = 0;
  /** Null: the table has no row of the sum yet. */
  let amount: number | null = null;
  type Event = { stream: string; type: string; data: { total: number; number: string } };
  const records = page.kind === "page" ? page.records : [];
  for (const { stream, type, data } of records.flatMap(
    ({ text }) => (JSON.parse(text) as { events: Event[] }).events,
  )) {
    const before = orders.get(stream);
    if (type === "OrderPlaced") orders.set(stream, { total: data.total, number: null });
    if (type === "OrderCancelled") {
      orders.delete(stream);
      // The model subtracts what the order says, also if its invoice is missing.
      if (amount !== null && before?.number) amount -= before.total;
      found.delete(stream);
    }
    if (type !== "OrderPaid") continue;
    const total = before?.total ?? 0;
    if (before) orders.set(stream, { total, number: data.number });
    const isTaken = [...found.values()].some(({ number }) => number === data.number);
    if (found.has(stream) || isTaken || total === 13) parked++;
    else {
      found.set(stream, { number: data.number, total });
      amount = (amount ?? 0) + total;
    }
  }
  const rows = [...found].map(([id, row]) => ({ id, ...row })).sort((left, right) => (left.id < right.id ? -1 : 1));
  return { rows, amount, parked };
}

const { place, pay } = order.command;
const seeds = Array.from({ length: 6 }, (_, seed) => [seed % 2 === 0 ? "strong" : "async", seed] as const);

test.each(seeds)(
  "sqlModel: %s tables are those of the log after crashes of two nodes (seed %i)",
  async (kind, seed) => {
    const random = seededRandom(seed);
    const file = `${folder}/${kind}-${seed}.db`;
    const model = kind === "strong" ? strong(invoices) : invoices;
    const nodes = [node(file, random, model), node(file, random, model)];
    let crashes = 0;
    for (let step = 0; step < 60; step++) {
      const at = random.below(2);
      const one = nodes[at];
      if (!one) continue;
      const id = `o${random.below(25)}`;
      const commands = [place(id, { total: 10 + random.below(5) }), pay(id, { number: String(random.below(15)) })];
      const settled = await one.server
        .log("shop")
        .execute(random.chance(0.1) ? order.command.cancel(id) : commands)
        .then(
          () => "ok",
          (error: { code: string }) => error.code,
        );
      if (random.chance(0.05))
        await one.server
          .log("shop")
          .models.rebuild(invoices)
          .catch(() => {});
      if (settled === "ok" || settled === "rejected") continue;
      crashes++;
      await one.end().catch(() => {});
      nodes[at] = node(file, random, model);
    }
    for (const one of nodes) await one.end().catch(() => {});
    expect(crashes).toBeGreaterThan(0);
    const last = node(file, { ...random, chance: () => false }, model);
    const log = last.server.log("shop");
    const { at } = await log.execute(place("end", { total: 1 }));
    const { rows, parked } = await log.query(
      invoices,
      (t) => `select id, number, total from ${t.invoice} order by id`,
      [],
      { at },
    );
    const sum = await log.query(invoices, (t) => `select amount from ${t.total}`);
    const expected = await plain(file);
    expect(rows).toEqual(expected.rows);
    expect(sum.rows).toEqual(expected.amount === null ? [] : [{ amount: expected.amount }]);
    expect(parked).toBe(expected.parked);
    if (kind === "strong") expect(parked).toBe(0);
    expect((await log.models.verify(invoices)).differences).toEqual([]);
    await last.end();
  },
);
