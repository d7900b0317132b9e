// SQL models of two servers on one Postgres, read by a connection of the app's own.
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { until } from "../../../support/device.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
const cluster = postgresForTests();
afterEach(stopAll);

const { place, pay } = order.command;
const store = (schema: string) => postgres({ url: cluster.url, schema, connectionsMax: 4 });

async function connected<Result>(run: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

const report = (sql: string) => connected(async (client) => (await client.query<Record<string, unknown>>(sql)).rows);

describe.skipIf(!hasPostgres)("SQL models on Postgres", () => {
  test("strong SQL model: of two nodes that use one number, one records it, and a view has all", async () => {
    const models = [strong(invoices)];
    const [one, two] = [
      await start({ domain: ordersDomain, store: store("a"), models }),
      await start({ domain: ordersDomain, store: store("a"), models }),
    ];
    const codes: string[] = [];
    for (let n = 0; n < 10; n++)
      for (const log of ["north", "south"]) {
        const paid = [one, two].map(({ server }, node) => {
          const id = `${node}-${n}`;
          return server.log(log).execute([place(id, { total: 2 }), pay(id, { number: String(n) })]);
        });
        for (const done of await Promise.allSettled(paid))
          codes.push(
            done.status === "fulfilled" ? "recorded" : (done.reason as { details: { code: string } }).details.code,
          );
      }
    expect(codes.filter((code) => code === "recorded")).toHaveLength(20);
    expect(codes.filter((code) => code === "number-taken")).toHaveLength(20);
    expect(await report("select log, count(*)::int as n from a.invoice_v1 group by log order by log")).toEqual([
      { log: "north", n: 10 },
      { log: "south", n: 10 },
    ]);
    const { rows } = await two.server
      .log("south")
      .query(invoices, (t) => `select amount from ${t.total} where name = ?`, ["all"]);
    expect(rows).toEqual([{ amount: 20 }]);
    await one.server.drop("north");
    expect(await report("select distinct log from a.invoice_v1")).toEqual([{ log: "south" }]);
    expect(
      await report("select tablename from pg_tables where schemaname = 'a' and tablename like 'invoice%'"),
    ).toHaveLength(1);
  });

  test("async SQL model: verify shows a damaged row, and a rebuild repairs it", async () => {
    const old = await start({ domain: ordersDomain, store: store("b") });
    for (let n = 0; n < 12; n++)
      await old.server.log("shop").execute([place(`o${n}`, { total: n + 5 }), pay(`o${n}`, { number: String(n % 6) })]);
    await old.close();
    const { server } = await start({ domain: ordersDomain, store: store("b"), models: [invoices] });
    const log = server.log("shop");
    expect(await log.query(invoices, (t) => `select number from ${t.invoice} order by number`)).toMatchObject({
      parked: 6,
      rows: [0, 1, 2, 3, 4, 5].map((n) => ({ number: String(n) })),
    });
    const [{ tablename = "" } = {}] = await report(
      "select tablename from pg_tables where schemaname = 'b' and tablename like 'invoice%'",
    );
    await report(`update b.${String(tablename)} set total = 99 where number = '3'`);
    expect((await log.models.verify(invoices)).differences).toMatchObject([
      { key: 'invoice ["order/o3"]', stored: { total: 99 }, folded: { total: 8 } },
    ]);
    await (await log.models.rebuild(invoices)).finished();
    expect(await report("select total from b.invoice_v1 where number = '3'")).toEqual([{ total: 8 }]);
    const tables = "select tablename from pg_tables where schemaname = 'b' and tablename like 'invoice%'";
    await until(async () => (await report(tables)).length === 1, "the removal of the replaced table");
  });

  test("query: an app's own function that writes is refused, because the transaction is read-only", async () => {
    const { server } = await start({ domain: ordersDomain, store: store("c"), models: [strong(invoices)] });
    await server.log("shop").execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
    await report("create table c.written (n int)");
    await report(
      "create function c.writes() returns int language sql as 'insert into c.written values (1) returning n'",
    );
    await expect(server.log("shop").query(invoices, () => "select writes()")).rejects.toMatchObject({
      code: "invalid",
    });
    expect(await report("select * from c.written")).toEqual([]);
  });

  test("strong SQL model: other logs append while a report holds the view, and a new log follows", async () => {
    const { server } = await start({ domain: ordersDomain, store: store("d"), models: [strong(invoices)] });
    await server.log("old").execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
    await connected(async (client) => {
      await client.query("begin");
      await client.query("select * from d.invoice_v1");
      await server.log("old").execute([place("o2", { total: 1 }), pay("o2", { number: "2" })]);
      await client.query("commit");
    });
    await server.log("new").execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
    expect(await report("select log, number from d.invoice_v1 order by 1, 2")).toEqual([
      { log: "new", number: "1" },
      { log: "old", number: "1" },
      { log: "old", number: "2" },
    ]);
  });
});
