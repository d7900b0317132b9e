// SQL models of a real server on a SQLite file, read by a connection of the app's own.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlModel, type SqlChange, strong } from "../../../../src/sync-server/app.ts";
import { until } from "../../../support/device.ts";
import { invoices, order, ordersDomain, TAKEN } from "../../../support/invoices-domain.ts";
import { runningServer } from "../../../support/running-server.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);

const { place, pay, cancel } = order.command;
const all = (t: { invoice: string }) => `select number, total from ${t.invoice} order by number`;

/** A report of the app's own, as a reporting tool runs it. */
function report(file: string, sql: string): unknown[] {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

const names = (file: string) =>
  report(
    file,
    "select name from sqlite_master where name like 'invoice%' and type in ('table', 'view') order by name",
  ).map((row) => (row as { name: string }).name);

test.each([invoices, strong(invoices)])(
  "sqlModel: a report sees the tables of all logs in one view (%#)",
  async (model) => {
    const server = await start({ domain: ordersDomain, models: [model] });
    for (const name of ["north", "south"]) {
      const log = server.server.log(name);
      await log.execute([place("o1", { total: 5 }), pay("o1", { number: `${name}-1` })]);
      const { at } = await log.execute([place("o2", { total: 7 }), pay("o2", { number: "2" })]);
      expect(await log.query(invoices, all, [], { at })).toMatchObject({ at, more: false, parked: 0 });
    }
    expect(report(server.file, "select * from invoice_v1 where number = '2' order by log")).toEqual([
      { log: "north", id: "order/o2", number: "2", total: 7 },
      { log: "south", id: "order/o2", number: "2", total: 7 },
    ]);
    expect(report(server.file, "select * from total_v1 where log = 'north'")).toEqual([
      { log: "north", name: "all", amount: 12 },
    ]);
    await server.server.drop("north");
    expect(report(server.file, "select log, number from invoice_v1")).toEqual([
      { log: "south", number: "2" },
      { log: "south", number: "south-1" },
    ]);
    await server.server.drop("south");
    expect(names(server.file)).toEqual([]);
  },
);

test("strong SQL model: a unique key rejects that commit alone, also among commits of one push", async () => {
  const server = await start({ domain: ordersDomain, models: [strong(invoices)] });
  const ada = server.person("ada", "shop");
  const paid = (id: string, number: string, total = 1) => ada.commit(place(id, { total }), pay(id, { number }));
  const { outcomes } = await ada.push([
    paid("o1", "1"),
    paid("o2", "1"),
    paid("o3", "3"),
    paid("o4", "3"),
    paid("o5", "5"),
  ]);
  const taken = { outcome: "rejected", command: 1, ...TAKEN };
  expect(outcomes).toMatchObject([
    { outcome: "recorded" },
    taken,
    { outcome: "recorded" },
    taken,
    { outcome: "recorded" },
  ]);
  const log = server.server.log("shop");
  expect((await log.query(invoices, all, [], { waitMs: 0 })).rows).toEqual([
    { number: "1", total: 1 },
    { number: "3", total: 1 },
    { number: "5", total: 1 },
  ]);
  // Nothing stays of a rejected commit, not even its statement that succeeded.
  expect((await log.query(invoices, (t) => `select amount from ${t.total}`)).rows).toEqual([{ amount: 3 }]);
  await log.execute(cancel("o1"));
  expect(await ada.outcomes(paid("o6", "1"))).toMatchObject([{ outcome: "recorded" }]);
});

test("strong SQL model: of many commits of several pushes, only the refused ones are rejected", async () => {
  const server = await start({ domain: ordersDomain, models: [strong(invoices)] });
  const people = ["ada", "bob", "ada"].map((who) => server.person(who, "shop"));
  const outcomes = await Promise.all(
    people.map((one, p) =>
      one.outcomes(
        ...Array.from({ length: 12 }, (_, n) =>
          one.commit(place(`${p}-${n}`, { total: 1 }), pay(`${p}-${n}`, { number: String(n % 6) })),
        ),
      ),
    ),
  );
  const counts = { recorded: 0, rejected: 0 };
  for (const { outcome } of outcomes.flat()) if (outcome !== "empty") counts[outcome]++;
  expect(counts).toEqual({ recorded: 6, rejected: 30 });
  const { rows } = await server.server.log("shop").query(invoices, (t) => `select amount from ${t.total}`);
  expect(rows).toEqual([{ amount: 6 }]);
});

test("strong SQL model: without a veto the code is model-failed, and park records the commit", async () => {
  const errors: unknown[] = [];
  const server = await start({
    domain: ordersDomain,
    models: [strong(invoices)],
    onError: (error) => errors.push(error),
  });
  const unlucky = [place("o1", { total: 13 }), pay("o1", { number: "1" })];
  const log = server.server.log("shop");
  await log.execute(place("o0", { total: 1 }));
  await expect(log.execute(unlucky)).rejects.toMatchObject({ details: { code: "model-failed" } });
  expect(errors).toHaveLength(1);
  const parking = await start({ domain: ordersDomain, models: [strong(invoices, { onError: "park" })] });
  const other = parking.server.log("shop");
  const { at } = await other.execute([...unlucky, place("o2", { total: 2 }), pay("o2", { number: "2" })]);
  expect(await other.query(invoices, all, [], { at, waitMs: 0 })).toMatchObject({
    parked: 1,
    rows: [{ number: "2", total: 2 }],
  });
});

test("async SQL model: an event with a refused statement is parked, and the next is folded", async () => {
  const server = await start({ domain: ordersDomain });
  const log = server.server.log("shop");
  for (let n = 0; n < 40; n++)
    await log.execute([place(`o${n}`, { total: n }), pay(`o${n}`, { number: n % 4 === 3 ? "0" : String(n) })]);
  await server.close();
  const next = await start({ domain: ordersDomain, models: [invoices], file: server.file });
  const { rows, parked } = await next.server.log("shop").query(invoices, (t) => `select amount from ${t.total}`);
  // 10 numbers are taken, and 13 breaks the check.
  const folded = Array.from({ length: 40 }, (_, n) => n).filter((n) => n % 4 !== 3 && n !== 13);
  expect(parked).toBe(11);
  expect(rows).toEqual([{ amount: folded.reduce((sum, n) => sum + n, 0) }]);
  const [first] = await next.server.log("shop").models.parked(invoices);
  expect(first?.stream).toBe("order/o3");
  expect(first?.reason).toContain("UNIQUE");
});

test("sqlModel: a rebuild replaces the tables in one write, and leaves no table of its own", async () => {
  const server = await start({ domain: ordersDomain, models: [invoices] });
  const log = server.server.log("shop");
  for (let n = 0; n < 20; n++) await log.execute([place(`o${n}`, { total: 1 }), pay(`o${n}`, { number: String(n) })]);
  const count = () => report(server.file, "select count(*) as n, sum(total) as total from invoice_v1");
  await until(() => names(server.file).includes("invoice_v1"), "the view");
  await log.query(invoices, all, [], { at: (await log.execute(place("last", { total: 1 }))).at });
  const before = names(server.file);
  const database = new DatabaseSync(server.file);
  database.exec("pragma busy_timeout = 5000");
  database.exec(`update ${before[0]} set total = 100 where number = '7'`);
  database.close();
  const { differences, rows } = await log.models.verify(invoices);
  expect(differences).toMatchObject([{ key: 'invoice ["order/o7"]', stored: { total: 100 }, folded: { total: 1 } }]);
  expect(rows).toBe(21);
  expect(count()).toEqual([{ n: 20, total: 119 }]);
  expect(await (await log.models.rebuild(invoices)).finished()).toMatchObject({ phase: "done", parked: 0 });
  expect(count()).toEqual([{ n: 20, total: 20 }]);
  expect((await log.models.verify(invoices)).differences).toEqual([]);
  await until(() => names(server.file).length === before.length, "the removal of the replaced tables");
  expect(names(server.file)).not.toEqual(before);
});

test("sqlModel: purge empties the view, populate fills it, and a cancelled job changes nothing", async () => {
  const server = await start({ domain: ordersDomain, models: [invoices] });
  const log = server.server.log("shop");
  await log.execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
  await log.query(invoices, all);
  await log.models.purge(invoices);
  expect(report(server.file, "select * from invoice_v1")).toEqual([]);
  await expect(log.query(invoices, all, [], { waitMs: 0 })).rejects.toMatchObject({ code: "rows-not-populated" });
  await (await log.models.populate(invoices)).finished();
  expect(report(server.file, "select log, number from invoice_v1")).toEqual([{ log: "shop", number: "1" }]);
  const job = await log.models.rebuild(invoices, { duty: 0.01 });
  await job.cancel();
  expect(report(server.file, "select log, number from invoice_v1")).toEqual([{ log: "shop", number: "1" }]);
  await until(() => names(server.file).length === 2, "the tables of ended jobs to go");
  await expect(log.models.delete(invoices, "x")).rejects.toMatchObject({ code: "invalid" });
});

test("sqlModel: another version is built beside the first, each with a view of its own", async () => {
  const one = await start({ domain: ordersDomain, models: [invoices] });
  await one.server.log("shop").execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
  await one.server.log("shop").query(invoices, all);
  await one.close();
  const next = sqlModel("invoices", {
    version: 2,
    from: [order],
    tables: { invoice: (t) => `create table ${t} (number text primary key, cents integer not null) strict` },
    on: {
      OrderPaid: ({ data, after }, t) => [
        { sql: `insert into ${t.invoice} values (?, ?)`, params: [data.number, (after?.total ?? 0) * 100] },
      ],
    },
  });
  const two = await start({ domain: ordersDomain, models: [next], file: one.file });
  await two.server.log("shop").query(next, (t) => `select * from ${t.invoice}`);
  expect(report(one.file, "select * from invoice_v2")).toEqual([{ log: "shop", number: "1", cents: 100 }]);
  expect(report(one.file, "select number from invoice_v1")).toEqual([{ number: "1" }]);
});

test("sqlModel: the view of many hundred logs has the rows of all", async () => {
  const server = await start({ domain: ordersDomain, models: [strong(invoices)] });
  const logs = 520;
  for (let n = 0; n < logs; n++)
    await server.server.log(`log-${n}`).execute([place("o", { total: n + 100 }), pay("o", { number: "1" })]);
  const sum = (logs * (logs - 1)) / 2 + logs * 100;
  expect(report(server.file, "select count(*) as n, sum(total) as total from invoice_v1")).toEqual([
    { n: logs, total: sum },
  ]);
  expect(report(server.file, "select total from invoice_v1 where log = 'log-519' and id = 'order/o'")).toEqual([
    { total: 619 },
  ]);
});

test("query: refuses changes, other tables and wrong SQL, and changes nothing", async () => {
  const server = await start({ domain: ordersDomain, models: [strong(invoices)] });
  const log = server.server.log("shop");
  await log.execute([place("o1", { total: 1 }), pay("o1", { number: "1" })]);
  const wrong: ((t: { invoice: string }) => string)[] = [
    (t) => `delete from ${t.invoice}`,
    (t) => `with x as (select 1) insert into ${t.invoice} select 'a', 'b', 1`,
    () => "select * from dacapo_records",
    () => "select * from sqlite_master",
    (t) => `select 1 from ${t.invoice}; drop table x`,
    (t) => `select nothing from ${t.invoice}`,
  ];
  for (const sql of wrong)
    await expect(log.query(invoices, sql), sql({ invoice: "t" })).rejects.toMatchObject({ code: "invalid" });
  await expect(log.rows(invoices)).rejects.toMatchObject({
    code: "invalid",
    message: "The rows cannot be read: invoices is a SQL model, which has tables in place of rows",
    fix: "Select from its views invoice_v1 and total_v1 in the database. Code of the server may call query().",
  });
  const found = await log.query(invoices, (t) => `select number from ${t.invoice} where total = ?`, [1]);
  expect(found.rows).toEqual([{ number: "1" }]);
});

test("serve: refuses SQL models in memory, and two models with one table", async () => {
  await expect(start({ domain: ordersDomain, models: [invoices], store: memory() })).rejects.toMatchObject({
    code: "sql-models-unsupported",
  });
  const other = sqlModel("others", {
    version: 1,
    from: [order],
    tables: { invoice: (t) => `create table ${t} (id text primary key)` },
    on: { OrderPaid: () => [] },
  });
  await expect(start({ domain: ordersDomain, models: [invoices, other] })).rejects.toMatchObject({
    code: "definition",
  });
});

test("sqlModel: a table that the database refuses is reported, with its statement", async () => {
  const errors: unknown[] = [];
  const broken = sqlModel("broken", {
    version: 1,
    from: [order],
    tables: { broken: (t) => `create table ${t} (id text primary key,)` },
    on: { OrderPaid: () => [] },
  });
  const server = await start({ domain: ordersDomain, models: [broken], onError: (error) => void errors.push(error) });
  const log = server.server.log("north");
  await log.execute(place("o1", { total: 5 }));
  const waiting = log.query(broken, (t) => `select * from ${t.broken}`, [], { waitMs: 400 });
  await expect(waiting).rejects.toMatchObject({ code: "rows-building" });
  await until(() => Promise.resolve(errors.length > 0), "the report of the error");
  expect(errors[0]).toMatchObject({
    code: "definition",
    message: expect.stringContaining("table broken") as string,
    details: { sql: expect.stringContaining("primary key,)") as string },
  });
  // The keeper waits after each failure, so that the reader reports no flood of errors.
  expect(errors.length).toBeLessThan(20);
});

test("strong SQL model: a veto of a wrong form rejects its commit, and the next is recorded", async () => {
  const wrong = sqlModel("wrong", {
    version: 1,
    from: [order],
    tables: { once: (t) => `create table ${t} (id text primary key, total integer not null)` },
    on: {
      OrderPaid: ({ stream }, t) => [
        {
          sql: `insert into ${t.once} values (?, null)`,
          params: [stream],
          veto: JSON.parse('"taken"') as NonNullable<SqlChange["veto"]>,
        },
      ],
    },
  });
  const server = await start({ domain: ordersDomain, models: [strong(wrong)], onError: () => {} });
  const log = server.server.log("north");
  await log.execute(place("o1", { total: 5 }));
  await expect(log.execute(pay("o1", { number: "1" }))).rejects.toMatchObject({
    code: "rejected",
    details: { code: "model-failed" },
    message: expect.stringContaining("`veto`") as string,
  });
  await log.execute(place("o2", { total: 5 }));
});
