// Two nodes on one store, SQLite or Postgres: each event has one reaction, and the other node takes over.
import { afterEach, describe, expect, test } from "vitest";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { until } from "../../../support/device.ts";
import { fulfilmentOf, order, payment, shop } from "../../../support/orders-domain.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { problemsOf, receivedEvents } from "../../../support/process-model.ts";
import { sqliteFile } from "../../../support/sqlite-file.ts";
import { testServer } from "../../../support/sync-requests.ts";

const LATE_MS = 1_500;
const ORDERS = 12;

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function playOn(open: () => EventStore): Promise<readonly string[]> {
  const errors: string[] = [];
  const fulfilment = fulfilmentOf({ lateMs: LATE_MS });
  const node = (): SyncServer => {
    const server = testServer({
      domain: shop,
      store: open(),
      subscribers: [fulfilment],
      limits: { lookMs: 100 },
      onError: (error) => errors.push(String(error)),
    });
    undo.push(() => server.close());
    return server;
  };
  const [left, right] = [node(), node()];
  const nodes = [left, right];
  for (let n = 0; n < ORDERS; n++) {
    const log = nodes[n % 2]?.log("shop");
    await log?.execute(order.command.place(`o${n}`, { amount: n % 5 === 4 ? 13 : 5 }), { actor: "ada" });
    await log?.execute(order.command.note(`o${n}`, { text: `note ${n}` }), { actor: "ada" });
    if (n % 3 === 0) {
      await until(async () => (await log?.exists(payment, `o${n}`)) === true || n % 5 === 4, "the request");
      await log?.execute(payment.command.take(`o${n}`), { actor: "bank" });
    }
  }
  await left.close();
  const log = right.log("shop");
  await log.execute(order.command.note("o0", { text: "after the stop" }), { actor: "ada" });
  const isQuiet = async (): Promise<boolean> => {
    const [status] = await log.processes.list();
    return status?.behind === 0 && status.commands === 0;
  };
  await until(isQuiet, "the end of all orders");
  const store = open();
  undo.push(() => store.close());
  const { rows } = await log.rows(fulfilment);
  const events = await receivedEvents(store, "shop");
  const stored = new Map(rows.map(({ key, row }) => [key, row]));
  expect(events.filter(({ type }) => type === "OrderPlaced")).toHaveLength(ORDERS);
  return [...errors, ...problemsOf(events, stored, { lateMs: LATE_MS, isDropSure: true })];
}

test("processManager: two nodes on one SQLite file react once to each event", async () => {
  const file = await sqliteFile();
  undo.push(file.remove);
  expect(await playOn(file.open)).toEqual([]);
});

describe.skipIf(!hasPostgres)("process managers on Postgres", () => {
  const cluster = postgresForTests();

  test("processManager: two nodes on one Postgres react once to each event", async () => {
    expect(await playOn(() => postgres({ url: cluster.url, connectionsMax: 4 }))).toEqual([]);
  });
});
