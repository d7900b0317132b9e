/**
 * The stock of one sku: received, reserved for orders, then shipped or released again. A state has only the orders that
 * are open. Otherwise it would grow with each order, and so would the cost of the next one.
 */
import { aggregate } from "dacapo";
import * as v from "valibot";

const qty = v.pipe(v.number(), v.integer(), v.minValue(1));

type Stock = { readonly left: number; readonly reserved: { readonly [order: string]: number } };

export const stock = aggregate("stock", {
  version: 1,
  initial: { left: 0, reserved: {} } as Stock,
  events: {
    StockReceived: v.object({ qty }),
    StockReserved: v.object({ order: v.string(), qty }),
    StockReleased: v.object({ order: v.string(), qty }),
    StockShipped: v.object({ order: v.string() }),
  },
  evolve: {
    StockReceived: ({ left, reserved }, { data }) => ({ left: left + data.qty, reserved }),
    StockReserved: ({ left, reserved }, { data }) => ({
      left: left - data.qty,
      reserved: { ...reserved, [data.order]: data.qty },
    }),
    StockReleased: ({ left, reserved }, { data }) => {
      const { [data.order]: _, ...others } = reserved;
      return { left: left + data.qty, reserved: others };
    },
    StockShipped: ({ left, reserved }, { data }) => {
      const { [data.order]: _, ...others } = reserved;
      return { left, reserved: others };
    },
  },
  commands: {
    receive: { input: v.object({ qty }), decide: (_, input, { emit }) => emit("StockReceived", input) },
    reserve: {
      input: v.object({ order: v.string(), qty }),
      decide: ({ left, reserved }, input, { emit, reject }) => {
        if (input.order in reserved) return [];
        return left < input.qty ? reject("sold-out", "There is not enough in stock") : emit("StockReserved", input);
      },
    },
    release: {
      input: v.object({ order: v.string() }),
      decide: ({ reserved }, { order }, { emit }) => {
        const held = reserved[order];
        return held === undefined ? [] : emit("StockReleased", { order, qty: held });
      },
    },
    ship: {
      input: v.object({ order: v.string() }),
      decide: ({ reserved }, { order }, { emit }) => (order in reserved ? emit("StockShipped", { order }) : []),
    },
  },
});
