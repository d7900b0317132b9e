/** A shop for tests of process managers: orders, their payments, and the process between them. */
import * as v from "valibot";
import { aggregate, defineDomain, type EventsOf } from "../../src/index.ts";
import { processManager, type ProcessVerbs } from "../../src/sync-server/app.ts";

type Order = { status: "placed" | "paid" | "cancelled"; notes: number } | null;

export const order = aggregate("order", {
  version: 1,
  initial: null as Order,
  events: {
    OrderPlaced: v.object({ amount: v.number() }),
    OrderNoted: v.object({ text: v.string() }),
    OrderPaid: v.object({}),
    OrderCancelled: v.object({ reason: v.string() }),
  },
  evolve: {
    OrderPlaced: () => ({ status: "placed" as const, notes: 0 }),
    OrderNoted: (state) => state && { ...state, notes: state.notes + 1 },
    OrderPaid: (state) => state && { ...state, status: "paid" as const },
    OrderCancelled: (state) => state && { ...state, status: "cancelled" as const },
  },
  commands: {
    place: {
      input: v.object({ amount: v.number() }),
      decide: (state, input, { emit }) => (state ? [] : emit("OrderPlaced", input)),
    },
    note: {
      input: v.object({ text: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? emit("OrderNoted", input) : reject("no-such-order")),
    },
    pay: { decide: (state, _, { emit }) => (state?.status === "placed" ? emit("OrderPaid") : []) },
    cancel: {
      input: v.object({ reason: v.string() }),
      decide: (state, input, { emit }) => (state?.status === "placed" ? emit("OrderCancelled", input) : []),
    },
  },
});

export const payment = aggregate("payment", {
  version: 1,
  initial: null as { order: string; amount: number; taken: boolean } | null,
  events: { PaymentRequested: v.object({ order: v.string(), amount: v.number() }), PaymentTaken: v.object({}) },
  evolve: {
    PaymentRequested: (_, { data }) => ({ ...data, taken: false }),
    PaymentTaken: (state) => state && { ...state, taken: true },
  },
  commands: {
    request: {
      input: v.object({ order: v.string(), amount: v.number() }),
      decide: (state, input, { emit, reject }) =>
        state ? [] : input.amount === 13 ? reject("no-credit", "No credit") : emit("PaymentRequested", input),
    },
    take: { decide: (state, _, { emit }) => (state && !state.taken ? emit("PaymentTaken") : []) },
  },
});

export const shop = defineDomain({ version: 1, aggregates: [order, payment] });

export type Flow = { readonly status: "waiting" | "paid"; readonly notes: number } | null;

/** A note with this text breaks the handler. */
export const POISON = "poison";

type FlowOptions = {
  readonly version?: number;
  readonly lateMs?: number;
  /** True: the handler throws for a note with the text `poison`. */
  readonly isPoisoned?: () => boolean;
};

const idOf = (key: string): string => key.slice(key.indexOf("/") + 1);
const orderOf = (event: EventsOf<typeof order | typeof payment>, id: string | undefined): string | null =>
  event.aggregate === "order" ? event.stream : id === undefined ? null : `order/${id}`;

/** Orders wait for their payment, and are cancelled without one. Each note of an order gets an answer. */
export function fulfilmentOf({ version = 1, lateMs = 15 * 60_000, isPoisoned = () => true }: FlowOptions = {}) {
  return processManager("fulfilment", {
    version,
    from: [order, payment],
    start: "beginning",
    initial: null as Flow,
    key: (event, { after }) => orderOf(event, after && "order" in after ? after.order : undefined),
    on: {
      OrderPlaced: (_, { key, data }, { run, later }) => {
        run(payment.command.request(idOf(key), { order: idOf(key), amount: data.amount }));
        later("payment-late", lateMs, order.command.cancel(idOf(key), { reason: "payment-late" }));
        return { status: "waiting", notes: 0 };
      },
      OrderNoted: (flow, { key, data, actor }, { run }) => {
        if (data.text === POISON && isPoisoned()) throw new Error("poison");
        if (flow && !actor.startsWith("~")) run(order.command.note(idOf(key), { text: `answer to ${data.text}` }));
        return flow && { ...flow, notes: flow.notes + 1 };
      },
      PaymentTaken: (flow, { key }, { run, drop }: ProcessVerbs) => {
        drop("payment-late");
        run(order.command.pay(idOf(key)));
        return flow && { ...flow, status: "paid" };
      },
      OrderCancelled: () => null,
    },
    onRejected: ({ key, code }, { run }) => run(order.command.cancel(idOf(key), { reason: code })),
  });
}
