/** Counts the shop's log from its events alone, without any read model. The script compares the models with it. */
import type { DomainEvent, Json } from "dacapo";
import type { ServerLog } from "dacapo/sync-server";
import * as v from "valibot";

const lines = v.object({ lines: v.array(v.object({ qty: v.number() })) });

export type ShopCount = {
  readonly events: number;
  readonly placed: number;
  readonly shipped: number;
  readonly cancelled: { readonly [reason: string]: number };
  /** Orders with more than one payment that was taken. */
  readonly paidTwice: number;
  readonly received: number;
  /** Quantities of shipped orders. */
  readonly shippedQty: number;
};

export async function countLog(shop: ServerLog): Promise<ShopCount> {
  const counter = new Counter();
  await shop.models.replay({ into: (event) => counter.add(event) });
  return counter.result();
}

class Counter {
  /** Quantities of orders, by stream. */
  readonly #placed = new Map<string, number>();
  readonly #payments = new Map<string, number>();
  readonly #cancelled = new Map<string, number>();
  #events = 0;
  #shipped = 0;
  #shippedQty = 0;
  #received = 0;

  add({ type, stream, data }: DomainEvent): void {
    this.#events++;
    if (type === "OrderPlaced") this.#placed.set(stream, quantityOf(data));
    else if (type === "OrderCancelled") increase(this.#cancelled, String(fieldOf(data, "reason")));
    else if (type === "PaymentTaken") increase(this.#payments, stream);
    else if (type === "StockReceived") this.#received += Number(fieldOf(data, "qty"));
    else if (type === "OrderShipped") {
      this.#shipped++;
      this.#shippedQty += this.#placed.get(stream) ?? 0;
    }
  }

  result(): ShopCount {
    return {
      events: this.#events,
      placed: this.#placed.size,
      shipped: this.#shipped,
      cancelled: Object.fromEntries(this.#cancelled),
      paidTwice: [...this.#payments.values()].filter((count) => count > 1).length,
      received: this.#received,
      shippedQty: this.#shippedQty,
    };
  }
}

function increase(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function quantityOf(data: Json): number {
  let sum = 0;
  for (const { qty } of v.parse(lines, data).lines) sum += qty;
  return sum;
}

function fieldOf(data: Json, name: string): unknown {
  return typeof data === "object" && data !== null && !Array.isArray(data)
    ? Object.entries(data).find(([key]) => key === name)?.[1]
    : null;
}
