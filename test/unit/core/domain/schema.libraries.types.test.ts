/** Type inference from valibot, zod and arktype, which one aggregate may mix. */
import {
  aggregate,
  type Context,
  event,
  type EventsOf,
  input,
  type InputsOf,
  projection,
  type RowOf,
  type StateOf,
} from "dacapo";
import { type } from "arktype";
import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";

type Order = { status: "open" | "paid"; total: number; note: string } | null;

const orderEvents = {
  OrderPlaced: z.object({ total: z.number(), note: z.string().default("") }),
  OrderPaid: type({ at: "number" }),
  OrderClosed: v.object({}),
};

// A handler outside of the aggregate uses the context of the events, because the aggregate does not exist yet.
function place(order: Order, given: { total: number }, { emit, reject }: Context<typeof orderEvents>) {
  return order ? reject("already-placed") : emit("OrderPlaced", given);
}

const order = aggregate("order", {
  version: 1,
  initial: null as Order,
  events: orderEvents,
  evolve: {
    OrderPlaced: (_, { data }) => ({ status: "open", ...data }),
    OrderPaid: (order, { data }) => order && { ...order, status: data.at > 0 ? "paid" : "open" },
    OrderClosed: (order, event) => {
      expectTypeOf(event.aggregate).toEqualTypeOf<"order">();
      expectTypeOf(event.type).toEqualTypeOf<"OrderClosed">();
      return order;
    },
  },
  commands: {
    place: { input: z.object({ total: z.coerce.number<string>() }), decide: place },
    pay: {
      input: type({ at: "number" }),
      decide: (_, input, { emit, id, time, actor, stream }) => {
        expectTypeOf([id(), actor, stream]).toEqualTypeOf<string[]>();
        expectTypeOf(time).toEqualTypeOf<number>();
        return [emit("OrderPaid", input), emit("OrderClosed")];
      },
      time: "server",
    },
    chain: {
      input: input(v.object({ a: v.string() })).next(z.object({ b: z.coerce.number<string>() }), (old) => ({
        b: old.a,
      })),
      decide: (_, input, { emit }) => (input.b > 3 ? emit("OrderPaid", { at: input.b }) : []),
    },
    payWith: {
      input: z.object({ other: z.string() }),
      reads: { other: ["self", (input) => input.other] },
      decide: (_, __, { emit, other, reject }) =>
        other?.status === "paid" ? emit("OrderPaid", { at: 1 }) : reject("not-paid"),
      onConflict: ({ state, input, mine, theirs, rebase, other, emit }) => {
        expectTypeOf(state).toEqualTypeOf<Order>();
        expectTypeOf(other).toEqualTypeOf<Order>();
        expectTypeOf(input).toEqualTypeOf<{ other: string }>();
        expectTypeOf(mine[0]?.type).toEqualTypeOf<"OrderPlaced" | "OrderPaid" | "OrderClosed" | undefined>();
        return theirs.some((one) => one.type === "OrderPlaced" && one.data.note === "")
          ? emit("OrderClosed")
          : rebase();
      },
      undo: ({ before, input, events, command }) =>
        before && events.length > 0 && command.pay({ at: input.other.length }),
    },
    look: { decide: () => [] },
    perhaps: {
      input: v.optional(v.number()),
      decide: (_, input) => {
        expectTypeOf(input).toEqualTypeOf<number | undefined>();
        return [];
      },
    },
  },
});

const sensor = aggregate("sensor", {
  version: 1,
  initial: { last: 0 },
  recorded: true,
  events: { Measured: z.object({ value: z.number() }), OrderPaid: z.object({ zip: z.string() }) },
  evolve: { Measured: (_, { data }) => ({ last: data.value }), OrderPaid: (state) => state },
});

test("aggregate: infers states, events and inputs from the schemas", () => {
  expectTypeOf<StateOf<typeof order>>().toEqualTypeOf<Order>();
  expectTypeOf<InputsOf<typeof order>>().toEqualTypeOf<{
    readonly place: { total: string };
    readonly pay: { at: number };
    readonly chain: { b: string };
    readonly payWith: { other: string };
    readonly look: undefined;
    readonly perhaps: number | undefined;
  }>();
  expectTypeOf<Extract<EventsOf<typeof order>, { type: "OrderPlaced" }>["data"]>().toEqualTypeOf<{
    total: number;
    note: string;
  }>();
});

test("command: accepts the schema's input, and no argument without a schema", () => {
  expect(order.command.place("o1", { total: "3" }).input).toEqual({ total: "3" });
  expect(order.command.look("o1")).toEqual({ stream: "order/o1", name: "look", v: 1 });
  expect(order.command.perhaps("o1")).toEqual({ stream: "order/o1", name: "perhaps", v: 1 });
  expect(order.command.chain("o1", { b: "4" }).v).toBe(2);
  expect(sensor.command.Measured("s1", { value: 3 })).toEqual({
    stream: "sensor/s1",
    name: "Measured",
    v: 1,
    input: { value: 3 },
  });
});

test("projection: an event type of two aggregates narrows by aggregate, with its states", () => {
  const money = projection("money", {
    version: 1,
    from: [order, sensor],
    initial: { total: 0, kind: "none" as "none" | "some" },
    key: (event) => (event.aggregate === "order" ? event.stream : [event.type, null]),
    on: {
      OrderPlaced: (row, { data, after, key }) => ({ ...row, total: data.total + (after?.total ?? 0) + key.length }),
      OrderPaid: (_, event) => ({
        total:
          event.aggregate === "order"
            ? event.data.at + (event.before?.total ?? 0)
            : event.data.zip.length + event.before.last,
        kind: "some",
      }),
    },
  });
  expectTypeOf<RowOf<typeof money>>().toEqualTypeOf<{ total: number; kind: "none" | "some" }>();
  expect([money.definition.handles("order", "OrderPaid"), money.definition.handles("sensor", "OrderPlaced")]).toEqual([
    true,
    false,
  ]);
});

test("event: versions may mix libraries, and each upcast gets the last version's data", () => {
  const chain = event(z.object({ a: z.string() }))
    .next(type({ a: "string", b: "number" }), (old) => ({ ...old, b: old.a.length }))
    .next(v.object({ c: v.string() }), (old) => ({ c: old.a + old.b }));
  expect(chain["~steps"]).toHaveLength(3);
});
