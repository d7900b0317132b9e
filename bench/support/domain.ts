// The domain of the workloads: tasks on a board, events of some 250 bytes as they are stored.
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";

type Task = { title: string; column: string; done: boolean } | null;

export const task = aggregate("task", {
  version: 1,
  initial: null as Task,
  events: {
    TaskAdded: v.object({ title: v.string(), column: v.string() }),
    TaskRenamed: v.object({ title: v.string() }),
    TaskCompleted: v.object({}),
  },
  evolve: {
    TaskAdded: (_, { data }) => ({ ...data, done: false }),
    TaskRenamed: (state, { data }) => state && { ...state, ...data },
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
    },
    complete: { decide: (state, _, { emit }) => (state && !state.done ? emit("TaskCompleted", {}) : []) },
  },
});

/** The board in the version that a worker folds. For another version the worker folds the log again. */
const boardOf = (version: number) =>
  projection("board", {
    version,
    from: [task],
    initial: null as { title: string; column: string; done: boolean } | null,
    on: {
      TaskAdded: (_, { data }) => ({ ...data, done: false }),
      TaskRenamed: (row, { data }) => row && { ...row, title: data.title },
      TaskCompleted: (row) => row && { ...row, done: true },
    },
  });

export const columnCounts = projection("column-counts", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: (_, { after }) => after?.column,
  on: { TaskAdded: (row) => ({ tasks: row.tasks + 1 }) },
});

export const board = boardOf(1);
export const domain = defineDomain({ version: 1, aggregates: [task], projections: [board, columnCounts] });
export const domainAnew = defineDomain({ version: 1, aggregates: [task], projections: [boardOf(2), columnCounts] });

/** The n-th task that a workload adds. */
export const addTask = (id: string, n: number) =>
  task.command.add(id, { title: `Task ${n}: buy milk, bread and a newspaper`, column: n % 3 === 0 ? "todo" : "doing" });
