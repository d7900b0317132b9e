// SQL models of a log in which the database refuses many events: in stores that name all of them, and in older ones.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { type EventStore, syncServer } from "../../../../src/sync-server/app.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { modelsOf } from "../../../../src/testing/model-store/samples.ts";
import { seededRandom } from "../../../../src/testing/seeded-random.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { tokens } from "../../../support/sync-requests.ts";

const folder = mkdtempSync(`${tmpdir()}/dacapo-`);
afterAll(() => rmSync(folder, { recursive: true }));

const serverOn = (store: EventStore, models: (typeof invoices)[] = []) =>
  syncServer({
    domain: ordersDomain,
    store,
    authorize: bearer({ tokens }),
    liveTicks: false,
    onError: () => {},
    models,
  });

/** A log of 180 events in which orders are paid with numbers of earlier orders, and cancelled. */
async function fill(store: EventStore): Promise<void> {
  const random = seededRandom(7);
  const server = serverOn(store);
  const { place, pay, cancel } = order.command;
  const commands = Array.from({ length: 60 }, (_, n) => [
    place(`o${n}`, { total: 10 + random.below(5) }),
    pay(`o${n}`, { number: String(random.below(30)) }),
    cancel(random.chance(0.3) ? `o${random.below(n + 1)}` : `none${n}`),
  ]).flat();
  for (let n = 0; n < commands.length; n += 12) await server.log("shop").execute(commands.slice(n, n + 12));
  await server.close();
}

/** Builds the tables, and returns them with the parked events and the number of writes. */
async function build(open: () => EventStore, namesAll: boolean) {
  await fill(open());
  const inner = open();
  let writes = 0;
  const passed = storeThrough(
    (call) => call(inner),
    () => inner.close(),
  );
  const models = modelsOf(passed);
  const store: EventStore = {
    ...passed,
    models: {
      ...models,
      write: async (log, write) => {
        writes++;
        const result = await models.write(log, write);
        if (namesAll || result.kind !== "vetoed") return result;
        const { others: _, ...first } = result;
        return first;
      },
    },
  };
  const server = serverOn(store, [invoices]);
  const log = server.log("shop");
  const wait = { waitMs: 30_000 };
  const { rows } = await log.query(invoices, (t) => `select id, number, total from ${t.invoice} order by id`, [], wait);
  const sum = await log.query(invoices, (t) => `select amount from ${t.total}`);
  const parked = await log.models.parked(invoices);
  const writesOfBuild = writes;
  const { differences } = await log.models.verify(invoices);
  await server.close();
  return {
    tables: { rows, sum: sum.rows, parked: parked.map(({ position, stream }) => ({ position, stream })), differences },
    writesOfBuild,
  };
}

const cluster = postgresForTests();
type Open = (name: string) => EventStore;
const stores: readonly (readonly [string, Open])[] = [
  ["SQLite", (name) => sqlite(`${folder}/${name}.db`)],
  ["Postgres", (schema) => postgres({ url: cluster.url, schema, connectionsMax: 4 })],
];

test.each(stores.filter(([name]) => name === "SQLite" || hasPostgres))(
  "sqlModel: refused events cost a page one more write, and no table differs (%s)",
  async (_, open) => {
    const older = await build(() => open("older"), false);
    const { tables, writesOfBuild } = await build(() => open("all"), true);
    expect(tables).toEqual(older.tables);
    expect(tables.parked.length).toBeGreaterThan(10);
    expect(tables.differences).toEqual([]);
    expect(older.writesOfBuild).toBeGreaterThan(tables.parked.length);
    // Four pages, because the first ones are small.
    expect(writesOfBuild).toBeLessThanOrEqual(4 * 2);
  },
);
