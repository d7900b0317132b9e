/** A small board for tests of the shells: tasks in columns, one conflict policy of each kind. */
import * as v from "valibot";
import { aggregate, defineDomain, projection } from "../../src/index.ts";

type Task = { title: string; column: string; done: boolean; notes: number } | null;

export const column = aggregate("column", {
  version: 1,
  initial: null as { name: string } | null,
  events: { ColumnAdded: v.object({ name: v.string() }), ColumnRemoved: v.object({}) },
  evolve: { ColumnAdded: (_, { data }) => data, ColumnRemoved: () => null },
  commands: {
    add: {
      input: v.object({ name: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? reject("already-added") : emit("ColumnAdded", input)),
    },
    remove: { decide: (state, _, { emit, reject }) => (state ? emit("ColumnRemoved", {}) : reject("no-such-column")) },
  },
});

export const task = aggregate("task", {
  version: 1,
  initial: null as Task,
  events: {
    TaskAdded: v.object({ title: v.string(), column: v.string() }),
    TaskRenamed: v.object({ title: v.string() }),
    TaskMoved: v.object({ column: v.string() }),
    TaskNoted: v.object({ text: v.string() }),
    TaskCompleted: v.object({}),
  },
  evolve: {
    TaskAdded: (_, { data }) => ({ ...data, done: false, notes: 0 }),
    TaskRenamed: (state, { data }) => state && { ...state, ...data },
    TaskMoved: (state, { data }) => state && { ...state, ...data },
    TaskNoted: (state) => state && { ...state, notes: state.notes + 1 },
    TaskCompleted: (state) => state && { ...state, done: true },
  },
  commands: {
    add: {
      input: v.object({ title: v.pipe(v.string(), v.minLength(1), v.maxLength(200)), column: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? reject("already-added") : emit("TaskAdded", input)),
    },
    rename: {
      input: v.object({ title: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? emit("TaskRenamed", input) : reject("no-such-task")),
      onConflict: ({ theirs, reject, rebase }) =>
        theirs.some((event) => event.type === "TaskRenamed") ? reject("renamed-meanwhile") : rebase(),
      undo: ({ before, command }) => before && command.rename({ title: before.title }),
    },
    move: {
      input: v.object({ column: v.string() }),
      reads: { target: [column, (input) => input.column] },
      decide: (state, input, { emit, reject, target }) =>
        !state ? reject("no-such-task") : !target ? reject("no-such-column") : emit("TaskMoved", input),
    },
    note: {
      input: v.object({ text: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? emit("TaskNoted", input) : reject("no-such-task")),
      onConflict: "keep",
    },
    claim: {
      input: v.object({ title: v.string() }),
      decide: (state, input, { emit, reject }) => (state ? emit("TaskRenamed", input) : reject("no-such-task")),
      onConflict: "reject",
    },
    complete: { decide: (state, _, { emit }) => (state && !state.done ? emit("TaskCompleted", {}) : []) },
  },
});

export const board = projection("board", {
  version: 1,
  from: [task],
  initial: null as { title: string; column: string; done: boolean; notes: number } | null,
  on: {
    TaskAdded: (_, { data }) => ({ ...data, done: false, notes: 0 }),
    TaskRenamed: (row, { data }) => row && { ...row, title: data.title },
    TaskMoved: (row, { data }) => row && { ...row, column: data.column },
    TaskNoted: (row) => row && { ...row, notes: row.notes + 1 },
    TaskCompleted: (row) => row && { ...row, done: true },
  },
});

export const columnCounts = projection("column-counts", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: (_, { before, after }) => [before?.column, after?.column],
  on: {
    TaskAdded: (row) => ({ tasks: row.tasks + 1 }),
    TaskMoved: (row, { key, before, after }) => ({
      tasks: row.tasks + (before?.column === after?.column ? 0 : key === after?.column ? 1 : -1),
    }),
  },
});

export const domain = defineDomain({ version: 1, aggregates: [task, column], projections: [board, columnCounts] });
