// A field that is undefined, as forms return it, counts as left out wherever an app passes JSON.
import { type } from "arktype";
import * as v from "valibot";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { aggregate, defineDomain, event, type JsonInput, projection, type RowOf } from "dacapo";
import { given } from "dacapo/testing";
import { requireJsonMeta, requirePresence, unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { findJsonProblem, omitUndefined } from "../../../../src/core/values/json.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

type Row = { title: string; note?: string | undefined; more: { due?: number | undefined } };
const title = v.string();
const schemas = {
  valibot: v.object({ title, note: v.optional(v.string()), more: v.object({ due: v.optional(v.number()) }) }),
  // These two refuse a key whose value is undefined, and accept a missing key.
  exact: v.object({ title, note: v.exactOptional(v.string()), more: v.object({ due: v.exactOptional(v.number()) }) }),
  zod: z.object({ title: z.string(), note: z.string().optional(), more: z.object({ due: z.number().optional() }) }),
  arktype: type({ title: "string", "note?": "string", more: { "due?": "number" } }),
};

/** An aggregate whose commands return the input as it is, and a field that is undefined. */
function cardsOf<S extends (typeof schemas)[keyof typeof schemas]>(schema: S) {
  const card = aggregate("card", {
    version: 1,
    initial: null as Row | null,
    events: {
      CardAdded: event(v.object({ title })).next(schemas.valibot, (old) => ({ ...old, note: undefined, more: {} })),
    },
    evolve: { CardAdded: (_, { data }) => data },
    commands: {
      add: {
        input: schema,
        decide: (_, input, { emit, reject }) =>
          "note" in input || "due" in input.more
            ? reject("has-the-key")
            : emit("CardAdded", { title: input.title, note: input.note, more: { due: input.more.due } }),
      },
    },
  });
  const cards = projection("cards", {
    version: 1,
    from: [card],
    initial: null as Row | null,
    on: { CardAdded: (_, { data }) => ({ title: data.title, note: data.note, more: { due: data.more.due } }) },
  });
  return { card, cards, domain: defineDomain({ version: 1, aggregates: [card], projections: [cards] }) };
}
// Untyped, because with `exactOptionalPropertyTypes` the types of some libraries refuse what most programs may pass.
const input: unknown = { title: "Milk", note: undefined, more: { due: undefined } };
const wanted = { title: "Milk", more: {} };

describe("undefined fields: command and event", () => {
  test.each(Object.entries(schemas))("undefined fields: %s gets no key, and the event has none", (_, schema) => {
    const { card } = cardsOf(schema);
    const [request] = [card.command.add("c1", input as typeof wanted)];
    const done = given(card, []).when(request);
    done.expect([{ type: "CardAdded", data: wanted }]);
    done.expect([{ type: "CardAdded", data: { ...wanted, note: undefined, more: { due: undefined } } }]);
    expect(JSON.stringify(done.outcome)).toBe(
      JSON.stringify({ events: [{ type: "CardAdded", data: wanted, stream: "card/c1" }] }),
    );
    expect(Object.keys("events" in done.outcome ? (done.outcome.events[0]?.data ?? {}) : {})).toEqual([
      "title",
      "more",
    ]);
  });

  test("undefined fields: an undefined entry of an array is refused at its place", () => {
    const list = aggregate("list", {
      version: 1,
      initial: 0,
      events: { Listed: v.object({ all: v.array(v.optional(v.number())) }) },
      evolve: { Listed: (count) => count + 1 },
      commands: {
        fill: {
          input: v.object({ all: v.array(v.optional(v.number())) }),
          decide: (_, { all }, { emit }) => emit("Listed", { all }),
        },
        spoil: { decide: (_, __, { emit }) => emit("Listed", { all: [1, undefined] }) },
      },
    });
    for (const request of [list.command.fill("l1", { all: [1, undefined] }), list.command.spoil("l1")])
      expect(given(list, []).when(request).outcome).toMatchObject({
        message: expect.stringMatching(/at all\.1: is of type undefined, which JSON does not have/) as string,
      });
  });
});

describe("undefined fields: presence and meta", () => {
  const data: JsonInput = { row: undefined, at: { x: 1, y: undefined } };
  test("undefined fields: presence and meta may have them, and an array may not", () => {
    requirePresence(data);
    requireJsonMeta(data);
    expect(() => requirePresence([undefined] as unknown as JsonInput)).toThrow("undefined");
    expect(() => requireJsonMeta({ all: [undefined] })).toThrow(/at all\.0/);
  });

  test("omitUndefined: returns the same value if it has nothing to leave out", () => {
    const whole = { a: [1, { b: null }], c: "" };
    expect(omitUndefined(whole)).toBe(whole);
    expect(Object.keys(omitUndefined(data) as object)).toEqual(["at"]);
    expect(omitUndefined([1, { a: undefined, b: [{ c: undefined }] }])).toStrictEqual([1, { b: [{}] }]);
    expect(findJsonProblem(undefined)).toMatchObject({ path: [] });
  });
});

describe("undefined fields: a device and its server", () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  test("undefined fields: server and device record the same event, and rows have no such key", async () => {
    const { card, cards, domain } = cardsOf(schemas.exact);
    const server = await startServer({ domain, store: memory() });
    undo.push(server.close);
    const open = async (user: string): Promise<Tab> => {
      const tab = await device(domain, "board", user).open({ url: server.url });
      undo.push(tab.close);
      return tab;
    };
    const [ada, bob] = [await open("ada"), await open("bob")];
    const { commit } = unwrap(
      await ada.execute([card.command.add("c1", input as typeof wanted)], { from: undefined } as never),
    );
    expect(unwrap(await ada.api.settled(commit)).settled).toMatchObject({ outcome: "accepted" });
    await until(() => bob.rows("cards").size === 1, "the other device has the row");
    for (const tab of [ada, bob]) {
      const row: RowOf<typeof cards> | undefined = tab.rows("cards").get("card/c1")?.row as Row | undefined;
      expect(row).toStrictEqual(wanted);
    }
  });
});
