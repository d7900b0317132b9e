/** A payment of an order. Its id is the order's. */
import { aggregate } from "dacapo";
import * as v from "valibot";

type Payment = {
  readonly order: string;
  readonly amount: number;
  readonly status: "requested" | "taken" | "declined";
} | null;

export const payment = aggregate("payment", {
  version: 1,
  initial: null as Payment,
  events: {
    PaymentRequested: v.object({ order: v.string(), amount: v.number() }),
    PaymentTaken: v.object({}),
    PaymentDeclined: v.object({ code: v.string() }),
  },
  evolve: {
    PaymentRequested: (_, { data }) => ({ ...data, status: "requested" as const }),
    PaymentTaken: (payment) => payment && { ...payment, status: "taken" as const },
    PaymentDeclined: (payment) => payment && { ...payment, status: "declined" as const },
  },
  commands: {
    request: {
      input: v.object({ order: v.string(), amount: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
      decide: (payment, input, { emit }) => (payment ? [] : emit("PaymentRequested", input)),
    },
    take: { decide: (payment, _, { emit }) => (payment?.status === "requested" ? emit("PaymentTaken") : []) },
    decline: {
      input: v.object({ code: v.string() }),
      decide: (payment, input, { emit }) => (payment?.status === "requested" ? emit("PaymentDeclined", input) : []),
    },
  },
});
