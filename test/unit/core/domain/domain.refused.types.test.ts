/** Mistakes that the compiler refuses, each at its own line. */
import { aggregate, event, type EventsOf, projection, type RowOf } from "dacapo";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";

/** The compiler reads the mistakes. Nothing runs them. */
function refused(..._mistakes: (() => unknown)[]): void {}

type Task = { title: string; status: "open" | "done" } | null;

const title = v.object({ title: v.string() });
const base = { version: 1, initial: null as Task };
const events = { TaskAdded: title, TaskDone: v.object({}) };
const task = aggregate("task", {
  ...base,
  events,
  evolve: {
    TaskAdded: (_, { data }) => ({ ...data, status: "open" }),
    TaskDone: (state) => state && { ...state, status: "done" },
  },
  commands: {
    add: { input: title, decide: (_, input, { emit }) => emit("TaskAdded", input) },
    done: { decide: (_, __, { emit }) => emit("TaskDone") },
  },
});

test("evolve: the compiler refuses a missing, a misspelled and a wrong handler", () => {
  refused(
    () =>
      aggregate("task", {
        ...base,
        events,
        // @ts-expect-error Property 'TaskDone' is missing
        evolve: { TaskAdded: () => null },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve: {
          TaskAdded: () => null,
          TaskDone: () => null,
          // @ts-expect-error 'TaskDune' does not exist in type
          TaskDune: () => null,
        },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve: {
          // @ts-expect-error Type '"closed"' is not assignable to type '"open" | "done"'
          TaskAdded: (_, { data }) => ({ ...data, status: "closed" }),
          // @ts-expect-error Property 'titel' does not exist
          TaskDone: (state) => state && { ...state, title: state.titel },
        },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve: {
          // @ts-expect-error Property 'name' does not exist
          TaskAdded: (_, { data }) => ({ title: data.name, status: "open" }),
          // @ts-expect-error Type 'undefined' is not assignable
          TaskDone: () => undefined,
        },
      }),
  );
});

test("events: the compiler refuses a wrong schema, and one that refuses its own output", () => {
  refused(
    // @ts-expect-error Type 'string' is not assignable to type 'Schema'
    () => aggregate("task", { ...base, events: { TaskAdded: "title" }, evolve: { TaskAdded: () => null } }),
    () =>
      aggregate("task", {
        ...base,
        events: {
          // @ts-expect-error An event's schema must accept its own output
          TaskAdded: v.object({
            at: v.pipe(
              v.string(),
              v.transform((text) => new Date(text)),
            ),
          }),
        },
        evolve: { TaskAdded: () => null },
      }),
    // @ts-expect-error Property 'column' is missing
    () => event(title).next(v.object({ title: v.string(), column: v.string() }), (old) => ({ title: old.title })),
    // @ts-expect-error Property 'column' does not exist
    () => event(title).next(title, (old) => ({ title: old.column })),
  );
  // A schema with defaults and trims accepts its own output, so the compiler accepts it.
  const trimmed = v.object({ title: v.pipe(v.string(), v.trim()), column: v.optional(v.string(), "todo") });
  aggregate("trimmed", {
    version: 1,
    initial: "",
    events: { A: trimmed },
    evolve: { A: (_, { data }) => data.column },
  });
});

test("decide: the compiler refuses a wrong event, wrong data, missing data, a wrong verdict", () => {
  const evolve = { TaskAdded: () => null, TaskDone: () => null };
  refused(
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error '"TaskDune"' is not assignable
        commands: { a: { decide: (_, __, { emit }) => emit("TaskDune") } },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Type 'number' is not assignable to type 'string'
        commands: { a: { decide: (_, __, { emit }) => emit("TaskAdded", { title: 1 }) } },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Expected 2 arguments, but got 1
        commands: { a: { decide: (_, __, { emit }) => emit("TaskAdded") } },
      }),
    // @ts-expect-error Type 'undefined' is not assignable to type 'Verdict'
    () => aggregate("task", { ...base, events, evolve, commands: { a: { decide: () => undefined } } }),
    // @ts-expect-error Type 'Promise' is not assignable to type 'Verdict'
    () => aggregate("task", { ...base, events, evolve, commands: { a: { decide: async () => [] } } }),
    // @ts-expect-error Property 'decide' is missing
    () => aggregate("task", { ...base, events, evolve, commands: { a: { input: title } } }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Property 'name' does not exist
        commands: { a: { input: title, decide: (_, input, { emit }) => emit("TaskAdded", { title: input.name }) } },
      }),
    // @ts-expect-error Property 'x' does not exist on type 'never': there is no input
    () => aggregate("task", { ...base, events, evolve, commands: { a: { decide: (_, input) => input.x } } }),
  );
});

test("commands: the compiler refuses a wrong policy, a wrong read and an unknown inverse", () => {
  const evolve = { TaskAdded: () => null, TaskDone: () => null };
  refused(
    // @ts-expect-error Did you mean '"keep"'?
    () => aggregate("task", { ...base, events, evolve, commands: { a: { decide: () => [], onConflict: "kep" } } }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Type '"selv"' is not assignable
        commands: { a: { input: title, reads: { other: ["selv", (input) => input.title] }, decide: () => [] } },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Property 'id' does not exist
        commands: { a: { input: title, reads: { other: [task, (input) => input.id] }, decide: () => [] } },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        commands: {
          a: {
            input: title,
            reads: { other: [task, (input) => input.title] },
            // @ts-expect-error Property 'another' does not exist
            decide: (_, __, { another }) => another,
          },
        },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        commands: {
          a: {
            input: title,
            reads: { other: [task, (input) => input.title] },
            // @ts-expect-error Property 'length' does not exist on the state that is read
            decide: (_, __, { other }) => other?.length ?? [],
          },
        },
      }),
    () =>
      aggregate("task", {
        ...base,
        events,
        evolve,
        // @ts-expect-error Property 'remove' does not exist
        commands: { a: { decide: () => [], undo: ({ command }) => command.remove() } },
      }),
    // @ts-expect-error Type 'string' is not assignable to type 'Schema'
    () => aggregate("task", { ...base, events, evolve, commands: { a: { input: "title", decide: () => [] } } }),
  );
});

test("requests: the compiler refuses a wrong command and a wrong input", () => {
  refused(
    // @ts-expect-error Property 'ad' does not exist
    () => task.command.ad("t1", { title: "Milk" }),
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    () => task.command.add("t1", { title: 1 }),
    // @ts-expect-error Expected 2 arguments, but got 1
    () => task.command.add("t1"),
    // @ts-expect-error Expected 1 arguments, but got 2
    () => task.command.done("t1", {}),
    // @ts-expect-error Argument of type 'number' is not assignable
    () => task.command.done(1),
  );
});

test("projection: the compiler refuses a wrong event, row, key and aggregate", () => {
  const rows = { version: 1, from: [task], initial: null as { title: string } | null } as const;
  refused(
    // @ts-expect-error 'TaskAded' does not exist in type
    () => projection("board", { ...rows, on: { TaskAded: (row) => row } }),
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    () => projection("board", { ...rows, on: { TaskAdded: () => ({ title: 1 }) } }),
    // @ts-expect-error Property 'name' does not exist
    () => projection("board", { ...rows, on: { TaskAdded: (_, { data }) => ({ title: data.name }) } }),
    // @ts-expect-error 'row' is possibly 'null'
    () => projection("board", { ...rows, on: { TaskDone: (row) => ({ title: row.title }) } }),
    // @ts-expect-error Type 'number' is not assignable to type 'Keys'
    () => projection("board", { ...rows, key: (event) => event.version, on: { TaskDone: (row) => row } }),
    // @ts-expect-error Property 'titel' does not exist
    () => projection("board", { ...rows, key: (_event, { after }) => after?.titel, on: { TaskDone: (row) => row } }),
    // @ts-expect-error Type 'string' is not assignable to type 'AnyAggregate'
    () => projection("board", { ...rows, from: ["task"], on: {} }),
  );
  const wrong = projection("board", { ...rows, on: { TaskDone: (row) => row } });
  // @ts-expect-error Type 'number' is not assignable to type 'string'
  const row: RowOf<typeof wrong> = { title: 1 };
  expectTypeOf(row).toEqualTypeOf<{ title: string }>();
});

test("EventsOf: narrows by type, and only by types that exist", () => {
  refused(() => (one: EventsOf<typeof task>) => {
    // @ts-expect-error This comparison appears to be unintentional: no such type
    if (one.type === "TaskDune") return null;
    return one.type === "TaskAdded" ? one.data.title : null;
  });
});
