/** The shop's domain, with the rows of devices. Raise `version` with each release that changes an imported module. */
import { defineDomain } from "dacapo";
import { orderCounts, stockLevels } from "./domain/models.ts";
import { order } from "./domain/order.ts";
import { payment } from "./domain/payment.ts";
import { stock } from "./domain/stock.ts";

export const domain = defineDomain({
  version: 2,
  aggregates: [order, payment, stock],
  projections: [orderCounts, stockLevels],
});
