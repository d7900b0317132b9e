// A rebuild of a SQL model that is cut off: by kill -9 of its server, and by a purge. The tables are those of the log.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { until } from "../../../support/device.ts";
import { invoices, ordersDomain } from "../../../support/invoices-domain.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { startServerChild } from "../../../support/server-child/start.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const ORDERS = 4_000;

function paidOrder(n: number) {
  const position = 2 * n + 1;
  const [commit, client] = [crypto.randomUUID(), crypto.randomUUID()];
  const stream = `order/o${n}`;
  return storedRecord({
    position,
    mark: `m${n}`,
    commit,
    client,
    actor: "ada",
    time: 1,
    received: 1,
    meta: null,
    events: [
      { type: "OrderPlaced", v: 1, stream, version: 1, data: { total: 2 } },
      { type: "OrderPaid", v: 1, stream, version: 2, data: { number: String(n) } },
    ],
  });
}

/** A file with the tables of all orders, and one wrong total. */
async function filledFile() {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  const records = Array.from({ length: ORDERS }, (_, n) => paidOrder(n));
  await store.append("shop", batch(null, { records }));
  const at = encodeCursor(records.at(-1)?.cursor ?? { position: 0, mark: "" });
  const server = testServer({ domain: ordersDomain, store, models: [invoices] });
  undo.push(() => server.close());
  const log = server.log("shop");
  await log.query(invoices, (t) => `select count(*) from ${t.invoice}`, [], { at, waitMs: 30_000 });
  const database = new DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000");
  undo.push(async () => database.close());
  const table = database.prepare("select id from dacapo_tables where name = 'sql/invoice'").get();
  database.exec(`update invoice__${String(table?.["id"])} set total = 99 where id = 'order/o7'`);
  const sum = async () =>
    (await log.query(invoices, (t) => `select sum(total) as sum from ${t.invoice}`)).rows[0]?.["sum"];
  expect(await sum()).toBe(2 * ORDERS + 97);
  return { file, server, log, database };
}

test("sqlModel: a rebuild that kill -9 cuts off again and again ends with the tables of the log", async () => {
  const { file, server, log, database } = await filledFile();
  const job = await log.models.rebuild(invoices, { duty: 0.3 });
  await job.pause();
  await server.close();
  // The next server continues the job. A killed one holds its lease for 15 seconds, for which this test does not wait.
  const release = () => database.exec("update dacapo_followers set held_until = 0");
  database.exec(`update dacapo_followers set wake = 0, text = replace(text, '"state":"paused"', '"state":"running"')
    where name like 'beside/%'`);
  const of = (column: string) =>
    database.prepare(`select ${column} as value from dacapo_followers where name like 'beside/%'`).get()?.["value"];
  const at = () => Number(of("position") ?? 0);
  const isRunning = () => String(of("text")).includes('"state":"running"');
  let kills = 0;
  for (; kills < 3 && isRunning(); kills++) {
    const before = at();
    release();
    const child = await startServerChild();
    undo.push(child.kill);
    await child.serve({ store: { file }, hasOrders: true });
    await until(() => at() > before || !isRunning(), "a step of the job");
    await child.kill();
  }
  expect(kills).toBeGreaterThan(1);
  release();
  const last = testServer({ domain: ordersDomain, store: sqlite(file), models: [invoices], limits: { lookMs: 20 } });
  undo.push(() => last.close());
  await until(() => !isRunning(), "the end of the job");
  const read = await last
    .log("shop")
    .query(invoices, (t) => `select count(*) as n, sum(total) as sum from ${t.invoice}`, [], { waitMs: 20_000 });
  expect(read).toMatchObject({ rows: [{ n: ORDERS, sum: 2 * ORDERS }], parked: 0 });
  expect(await last.log("shop").models.verify(invoices)).toMatchObject({ differences: [] });
});

test("sqlModel: a purge during a rebuild leaves no rows, and populate builds them from the log", async () => {
  const { log, database } = await filledFile();
  const job = await log.models.rebuild(invoices, { duty: 0.1 });
  await until(async () => (await job.progress()).done > 0, "a step of the job");
  expect((await job.progress()).phase).toBe("running");
  await log.models.purge(invoices);
  expect((await job.finished()).phase).toBe("cancelled");
  await expect(log.query(invoices, (t) => `select * from ${t.invoice}`)).rejects.toMatchObject({
    code: "rows-not-populated",
  });
  const shown = database.prepare("select count(*) as n from invoice_v1");
  expect(shown.get()).toEqual({ n: 0 });
  const built = await (await log.models.populate(invoices)).finished();
  expect(built).toMatchObject({ phase: "done", parked: 0 });
  expect(shown.get()).toEqual({ n: ORDERS });
  expect(await log.models.verify(invoices)).toMatchObject({ differences: [] });
});
