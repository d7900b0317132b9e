/** The payment provider, called by a subscriber. It declines amounts that end with 13 cents, and fails at times. */
import { subscriber } from "dacapo/sync-server";
import { payment } from "../domain/payment.ts";

/** The share of calls that the provider does not answer. */
const FAILS = 0.01;

export const provider = subscriber("provider", {
  from: [payment],
  start: "beginning",
  // Calls wait for the provider, so many of them run at once.
  concurrency: 64,
  retry: { attempts: 8, firstMs: 50, maxMs: 1_000 },
  on: {
    PaymentRequested: async ({ data }, { execute }) => {
      if (Math.random() < FAILS) throw new Error("the provider did not answer");
      const isDeclined = data.amount % 100 === 13;
      await execute(
        isDeclined ? payment.command.decline(data.order, { code: "declined" }) : payment.command.take(data.order),
      );
    },
  },
});
