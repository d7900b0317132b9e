/** An order: placed by a customer, then paid and shipped, or cancelled. A repeated command changes nothing. */
import { aggregate } from "dacapo";
import * as v from "valibot";

const whole = v.pipe(v.number(), v.integer(), v.minValue(1));
/** Prices are whole cents. */
export const line = v.object({ sku: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/)), qty: whole, price: whole });
export type Line = v.InferOutput<typeof line>;

type Order = {
  readonly customer: string;
  readonly lines: readonly Line[];
  readonly status: "placed" | "paid" | "shipped" | "cancelled";
} | null;

export const order = aggregate("order", {
  version: 1,
  initial: null as Order,
  events: {
    OrderPlaced: v.object({ customer: v.string(), lines: v.array(line) }),
    OrderPaid: v.object({}),
    OrderShipped: v.object({}),
    OrderCancelled: v.object({ reason: v.string() }),
  },
  evolve: {
    OrderPlaced: (_, { data }) => ({ ...data, status: "placed" as const }),
    OrderPaid: (order) => order && { ...order, status: "paid" as const },
    OrderShipped: (order) => order && { ...order, status: "shipped" as const },
    OrderCancelled: (order) => order && { ...order, status: "cancelled" as const },
  },
  commands: {
    place: {
      input: v.object({ customer: v.string(), lines: v.pipe(v.array(line), v.minLength(1), v.maxLength(20)) }),
      decide: (order, input, { emit }) => (order ? [] : emit("OrderPlaced", input)),
    },
    pay: { decide: (order, _, { emit }) => (order?.status === "placed" ? emit("OrderPaid") : []) },
    ship: { decide: (order, _, { emit }) => (order?.status === "paid" ? emit("OrderShipped") : []) },
    cancel: {
      input: v.object({ reason: v.string() }),
      decide: (order, input, { emit }) => (order?.status === "placed" ? emit("OrderCancelled", input) : []),
    },
  },
});

/** In cents. */
export function amountOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { qty, price }) => sum + qty * price, 0);
}
