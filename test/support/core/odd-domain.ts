/** A domain whose functions misbehave in every way that TypeScript or JavaScript allows. */
import { aggregate, defineDomain } from "dacapo";
import * as v from "valibot";
import type { Draft, Json } from "dacapo";

/** The functions of the domain. A test passes its own. */
export type OddBehaviour = {
  decide: (state: Json, tools: { readonly id: () => string }) => unknown;
  merge: (mine: readonly Draft[], tools: { readonly id: () => string }) => unknown;
  evolve: (state: Json, data: Json) => Json;
};

const anyJson = v.custom<Json>(() => true);

/** A new domain for each call, because tests must not disturb each other. */
export function oddDomain(behaviour: Partial<OddBehaviour>) {
  const { decide = () => [], merge = () => [], evolve = (_: Json, data: Json) => data } = behaviour;
  // A cast, because the types forbid what these functions do. A JavaScript user can do it.
  const loose = (given: unknown): Draft<"Did", Json>[] => given as Draft<"Did", Json>[];
  const odd = aggregate("odd", {
    version: 1,
    initial: { list: [] } as Json,
    events: {
      Did: anyJson,
      Defaulted: v.object({ title: v.pipe(v.string(), v.trim()), note: v.optional(v.string(), "none") }),
    },
    evolve: {
      Did: (state, { data }) => evolve(state, data),
      Defaulted: (_, { data }) => ({ length: data.note.length, title: data.title }),
    },
    commands: {
      do: { decide: (state, _, { id }) => loose(decide(state, { id })) },
      keep: { decide: (state, _, { id }) => loose(decide(state, { id })), onConflict: "keep" },
      merge: {
        decide: (state, _, { id }) => loose(decide(state, { id })),
        onConflict: ({ mine, id }) => loose(merge(mine, { id })),
      },
      defaulted: { decide: (_, __, { emit }) => emit("Defaulted", { title: "  Milk " }) },
    },
  });
  return { odd, domain: defineDomain({ version: 1, aggregates: [odd] }).definition };
}
