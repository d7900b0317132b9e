/** The types of commands, also of an aggregate whose commands have no input. */
import { aggregate, type InputsOf } from "dacapo";
import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";

/** The compiler reads the mistakes. Nothing runs them. */
function refused(..._mistakes: (() => unknown)[]): void {}

type Door = { open: boolean } | null;

const base = { version: 1, initial: null as Door };
const events = { DoorOpened: v.object({}), DoorClosed: v.object({ by: v.string() }) };
const evolve = { DoorOpened: () => ({ open: true }), DoorClosed: () => ({ open: false }) };
const lamp = aggregate("lamp", {
  version: 1,
  initial: null as { lit: boolean } | null,
  events: { LampLit: v.object({}) },
  evolve: { LampLit: () => ({ lit: true }) },
});
const door = aggregate("door", {
  ...base,
  events,
  evolve,
  commands: {
    open: { decide: (state, _, { emit, reject }) => (state?.open ? reject("is-open") : emit("DoorOpened")) },
    close: {
      reads: { light: [lamp, () => "hall"], other: ["self", () => "d2"] },
      decide: (state, _, { emit, actor, light, other }) =>
        state?.open && light?.lit && !other?.open ? emit("DoorClosed", { by: actor }) : [],
      onConflict: ({ state, input, rebase }) => (state?.open && input === undefined ? rebase() : []),
      undo: ({ before, command }) => before && command.open(),
    },
  },
});
const gate = aggregate("gate", {
  ...base,
  events,
  evolve,
  commands: {
    open: { decide: (state, _, { emit, reject }) => (state?.open ? reject("is-open") : emit("DoorOpened")) },
    close: {
      decide: (state, _, { emit, actor }) => (state?.open ? emit("DoorClosed", { by: actor }) : []),
      undo: ({ before, command }) => before && command.open(),
    },
  },
});

test("aggregate: commands that all have no input keep their names and types", () => {
  expectTypeOf<InputsOf<typeof door>>().toEqualTypeOf<{ readonly open: undefined; readonly close: undefined }>();
  expectTypeOf<InputsOf<typeof gate>>().toEqualTypeOf<{ readonly open: undefined; readonly close: undefined }>();
  expectTypeOf<InputsOf<typeof lamp>>().toEqualTypeOf<Record<never, never>>();
  expect(gate.command.open("g1")).toEqual({ stream: "gate/g1", name: "open", v: 1 });
  expect(door.command.open("d1")).toEqual({ stream: "door/d1", name: "open", v: 1 });
  expect(door.command.close("d1")).toEqual({ stream: "door/d1", name: "close", v: 1 });
  // @ts-expect-error Expected 1 arguments
  expect(door.command.open("d1", { by: "ada" })).toMatchObject({ name: "open" });
});

test("decide: without an input, the compiler refuses a result that is no verdict", () => {
  refused(
    () =>
      aggregate("door", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Type 'void' is not assignable to type 'Verdict'
        commands: { open: { decide: (state, _, { emit }) => void (state ?? emit("DoorOpened")) } },
      }),
    () =>
      aggregate("door", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Type 'Promise' is not assignable to type 'Verdict'
        commands: { open: { decide: async (_, __, { emit }) => emit("DoorOpened") } },
      }),
  );
});

test("decide: a mistake in one command leaves the names of the others", () => {
  refused(() => {
    const wrong = aggregate("door", {
      ...base,
      events,
      evolve,
      commands: {
        // @ts-expect-error Argument of type '"DoorOpen"' is not assignable
        open: { decide: (_, __, { emit }) => emit("DoorOpen") },
        close: { input: v.object({ by: v.string() }), decide: (_, input, { emit }) => emit("DoorClosed", input) },
      },
    });
    return [wrong.command.open("d1"), wrong.command.close("d1", { by: "ada" })];
  });
});
