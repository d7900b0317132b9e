/** The commands that undo a commit: they restore the states, and nothing that an app's `undo` returns breaks a log. */
import { aggregate, defineDomain } from "dacapo";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as v from "valibot";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { author } from "../../../support/core/author.ts";
import { NOW } from "../../../support/core/scene.ts";

let answer: unknown = null;
const lamp = aggregate("lamp", {
  version: 1,
  initial: 0,
  events: { Dimmed: v.object({ to: v.number() }) },
  evolve: { Dimmed: (_, { data }) => data.to },
  commands: {
    dim: {
      input: v.object({ to: v.number() }),
      decide: (state, { to }, { emit }) => (state === to ? [] : emit("Dimmed", { to })),
      undo: ({ before, command }) => command.dim({ to: before }),
    },
    brighten: { decide: (state, _, { emit }) => emit("Dimmed", { to: state + 1 }) },
    odd: {
      input: v.object({ to: v.number() }),
      decide: (_, { to }, { emit }) => emit("Dimmed", { to }),
      undo: () => {
        if (answer instanceof Error) throw answer;
        return answer as never;
      },
    },
  },
});
const { definition } = defineDomain({ version: 1, aggregates: [lamp], projections: [] });

function inverseOf(view: Replica, ...requests: readonly CommandRequest[]): readonly CommandRequest[] | null {
  const proposed = proposeCommit(definition, view, requests, author());
  if ("defect" in proposed) throw new Error(proposed.defect.message);
  view.add(proposed.commit, NOW);
  return proposed.inverse;
}

/** The inverse of a commit whose `undo` returns this value or throws this error. */
function inverseIf(undo: unknown): readonly CommandRequest[] | null {
  answer = undo;
  return inverseOf(new Replica(definition), lamp.command.odd("a", { to: 1 }));
}

describe("inverseCommands", () => {
  test("inverse: the commands restore every state, whatever changed in the commit", () => {
    const change = fc.record({ id: fc.constantFrom("a", "b"), to: fc.nat({ max: 3 }) });
    const commit = fc.array(change, { minLength: 1, maxLength: 5 });
    const commandsOf = (changes: readonly { id: string; to: number }[]) =>
      changes.map(({ id, to }) => lamp.command.dim(id, { to }));
    fc.assert(
      fc.property(commit, commit, (first, second) => {
        const view = new Replica(definition);
        const states = () => ["a", "b"].map((id) => view.stream(`lamp/${id}`).state);
        inverseOf(view, ...commandsOf(first));
        const before = states();
        const inverse = inverseOf(view, ...commandsOf(second));
        expect(inverse === null).toBe(noEvents(view));
        if (inverse) inverseOf(view, ...inverse);
        expect(states()).toEqual(before);
      }),
    );
  });

  test("inverse: each command is undone on the state that the commands before it left", () => {
    const to = (...values: readonly number[]) => values.map((value) => lamp.command.dim("a", { to: value }));
    expect(inverseOf(new Replica(definition), ...to(1, 2, 5))).toEqual(to(2, 1, 0));
  });

  test("inverse: a commit with one command without `undo` has none", () => {
    const view = new Replica(definition);
    expect(inverseOf(view, lamp.command.dim("a", { to: 2 }), lamp.command.brighten("a"))).toBe(null);
  });

  test("inverse: a command is kept if the log can store it and propose it", () => {
    const request = lamp.command.dim("a", { to: 0 });
    expect(inverseIf(request)).toEqual([request]);
    expect(inverseIf(lamp.command.brighten("a"))).toEqual([lamp.command.brighten("a")]);
  });

  test("inverse: an `undo` that throws or returns no command leaves the commit without an inverse", () => {
    const request = lamp.command.dim("a", { to: 0 });
    const deep = JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`) as unknown;
    const wrong = [
      new Error("a bug of the app"),
      null,
      undefined,
      "dim",
      {},
      { ...request, stream: 1 },
      { ...request, name: 1 },
      { ...request, v: "1" },
      { ...request, v: 1.5 },
      { ...request, v: -1 },
      // No command has this version, so proposeCommit refuses it.
      { ...request, v: 0 },
      { ...request, input: deep },
    ];
    for (const one of wrong) expect(inverseIf(one)).toBe(null);
  });
});

function noEvents(view: Replica): boolean {
  const forecast = view.pending.at(-1)?.forecast;
  return forecast !== undefined && "events" in forecast && forecast.events.length === 0;
}
