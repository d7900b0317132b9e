/**
 * The process of an order, from its placing to its shipping or its cancelling.
 *
 * Placed: reserve the stock and request the payment, in one commit. Sold out or declined: cancel. Taken: pay. Paid:
 * ship the order and its stock. Cancelled: release the stock. No payment within 15 minutes: cancel.
 */
import { processManager } from "dacapo/sync-server";
import { amountOf, order } from "../domain/order.ts";
import { payment } from "../domain/payment.ts";
import { stock } from "../domain/stock.ts";

const PAYMENT_MS_MAX = 15 * 60_000;

export const fulfilment = processManager("fulfilment", {
  version: 1,
  from: [order, payment],
  start: "beginning",
  initial: null as { skus: readonly string[] } | null,
  key: ({ stream }) => idOf(stream),
  on: {
    OrderPlaced: (_, { key, data: { lines } }, { run, later }) => {
      const reservations = lines.map(({ sku, qty }) => stock.command.reserve(sku, { order: key, qty }));
      run([...reservations, payment.command.request(key, { order: key, amount: amountOf(lines) })]);
      later("payment-late", PAYMENT_MS_MAX, order.command.cancel(key, { reason: "payment-late" }));
      return { skus: lines.map(({ sku }) => sku) };
    },
    PaymentTaken: (row, { key }, { run, drop }) => {
      drop("payment-late");
      run(order.command.pay(key));
      return row;
    },
    PaymentDeclined: (row, { key, data }, { run }) => {
      run(order.command.cancel(key, { reason: data.code }));
      return row;
    },
    OrderPaid: (row, { key }, { run }) => {
      const skus = row?.skus ?? [];
      run([order.command.ship(key), ...skus.map((sku) => stock.command.ship(sku, { order: key }))]);
      return row;
    },
    OrderCancelled: (row, { key }, { run }) => {
      if (row) run(row.skus.map((sku) => stock.command.release(sku, { order: key })));
      return null;
    },
    OrderShipped: () => null,
  },
  onRejected: ({ key, code }, { run }) => run(order.command.cancel(key, { reason: code })),
});

function idOf(stream: string): string {
  return stream.slice(stream.indexOf("/") + 1);
}
