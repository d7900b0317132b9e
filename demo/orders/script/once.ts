/**
 * `npm run demo:orders -- --once --orders 10000`: a day of the shop, with a kill, a read model that comes later, and an
 * event that it cannot fold at first. Each line ends with "ok", or the script exits with 1.
 */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as v from "valibot";
import type { ShopCount } from "../server/count-log.ts";
import { orderOf, SKUS } from "../order-of.ts";
import { callUntilAnswered, p99, placeAtRate, placeOrders } from "./place-orders.ts";
import { ShopProcess } from "./shop-process.ts";

/** Pieces of each sku that the warehouse receives, for each order. Less than the orders want, so some are sold out. */
const PIECES_PER_ORDER = 4.2;
/** The customer whose orders the first release of `sales` cannot fold, and a sku that is never sold out. */
const POISON = { customer: "Zoë", sku: "sku-gift" };
const LIVE_PER_SECOND = 200;
/** About as long as `sales` of 10,000 orders take. */
const BEFORE_MS = 5_000;
const SETTLE_MS_MAX = 900_000;
/** Events between two bases. A day with few orders has a base too. */
const BASE_EVERY = 10_000;

const stateOf = v.object({
  orders: v.record(v.string(), v.number()),
  models: v.array(v.object({ name: v.string(), phase: v.string(), behind: v.number(), parked: v.number() })),
  process: v.object({ behind: v.number(), commands: v.number() }),
});
const verified = v.object({ rows: v.number(), differences: v.array(v.unknown()) });
const counted = v.object({
  events: v.number(),
  placed: v.number(),
  shipped: v.number(),
  cancelled: v.record(v.string(), v.number()),
  paidTwice: v.number(),
  received: v.number(),
  shippedQty: v.number(),
});
const stockRows = v.object({ rows: v.array(v.object({ key: v.string(), row: v.object({ left: v.number() }) })) });

/** The result of a new device that joined the log. */
export type NewDevice = {
  readonly baseBytes: number;
  /** Milliseconds from opening the log to its first rows. */
  readonly firstRowsMs: number;
  readonly events: number;
  readonly rows: number;
  /** True: its log begins at a base, and its rows are those of a device that folded the whole log. */
  readonly isRight: boolean;
};

/**
 * Returns true if every line is ok.
 *
 * @param joinByBase lets a new device join by the address of the sync server
 */
export async function runOnce(
  orders: number,
  print: (line: string) => void,
  joinByBase: (url: string) => Promise<NewDevice>,
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-orders-"));
  const shop = new ShopProcess(join(folder, "shop.db"), Math.min(BASE_EVERY, orders));
  let isFine = true;
  const line = (name: string, text: string, ok: boolean) => {
    isFine &&= ok;
    print(`${name.padEnd(12)}${text}  ${ok ? "ok" : "FAILED"}`);
  };
  try {
    await shop.start("none");
    await receiveStock(shop, orders);
    const killed = await placeWithKill(shop, orders, (text) => print(`${"placed".padEnd(12)}${text}`));
    await settled(shop);
    const count = await countOf(shop);
    const left = await leftOf(shop);
    const { "sold-out": soldOut = 0, declined = 0 } = count.cancelled;
    const open = count.placed - count.shipped - soldOut - declined;
    line(
      "settled",
      `shipped ${count.shipped}  declined ${declined}  sold out ${soldOut}  open ${open};  ` +
        `received ${count.received} = ${left} left + ${count.shippedQty} shipped`,
      open === 0 && count.received === left + count.shippedQty,
    );
    line(
      "kill -9",
      `at order ${killed}: ${count.paidTwice} paid twice, ${orders - count.placed} lost`,
      count.paidTwice === 0 && count.placed === orders,
    );
    await addSales(shop, orders, count, print);
    await repairSales(shop, line);
    const { baseBytes, firstRowsMs, events: synced, rows, isRight } = await joinByBase(shop.syncUrl);
    line(
      "new device",
      `base ${Math.ceil(baseBytes / 1_000)} kB, first rows in ${firstRowsMs.toFixed(0)} ms, log of ${synced} events;  ` +
        `${rows} rows ${isRight ? "equal to a replay" : "NOT those of a replay"}`,
      isRight,
    );
  } finally {
    await shop.end("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  }
  return isFine;
}

async function receiveStock(shop: ShopProcess, orders: number): Promise<void> {
  const qty = Math.ceil((orders * PIECES_PER_ORDER) / SKUS.length);
  for (const sku of [...SKUS, POISON.sku]) await callUntilAnswered(shop, "/stock", { sku, commit: randomUUID(), qty });
}

/** Places all orders, and kills the server after half of them. Returns the number of the order at the kill. */
async function placeWithKill(shop: ShopProcess, orders: number, print: (text: string) => void): Promise<number> {
  const half = Math.floor(orders / 2);
  const started = performance.now();
  const restarts: Promise<void>[] = [];
  await placeOrders(shop, 0, orders, (n) => {
    if (n >= half && restarts.length === 0) restarts.push(shop.end("SIGKILL").then(() => shop.start("none")));
  });
  await Promise.all(restarts);
  const seconds = (performance.now() - started) / 1_000;
  print(`${orders} orders, ${SKUS.length} skus, ${seconds.toFixed(1)} s, ${Math.round(orders / seconds)} orders/s`);
  return half;
}

/** Waits until no process has work. */
async function settled(shop: ShopProcess): Promise<void> {
  const until = performance.now() + SETTLE_MS_MAX;
  for (let quiet = 0; quiet < 3;) {
    if (performance.now() > until) throw new Error("The orders did not settle");
    await sleep(500);
    const { orders, process } = v.parse(stateOf, await shop.call("GET", "/state"));
    const isQuiet = process.behind === 0 && process.commands === 0 && !orders["placed"] && !orders["paid"];
    quiet = isQuiet ? quiet + 1 : 0;
  }
}

/**
 * Starts the release whose `sales` have a mistake, and measures commits while it builds them. The commits before are
 * those of a server that was just started too: its code is not compiled yet, and its streams are not in memory.
 */
async function addSales(
  shop: ShopProcess,
  orders: number,
  { events }: ShopCount,
  print: (line: string) => void,
): Promise<void> {
  await shop.end("SIGTERM");
  await shop.start("none");
  const before = await placeAtRate(shop, { from: orders, perSecond: LIVE_PER_SECOND, until: sleep(BEFORE_MS) });
  // One order of the customer whose orders the first release of the model cannot fold.
  await callUntilAnswered(shop, "/orders", {
    ...orderOf(before.next),
    commit: randomUUID(),
    customer: POISON.customer,
    lines: [{ sku: POISON.sku, qty: 1, price: 100 }],
  });
  await settled(shop);
  await shop.end("SIGTERM");
  const started = performance.now();
  await shop.start("mistaken");
  const ready = untilReady(shop);
  const during = await placeAtRate(shop, { from: before.next + 1, perSecond: LIVE_PER_SECOND, until: ready });
  await ready;
  const seconds = (performance.now() - started) / 1_000;
  print(
    `${"sales".padEnd(12)}populated from ${events} events in ${seconds.toFixed(1)} s beside ${LIVE_PER_SECOND} orders/s ` +
      `(p99 ${p99(during.times).toFixed(0)} ms, before ${p99(before.times).toFixed(0)} ms)`,
  );
  await settled(shop);
}

async function untilReady(shop: ShopProcess): Promise<void> {
  for (;;) {
    const { models } = v.parse(stateOf, await shop.call("GET", "/state"));
    if (models.some(({ name, phase }) => name === "sales" && phase === "ready")) return;
    await sleep(100);
  }
}

/** The poison event is parked. The next release folds it in a rebuild. */
async function repairSales(shop: ShopProcess, line: (name: string, text: string, ok: boolean) => void): Promise<void> {
  const parked = await parkedOf(shop);
  await shop.end("SIGTERM");
  await shop.start("right");
  await shop.call("POST", "/sales/rebuild");
  for (;;) {
    const { models } = v.parse(stateOf, await shop.call("GET", "/state"));
    const model = models.find(({ name }) => name === "sales");
    if (model?.phase === "ready" && model.parked === 0 && model.behind === 0) break;
    await sleep(100);
  }
  const left = await parkedOf(shop);
  const [sales, stock] = [await verifiedOf(shop, "sales"), await verifiedOf(shop, "stock-levels")];
  const differences = sales.differences.length + stock.differences.length;
  line(
    "verify",
    `sales ${sales.rows} rows, stock-levels ${stock.rows} rows: ${differences} differences;  ` +
      `${parked} poison event parked, ${left === 0 ? "repaired" : `${left} left`}`,
    differences === 0 && parked === 1 && left === 0,
  );
}

async function parkedOf(shop: ShopProcess): Promise<number> {
  const { models } = v.parse(stateOf, await shop.call("GET", "/state"));
  return models.find(({ name }) => name === "sales")?.parked ?? 0;
}

async function verifiedOf(shop: ShopProcess, model: string) {
  return v.parse(verified, await shop.call("POST", `/verify/${model}`));
}

async function countOf(shop: ShopProcess): Promise<ShopCount> {
  return v.parse(counted, await shop.call("GET", "/count"));
}

async function leftOf(shop: ShopProcess): Promise<number> {
  const { rows } = v.parse(stockRows, await shop.call("GET", "/stock"));
  return rows.reduce((sum, { row }) => sum + row.left, 0);
}
