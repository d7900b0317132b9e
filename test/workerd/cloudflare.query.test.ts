// Queries on SQL models from the code of a Worker, in real workerd: they answer as on Node.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { SqlModel } from "../../src/sync-server/cloudflare.ts";
import { invoices, order } from "../support/invoices-domain.ts";
import { orderLogs, orderTotals } from "./worker.ts";

const paid = (id: string, total: number) => [
  order.command.place(id, { total }),
  order.command.pay(id, { number: `n-${id}` }),
];

test("query: a Worker reads the tables of a SQL model in the object of the log", async () => {
  const log = orderLogs(env).log("north");
  const { at } = await log.execute([...paid("o1", 3), ...paid("o2", 5), ...paid("o3", 8)]);
  await orderLogs(env).log("south").execute(paid("o4", 9));
  const large = await log.query(
    invoices,
    (t) => `select id, total from ${t.invoice} where total > ? order by total desc`,
    [3],
    { at },
  );
  expect(large).toEqual({
    at,
    more: false,
    parked: 0,
    rows: [
      { id: "order/o3", total: 8 },
      { id: "order/o2", total: 5 },
    ],
  });
  expect(await log.query(invoices, (t) => `select id from ${t.invoice}`, [], { limit: 2 })).toMatchObject({
    more: true,
  });
});

test("query: a Worker gets the errors that it gets on Node", async () => {
  const log = orderLogs(env).log("errors");
  const { at } = await log.execute(paid("o1", 3));
  await log.query(invoices, (t) => `select id from ${t.invoice}`, [], { at });
  const invalid = { name: "ValidationError", code: "invalid" };
  await expect(log.query(invoices, (t) => `delete from ${t.invoice}`)).rejects.toMatchObject(invalid);
  await expect(log.query(invoices, () => "select * from dacapo_records")).rejects.toMatchObject(invalid);
  await expect(log.query(invoices, (t) => `select nothing from ${t.invoice}`)).rejects.toMatchObject(invalid);
  await expect(log.query(invoices, (t) => `select id from ${t.invoice}`, [], { limit: 0 })).rejects.toMatchObject(
    invalid,
  );
  const notSql = orderTotals as unknown as SqlModel<"order-totals", "invoice">;
  await expect(log.query(notSql, () => "select 1")).rejects.toMatchObject(invalid);
  const foreign = { ...invoices, definition: orderTotals.definition } as typeof invoices;
  await expect(log.query(foreign, () => "select 1")).rejects.toMatchObject({ code: "definition" });
});
