/** The read models of the shop. */
import { projection, veto } from "dacapo";
import { order } from "./order.ts";
import { stock } from "./stock.ts";

/** The pieces left of each sku. As a strong model, it refuses a commit that would sell more than there is. */
export const stockLevels = projection("stock-levels", {
  version: 1,
  from: [stock],
  initial: { left: 0 },
  on: {
    StockReceived: ({ left }, { data }) => ({ left: left + data.qty }),
    StockReserved: ({ left }, { data }) =>
      left < data.qty ? veto("below-zero", "There is not enough in stock") : { left: left - data.qty },
    StockReleased: ({ left }, { data }) => ({ left: left + data.qty }),
  },
});

/** The number of orders in each status. */
export const orderCounts = projection("order-counts", {
  version: 1,
  from: [order],
  initial: { orders: 0 },
  key: (_, { before, after }) => [before?.status, after?.status],
  on: { OrderPlaced: recount, OrderPaid: recount, OrderShipped: recount, OrderCancelled: recount },
});

/** Paid quantities and cents by day and sku, such as `2026-11-29/sku-7`. */
export const sales = salesModel({ failsFor: null });

/** The same with a mistake: it throws for the orders of one customer. */
export const mistakenSales = salesModel({ failsFor: "Zoë" });

function salesModel({ failsFor }: { readonly failsFor: string | null }) {
  return projection("sales", {
    version: 1,
    from: [order],
    initial: { qty: 0, cents: 0 },
    key: ({ time }, { after }) =>
      (after?.lines ?? []).map(({ sku }) => `${new Date(time).toISOString().slice(0, 10)}/${sku}`),
    on: {
      OrderPaid: (row, { key, after }) => {
        if (after && after.customer === failsFor) throw new Error(`a mistake for the orders of ${failsFor}`);
        const sold = (after?.lines ?? []).filter(({ sku }) => key.endsWith(`/${sku}`));
        return sold.reduce(
          ({ qty, cents }, line) => ({ qty: qty + line.qty, cents: cents + line.qty * line.price }),
          row,
        );
      },
    },
  });
}

type Around = {
  readonly key: string;
  readonly before: { readonly status: string } | null;
  readonly after: { readonly status: string } | null;
};

function recount({ orders }: { readonly orders: number }, { key, before, after }: Around) {
  return { orders: orders - Number(before?.status === key) + Number(after?.status === key) };
}
