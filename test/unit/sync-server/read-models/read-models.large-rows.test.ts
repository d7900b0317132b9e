// A model whose events change many or large rows is built in small writes, because a write blocks the whole process.
import { expect, test } from "vitest";
import { aggregate, type AnyProjection, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { testServer } from "../../../support/sync-requests.ts";

const order = aggregate("order", {
  version: 1,
  initial: null as { n: number } | null,
  events: { Placed: v.object({ n: v.number() }) },
  evolve: { Placed: (_, { data }) => data },
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

function sizeOf({ rows }: ModelWrite): { readonly rows: number; readonly characters: number } {
  const texts = rows.flatMap(({ set, remove }) => [...set.map(([, text]) => text ?? ""), ...remove.map(() => "")]);
  return { rows: texts.length, characters: texts.reduce((sum, text) => sum + text.length, 0) };
}

/** Builds the rows of a log of orders, and returns the largest write. */
async function built(model: AnyProjection, orders: number, streams: number) {
  const inner = memory();
  const { models } = inner;
  if (!models) throw new Error("The store has no models");
  const records = Array.from({ length: orders }, (_, n) => {
    const [stream, version] = [`order/o${n % streams}`, Math.floor(n / streams) + 1];
    const ids = { commit: crypto.randomUUID(), client: crypto.randomUUID(), actor: "ada" };
    const events = [{ type: "Placed", v: 1, stream, version, data: { n } }];
    return storedRecord({ position: n + 1, mark: `m${n + 1}`, ...ids, time: 1, received: 1, meta: null, events });
  });
  await inner.append("shop", batch(null, { records }));
  const largest = { rows: 0, characters: 0 };
  const through = storeThrough(
    (call) => call(inner),
    () => Promise.resolve(),
  );
  const store: EventStore = {
    ...through,
    models: {
      followers: (log) => models.followers(log),
      write: (log, write) => {
        const { rows, characters } = sizeOf(write);
        largest.rows = Math.max(largest.rows, rows);
        largest.characters = Math.max(largest.characters, characters);
        return models.write(log, write);
      },
      rows: (log, follower, table, range) => models.rows(log, follower, table, range),
      lease: (log, follower, holder, ms) => models.lease(log, follower, holder, ms),
      sweep: (rowsMax) => models.sweep(rowsMax),
      due: (followers, now, after, limit) => models.due(followers, now, after, limit),
    },
  };
  const server = testServer({ domain, store, models: [model] });
  const log = server.log("shop");
  const { rows } = await log.rows(model, { keys: ["day0", "day950"], at: `${orders}-m${orders}`, waitMs: 30_000 });
  const { differences } = await log.models.verify(model);
  await server.close();
  return { rows: new Map(rows.map(({ key, row }) => [key, row])), differences, largest };
}

test("models: events that change thousands of rows each are written in small parts", async () => {
  const { rows, differences, largest } = await built(days, 40, 40);
  expect([rows.get("day0"), rows.get("day950")]).toEqual([{ orders: 2 }, { orders: 4 }]);
  expect(differences).toEqual([]);
  expect(largest.rows).toBeLessThan(8_000);
});

test("models: rows of 0.3 MB are folded in writes of some megabytes", async () => {
  const { differences, largest } = await built(letters, 50, 40);
  expect(differences).toEqual([]);
  expect(largest.characters).toBeLessThan(10_000_000);
});
