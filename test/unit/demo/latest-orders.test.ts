import { expect, test } from "vitest";
import type { DomainEvent, Json } from "../../../src/index.ts";
import { LatestOrders } from "../../../demo/orders/server/latest-orders.ts";

const lines = [{ sku: "sku-1", qty: 2, price: 150 }];
let position = 0;

function event(type: string, stream: string, time: number, data: Json = {}): DomainEvent {
  position++;
  const place = { version: 1, position, actor: "ada", client: "c", meta: null };
  const [aggregate = ""] = stream.split("/");
  return { id: `c${position}:0`, type, data, aggregate, stream, time, correlation: `c${position}`, ...place };
}

test("LatestOrders: shows how far an order came, why it was cancelled, and how long it took", () => {
  const latest = new LatestOrders();
  latest.add(event("OrderPlaced", "order/o1", 1_000, { customer: "Ada", lines }));
  latest.add(event("OrderPlaced", "order/o2", 1_100, { customer: "Bob", lines }));
  latest.add(event("StockReserved", "stock/sku-1", 1_150, { order: "o1", qty: 2 }));
  latest.add(event("OrderPaid", "order/o1", 1_200));
  latest.add(event("OrderShipped", "order/o1", 1_300));
  latest.add(event("OrderCancelled", "order/o2", 1_125, { reason: "sold-out" }));
  latest.add(event("OrderPaid", "order/unknown", 1_400));
  const both = { pieces: 2, cents: 300 };
  expect(latest.list()).toEqual([
    { id: "o2", customer: "Bob", ...both, isReserved: false, status: "cancelled", reason: "sold-out", ms: 25 },
    { id: "o1", customer: "Ada", ...both, isReserved: true, status: "shipped", reason: null, ms: 300 },
  ]);
});

test("LatestOrders: lists the 8 newest, and an order of a burst still gets its last event", () => {
  const latest = new LatestOrders();
  for (let n = 1; n <= 300; n++) latest.add(event("OrderPlaced", `order/o${n}`, n, { customer: "Ada", lines }));
  for (let n = 1; n <= 300; n++) latest.add(event("OrderShipped", `order/o${n}`, 1_000));
  expect(latest.list().map(({ id, status }) => `${id} ${status}`)).toEqual(
    [300, 299, 298, 297, 296, 295, 294, 293].map((n) => `o${n} shipped`),
  );
});
