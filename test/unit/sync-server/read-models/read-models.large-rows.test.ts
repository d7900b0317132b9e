// A model whose events change many or large rows is built in small writes, because a write blocks the whole process.
import { expect, test } from "vitest";
import { aggregate, type AnyProjection, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { measuredRows } from "../../../support/measured-rows.ts";
import { testServer } from "../../../support/sync-requests.ts";

const order = aggregate("order", {
  version: 1,
  initial: "",
  events: { Placed: v.object({ n: v.number(), size: v.number() }) },
  evolve: { Placed: (_, { data }) => "x".repeat(data.size) },
  commands: {},
});
const domain = defineDomain({ version: 1, aggregates: [order] });

/** Each event changes the rows of 1,000 days. */
const days = projection("days", {
  version: 1,
  from: [order],
  initial: { orders: 0 },
  key: ({ data }) => Array.from({ length: 1_000 }, (_, day) => `day${(data.n % 20) * 900 + day}`),
  on: { Placed: ({ orders }) => ({ orders: orders + 1 }) },
});
/** Each event makes a row of 0.3 MB. */
const letters = projection("letters", {
  version: 1,
  from: [order],
  initial: { text: "" },
  on: { Placed: (_, { data }) => ({ text: `${data.n}`.padEnd(300_000, "x") }) },
});
/** Each event makes a row of the size of its state. */
const copies = projection("copies", {
  version: 1,
  from: [order],
  initial: "",
  on: { Placed: (_, { after }) => after.toUpperCase() },
});

type Order = { readonly stream: number; readonly size?: number };
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Builds the rows of a log of orders, and returns the largest write. */
async function built(model: AnyProjection, orders: readonly Order[]) {
  const store = memory();
  const versions = new Map<number, number>();
  const records = orders.map(({ stream: id, size = 1 }, n) => {
    const [stream, version] = [`order/o${id}`, (versions.get(id) ?? 0) + 1];
    versions.set(id, version);
    const ids = { commit: crypto.randomUUID(), client: crypto.randomUUID(), actor: "ada" };
    const events = [{ type: "Placed", v: 1, stream, version, data: { n, size } }];
    return storedRecord({ position: n + 1, mark: `m${n + 1}`, ...ids, time: 1, received: 1, meta: null, events });
  });
  await store.append("shop", batch(null, { records }));
  const largest = measuredRows(store);
  const server = testServer({ domain, store, models: [model] });
  const log = server.log("shop");
  const { rows } = await log.rows(model, {
    keys: ["day0", "day950"],
    at: `${orders.length}-m${orders.length}`,
    waitMs: 30_000,
  });
  const { differences } = await log.models.verify(model);
  await server.close();
  return { rows: new Map(rows.map(({ key, row }) => [key, row])), differences, largest };
}

test("models: events that change thousands of rows each are written in small parts", async () => {
  const { rows, differences, largest } = await built(
    days,
    range(40).map((stream) => ({ stream })),
  );
  expect([rows.get("day0"), rows.get("day950")]).toEqual([{ orders: 2 }, { orders: 4 }]);
  expect(differences).toEqual([]);
  expect(largest.rows).toBeLessThan(8_000);
});

test("models: rows of 0.3 MB are folded in writes of some megabytes", async () => {
  const { differences, largest } = await built(
    letters,
    range(50).map((n) => ({ stream: n % 40 })),
  );
  expect(differences).toEqual([]);
  expect(largest.written).toBeLessThan(10_000_000);
});

test("models: a page of many events reads some megabytes of rows and of states", async () => {
  const large = range(50).map((stream) => ({ stream, size: 900_000 }));
  // After many small rows a page has hundreds of events.
  const small = range(600).map((n) => ({ stream: 100 + n }));
  const { differences, largest } = await built(copies, [...large, ...small, ...large]);
  expect(differences).toEqual([]);
  expect(largest.read).toBeLessThan(30_000_000);
});
