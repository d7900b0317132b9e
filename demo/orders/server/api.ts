/** The HTTP API of the shop's own page and script, beside the sync server. */
import { Hono } from "hono";
import { RejectedError } from "dacapo";
import * as v from "valibot";
import { orderCounts, sales, stockLevels } from "../domain/models.ts";
import { line, order } from "../domain/order.ts";
import { stock } from "../domain/stock.ts";
import { SKUS } from "../order-of.ts";
import { countLog } from "./count-log.ts";
import { fulfilment } from "./fulfilment.ts";
import type { RunningShop } from "./running-shop.ts";

/** Pieces of each sku that the page's button receives. */
const FILL_QTY = 25;
/** The share of the time in which a slow job works, for each event. So it takes some seconds with every log. */
const SLOW_DUTY_EACH = 0.0002 / 500;

/** `commit` is a UUID of the caller. A repeated call with it records nothing. */
const placed = v.object({
  id: v.string(),
  commit: v.pipe(v.string(), v.uuid()),
  customer: v.string(),
  lines: v.array(line),
});
const received = v.object({ sku: v.string(), commit: v.pipe(v.string(), v.uuid()), qty: v.number() });
/** Only the skus with fewer pieces. */
const filling = v.object({ below: v.optional(v.number(), Infinity) });
const starting = v.object({ isSlow: v.optional(v.boolean(), false) });
const releasing = v.object({ sales: v.picklist(["mistaken", "right"]) });

export function shopApi(running: RunningShop): Hono {
  const api = new Hono();
  api.post("/orders", async (c) => {
    const { id, commit, customer, lines } = v.parse(placed, await c.req.json());
    const shop = await running.log();
    const { at } = await shop.execute(order.command.place(id, { customer, lines }), { id: commit, actor: customer });
    return c.json({ at });
  });
  api.post("/stock", async (c) => {
    const { sku, commit, qty } = v.parse(received, await c.req.json());
    const shop = await running.log();
    const { at } = await shop.execute(stock.command.receive(sku, { qty }), { id: commit, actor: "warehouse" });
    return c.json({ at });
  });
  api.post("/stock/fill", async (c) => {
    const { below } = v.parse(filling, await c.req.json().catch(() => ({})));
    const shop = await running.log();
    const left = new Map((await shop.rows(stockLevels, { limit: 5_000 })).rows.map(({ key, row }) => [key, row.left]));
    const low = SKUS.filter((sku) => (left.get(`stock/${sku}`) ?? 0) < below);
    // One commit: all skus or none.
    const commands = low.map((sku) => stock.command.receive(sku, { qty: FILL_QTY }));
    if (commands.length > 0) await shop.execute(commands, { actor: "warehouse" });
    return c.json({});
  });
  api.get("/state", async (c) => c.json(await stateOf(running)));
  api.get("/sales", async (c) => c.json(await (await running.log()).rows(sales.name, { limit: 5_000 })));
  api.get("/stock", async (c) => c.json(await (await running.log()).rows(stockLevels, { limit: 5_000 })));
  api.get("/count", async (c) => c.json(await countLog(await running.log())));
  api.post("/release", async (c) => {
    await running.change(v.parse(releasing, await c.req.json()).sales);
    return c.json({});
  });
  addJobs(api, running);
  api.onError((error, c) => {
    if (error instanceof v.ValiError) return c.json({ error: error.message }, 400);
    if (error instanceof RejectedError) return c.json({ error: error.message, code: error.details["code"] }, 409);
    return c.json({ error: error.message }, 503);
  });
  return api;
}

/** The verbs of the model's jobs. They name `sales`, because its definition is that of the release. */
function addJobs(api: Hono, running: RunningShop): void {
  for (const [path, verb] of [
    ["/sales/rebuild", "rebuild"],
    ["/sales/compare", "startVerify"],
  ] as const)
    api.post(path, async (c) => {
      const { isSlow } = v.parse(starting, await c.req.json().catch(() => ({})));
      const { models } = await running.log();
      const { at } = await models.status(sales.name);
      // A cursor begins with the position.
      const events = Number.parseInt(at ?? "0", 10);
      const duty = Math.min(1, Math.max(500, events) * SLOW_DUTY_EACH);
      const job = await models[verb](sales.name, isSlow ? { duty } : {});
      return c.json(await job.progress());
    });
  for (const verb of ["pause", "resume", "cancel"] as const)
    api.post(`/sales/${verb}`, async (c) => {
      await (await (await running.log()).models.job(sales.name))?.[verb]();
      return c.json({});
    });
  api.post("/verify/:model", async (c) => {
    const { rows, differences } = await (await running.log()).models.verify(c.req.param("model"));
    return c.json({ rows, differences });
  });
}

/** The state for the page: the orders, the models with their jobs, the processes, and what `sales` lacks. */
async function stateOf(running: RunningShop) {
  const shop = await running.log();
  const [counts, models, [process], commands, parked, verified] = await Promise.all([
    shop.rows(orderCounts).catch(() => ({ rows: [], at: null })),
    shop.models.list(),
    shop.processes.list(),
    shop.processes.commands(fulfilment, { limit: 5 }),
    running.release === "none" ? [] : shop.models.parked(sales.name),
    running.release === "none" ? null : shop.models.status(sales.name).then((status) => status.verified),
  ]);
  const orders = Object.fromEntries(counts.rows.map(({ key, row }) => [key, row.orders]));
  const latest = running.latest.list();
  const compared = verified && { rows: verified.rows, differences: verified.differences.length };
  return { orders, at: counts.at, models, process, commands, release: running.release, parked, compared, latest };
}
