// The keys of a newer release's inputs that this server's schemas drop.
import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import * as v from "valibot";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { DROPPED } from "../../../../src/core/history/limits.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { droppedKeys } from "../../../../src/sync-server/writer/dropped-keys.ts";

const person = v.object({ name: v.string() });
const list = aggregate("list", {
  version: 1,
  initial: 0,
  events: { Done: v.object({}) },
  evolve: { Done: (n) => n + 1 },
  commands: {
    add: {
      input: v.object({
        title: v.string(),
        owner: v.optional(person),
        people: v.optional(v.array(person)),
        tags: v.optional(
          v.pipe(
            v.array(v.string()),
            v.transform((tags) => tags.slice(0, 1)),
          ),
        ),
        when: v.optional(
          v.pipe(
            v.string(),
            v.transform((text) => ({ text })),
          ),
        ),
        place: v.optional(
          v.pipe(
            v.object({ at: v.string() }),
            v.transform(({ at }) => at),
          ),
        ),
        note: v.nullish(person),
        few: v.optional(
          v.pipe(
            v.array(v.record(v.string(), v.number())),
            v.transform((all) => all.slice(0, 1).map(() => ({}))),
          ),
        ),
        like: v.optional(
          v.pipe(
            v.array(v.any()),
            v.transform(({ length }) => ({ 0: {}, length })),
          ),
        ),
      }),
      decide: () => [],
    },
    all: { input: v.record(v.string(), v.any()), decide: () => [] },
  },
});
const { definition } = defineDomain({ version: 1, aggregates: [list] });

const dropped = (...commands: readonly { readonly name: string; readonly input: Json }[]) => {
  const commit: Commit = {
    id: "",
    client: "",
    actor: "ada",
    time: 0,
    meta: null,
    commands: commands.map((one) => ({ stream: "list/a", seen: 0, reads: [], v: 1, events: [], ...one })),
  };
  return droppedKeys(definition, commit);
};
const add = (input: { readonly [key: string]: Json }) => ({ name: "add", input: { title: "Milk", ...input } });

test("droppedKeys: names keys of the input, of an object inside, and of an entry of a list", () => {
  const ada = { name: "Ada" };
  expect(dropped(add({ owner: { ...ada, mail: 1 }, people: [ada, { ...ada, age: 2 }], due: null }))).toEqual([
    "add.owner.mail",
    "add.people.1.age",
    "add.due",
  ]);
});

test("droppedKeys: is empty if the schema keeps everything, or turns a value into another kind", () => {
  expect(dropped(add({ owner: { name: "Ada" }, people: [], note: null }))).toEqual([]);
  expect(dropped(add({ few: [{ x: 1 }, { x: 2 }], like: [{ x: 1 }] }))).toEqual([]);
  expect(dropped(add({ tags: ["a", "b"], when: "now", place: { at: "home" } }))).toEqual([]);
});

test("droppedKeys: takes commands in their order, and skips one that this server refuses", () => {
  const commands = [add({ one: 1 }), { name: "unknown", input: { x: 1 } }, add({ title: 5, two: 2 }), add({ two: 2 })];
  expect(dropped(...commands)).toEqual(["add.one", "add.two"]);
});

test("droppedKeys: the keys of an input that a schema keeps whole are never dropped", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.jsonValue()), (input) => {
      expect(dropped({ name: "all", input: JSON.parse(JSON.stringify(input)) as Json })).toEqual([]);
    }),
  );
});

test("droppedKeys: stops after the command that reaches the limit", () => {
  const commands = Array.from({ length: DROPPED.count + 5 }, (_, n) => add({ [`key${n}`]: n }));
  expect(dropped(...commands)).toHaveLength(DROPPED.count);
});
