/** The shop's domain. Raise `version` with each release that changes an imported module. */
import { defineDomain } from "dacapo";
import { order } from "./domain/order.ts";
import { payment } from "./domain/payment.ts";
import { stock } from "./domain/stock.ts";

export const domain = defineDomain({ version: 1, aggregates: [order, payment, stock] });
