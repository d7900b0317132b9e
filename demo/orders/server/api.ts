/** The HTTP API of the shop's own page and script, beside the sync server. */
import { Hono } from "hono";
import { RejectedError } from "dacapo";
import type { ServerLog, SyncServer } from "dacapo/sync-server";
import * as v from "valibot";
import { orderCounts, sales, stockLevels } from "../domain/models.ts";
import { line, order } from "../domain/order.ts";
import { stock } from "../domain/stock.ts";
import { SKUS } from "../order-of.ts";
import { countLog } from "./count-log.ts";
import { fulfilment } from "./fulfilment.ts";
import { LOG } from "./shop.ts";

/** Pieces of each sku that the page's button receives. */
const FILL_QTY = 25;

/** `commit` is a UUID of the caller. A repeated call with it records nothing. */
const placed = v.object({
  id: v.string(),
  commit: v.pipe(v.string(), v.uuid()),
  customer: v.string(),
  lines: v.array(line),
});
const received = v.object({ sku: v.string(), commit: v.pipe(v.string(), v.uuid()), qty: v.number() });

export function shopApi(server: SyncServer): Hono {
  const shop = server.log(LOG);
  const api = new Hono();
  api.post("/orders", async (c) => {
    const { id, commit, customer, lines } = v.parse(placed, await c.req.json());
    const { at } = await shop.execute(order.command.place(id, { customer, lines }), { id: commit, actor: customer });
    return c.json({ at });
  });
  api.post("/stock", async (c) => {
    const { sku, commit, qty } = v.parse(received, await c.req.json());
    const { at } = await shop.execute(stock.command.receive(sku, { qty }), { id: commit, actor: "warehouse" });
    return c.json({ at });
  });
  api.post("/stock/fill", async (c) => {
    // One commit: all skus or none.
    await shop.execute(
      SKUS.map((sku) => stock.command.receive(sku, { qty: FILL_QTY })),
      { actor: "warehouse" },
    );
    return c.json({});
  });
  api.get("/state", async (c) => c.json(await stateOf(shop)));
  api.get("/sales", async (c) => c.json(await shop.rows(sales, { limit: 5_000 })));
  api.get("/stock", async (c) => c.json(await shop.rows(stockLevels, { limit: 5_000 })));
  api.get("/count", async (c) => c.json(await countLog(shop)));
  api.post("/sales/rebuild", async (c) => {
    const job = await shop.models.rebuild(sales);
    return c.json(await job.progress());
  });
  api.post("/verify/:model", async (c) => {
    const model = c.req.param("model") === "sales" ? sales : stockLevels;
    const { rows, differences } = await shop.models.verify(model);
    return c.json({ rows, differences });
  });
  api.onError((error, c) => {
    if (error instanceof v.ValiError) return c.json({ error: error.message }, 400);
    if (error instanceof RejectedError) return c.json({ error: error.message, code: error.details["code"] }, 409);
    return c.json({ error: error.message }, 503);
  });
  return api;
}

/** The state for the page: the orders by status, the models with their jobs, and the processes. */
async function stateOf(shop: ServerLog) {
  const [counts, models, [process], commands] = await Promise.all([
    shop.rows(orderCounts).catch(() => ({ rows: [], at: null })),
    shop.models.list(),
    shop.processes.list(),
    shop.processes.commands(fulfilment, { limit: 5 }),
  ]);
  const orders = Object.fromEntries(counts.rows.map(({ key, row }) => [key, row.orders]));
  return { orders, at: counts.at, models, process, commands };
}
