/** A whole domain as an app writes it. It compiles without a cast or an explicit type argument, and it runs. */
import { aggregate, defineDomain, event, projection } from "dacapo";
import * as v from "valibot";
import { expect, expectTypeOf, test } from "vitest";
import type { EventsOf, InputsOf, RowOf, StateOf } from "dacapo";

type Column = { title: string } | null;
type Task = { title: string; column: string; done: boolean } | null;

const column = aggregate("column", {
  version: 1,
  initial: null as Column,
  events: { ColumnAdded: v.object({ title: v.string() }) },
  evolve: { ColumnAdded: (_, { data }) => data },
  commands: {
    add: { input: v.object({ title: v.string() }), decide: (_, input, { emit }) => emit("ColumnAdded", input) },
  },
});

const task = aggregate("task", {
  version: 1, // of the folding; stored states of another version are rebuilt
  initial: null as Task,
  events: {
    TaskAdded: event(v.object({ title: v.string() })).next(
      v.object({ title: v.string(), column: v.string() }),
      (old) => ({ ...old, column: "todo" }),
    ),
    TaskRenamed: v.object({ title: v.string() }),
    TaskMoved: v.object({ column: v.string() }),
    TaskCompleted: v.object({}),
  },
  evolve: {
    TaskAdded: (_, { data }) => ({ ...data, done: false }),
    TaskRenamed: (task, { data }) => task && { ...task, ...data },
    TaskMoved: (task, { data }) => task && { ...task, ...data },
    TaskCompleted: (task) => task && { ...task, done: true },
  },
  commands: {
    add: {
      input: v.object({ title: v.pipe(v.string(), v.minLength(1), v.maxLength(200)), column: v.string() }),
      decide: (task, input, { emit, reject }) => (task ? reject("already-added") : emit("TaskAdded", input)),
    },
    rename: {
      input: v.object({ title: v.string() }),
      decide: (task, input, { emit, reject }) => (task ? emit("TaskRenamed", input) : reject("no-such-task")),
      onConflict: ({ theirs, reject, rebase }) =>
        theirs.some((e) => e.type === "TaskRenamed") ? reject("renamed-meanwhile") : rebase(),
      undo: ({ before, command }) => before && command.rename({ title: before.title }),
    },
    move: {
      input: v.object({ column: v.string() }),
      reads: { target: [column, (input) => input.column] }, // state of other streams, and a conflict when they change
      decide: (task, input, { emit, reject, target }) =>
        !task ? reject("no-such-task") : !target ? reject("no-such-column") : emit("TaskMoved", input),
    },
    complete: { decide: (task, _, { emit }) => (task && !task.done ? emit("TaskCompleted") : []) },
  },
});

const board = projection("board", {
  version: 1,
  from: [task],
  initial: null as { title: string; done: boolean } | null, // null: there is no row
  // key: (event, { before, after }) => event.stream     the default. It may return several keys or none
  on: {
    TaskAdded: (_, { data }) => ({ title: data.title, done: false }),
    TaskRenamed: (row, { data }) => row && { ...row, title: data.title },
    TaskCompleted: (row) => row && { ...row, done: true },
  },
});

const columnCounts = projection("column-counts", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: (_event, { before, after }) => [before?.column, after?.column],
  on: {
    TaskAdded: (row) => ({ tasks: row.tasks + 1 }),
    TaskMoved: (row, { key, after }) => ({ tasks: row.tasks + (key === after?.column ? 1 : -1) }),
  },
});

const domain = defineDomain({ version: 1, aggregates: [task, column], projections: [board, columnCounts] });

test("domain: the example of the API compiles with the expected types", () => {
  expectTypeOf<StateOf<typeof task>>().toEqualTypeOf<Task>();
  expectTypeOf<InputsOf<typeof task>>().toEqualTypeOf<{
    readonly add: { title: string; column: string };
    readonly rename: { title: string };
    readonly move: { column: string };
    readonly complete: undefined;
  }>();
  expectTypeOf<RowOf<typeof board>>().toEqualTypeOf<{ title: string; done: boolean }>();
  expectTypeOf<RowOf<typeof columnCounts>>().toEqualTypeOf<{ tasks: number }>();
  expectTypeOf<EventsOf<typeof task>["type"]>().toEqualTypeOf<
    "TaskAdded" | "TaskRenamed" | "TaskMoved" | "TaskCompleted"
  >();
  expectTypeOf<Extract<EventsOf<typeof task>, { type: "TaskAdded" }>["data"]>().toEqualTypeOf<{
    title: string;
    column: string;
  }>();
  expectTypeOf<EventsOf<typeof task>["aggregate"]>().toEqualTypeOf<"task">();
  expect([...domain.definition.aggregates.keys(), ...domain.definition.projections.keys()]).toEqual([
    "task",
    "column",
    "board",
    "column-counts",
  ]);
});

test("domain: a command of the API's example is plain JSON", () => {
  expect(task.command.add("t1", { title: "Milk", column: "todo" })).toEqual({
    stream: "task/t1",
    name: "add",
    v: 1,
    input: { title: "Milk", column: "todo" },
  });
  expect(task.command.complete("t1")).toEqual({ stream: "task/t1", name: "complete", v: 1 });
});
