/** The latest orders and how far each has come, in memory. It follows the log from the moment when the shop opened. */
import type { DomainEvent } from "dacapo";
import type { ServerLog } from "dacapo/sync-server";
import * as v from "valibot";
import { amountOf, line } from "../domain/order.ts";

/** More than come at once. Otherwise an order of a burst would leave the list before its last event. */
const KEPT_MAX = 500;
const SHOWN = 8;

const placed = v.object({ customer: v.string(), lines: v.array(line) });
const reserved = v.object({ order: v.string() });
const cancelled = v.object({ reason: v.string() });

export type LatestOrder = {
  readonly id: string;
  readonly customer: string;
  readonly pieces: number;
  readonly cents: number;
  readonly isReserved: boolean;
  readonly status: "placed" | "paid" | "shipped" | "cancelled";
  /** Why it was cancelled. */
  readonly reason: string | null;
  /** Milliseconds from its placing to its latest event. */
  readonly ms: number;
};

export class LatestOrders {
  readonly #orders = new Map<string, { readonly order: LatestOrder; readonly placedAt: number }>();

  /** Ends when the server of the log closes. */
  async follow(log: ServerLog): Promise<void> {
    const types = ["OrderPlaced", "StockReserved", "OrderPaid", "OrderShipped", "OrderCancelled"];
    for await (const { event } of log.subscribe({ types })) this.add(event);
  }

  add({ type, stream, data, time }: DomainEvent): void {
    const id = stream.slice(stream.indexOf("/") + 1);
    if (type === "OrderPlaced") this.#place(id, v.parse(placed, data), time);
    else if (type === "StockReserved") this.#change(v.parse(reserved, data).order, time, { isReserved: true });
    else if (type === "OrderPaid") this.#change(id, time, { status: "paid" });
    else if (type === "OrderShipped") this.#change(id, time, { status: "shipped" });
    else if (type === "OrderCancelled")
      this.#change(id, time, { status: "cancelled", reason: v.parse(cancelled, data).reason });
  }

  /** The newest first. */
  list(): readonly LatestOrder[] {
    return [...this.#orders.values()]
      .slice(-SHOWN)
      .toReversed()
      .map(({ order }) => order);
  }

  #place(id: string, { customer, lines }: v.InferOutput<typeof placed>, placedAt: number): void {
    const pieces = lines.reduce((sum, { qty }) => sum + qty, 0);
    const fresh = { isReserved: false, status: "placed", reason: null, ms: 0 } as const;
    this.#orders.set(id, { order: { id, customer, pieces, cents: amountOf(lines), ...fresh }, placedAt });
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > KEPT_MAX && oldest !== undefined) this.#orders.delete(oldest);
  }

  #change(id: string, time: number, change: Partial<LatestOrder>): void {
    const known = this.#orders.get(id);
    if (!known) return;
    const { order, placedAt } = known;
    this.#orders.set(id, { order: { ...order, ...change, ms: Math.max(0, time - placedAt) }, placedAt });
  }
}
