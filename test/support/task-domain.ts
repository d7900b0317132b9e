/**
 * A small domain for tests: tasks that move between columns, and a tally. It has one of each feature.
 *
 * - Every policy: `rebase` (add, move), `keep` (note, checklist), `reject` (remove), a merge (rename).
 * - A command that reads another stream (move).
 * - A command that returns several events (checklist), and a command that returns no event (complete).
 * - Ids made by `decide` (note), and the server's time (stamp).
 * - An event and an input of two versions (TaskAdded, add).
 * - Rows of several keys (column-counts), rows that vanish and return (board), rows with an initial value (totals).
 * - A projection that throws (brittle).
 */
import { aggregate, defineDomain, event, input, projection } from "dacapo";
import * as v from "valibot";

type Column = { title: string } | null;
type Task = { title: string; column: string; done: boolean; notes: number; stampedAt: number } | null;

/** A title with this word in it breaks a handler of `brittle`; with the other one, its key function. */
export const BREAKS_HANDLER = "poison";
export const BREAKS_KEY = "venom";

export const column = aggregate("column", {
  version: 1,
  initial: null as Column,
  events: { ColumnAdded: v.object({ title: v.string() }), ColumnRemoved: v.object({}) },
  evolve: { ColumnAdded: (_, { data }) => data, ColumnRemoved: () => null },
  commands: {
    add: {
      input: v.object({ title: v.string() }),
      decide: (state, given, { emit, reject }) => (state ? reject("already-added") : emit("ColumnAdded", given)),
    },
    remove: {
      decide: (state, _, { emit, reject }) => (state ? emit("ColumnRemoved") : reject("no-such-column")),
      onConflict: "reject",
    },
  },
});

const title = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

export const task = aggregate("task", {
  version: 1,
  initial: null as Task,
  events: {
    TaskAdded: event(v.object({ title: v.string() })).next(
      v.object({ title: v.string(), column: v.string() }),
      (old) => ({ ...old, column: "todo" }),
    ),
    TaskRenamed: v.object({ title: v.string() }),
    TaskMoved: v.object({ column: v.string() }),
    TaskCompleted: v.object({}),
    TaskRemoved: v.object({}),
    NoteAdded: v.object({ note: v.string(), text: v.string() }),
    NoteStruck: v.object({ note: v.string() }),
    TaskStamped: v.object({ at: v.number() }),
  },
  evolve: {
    TaskAdded: (_, { data }) => ({ ...data, done: false, notes: 0, stampedAt: 0 }),
    TaskRenamed: (state, { data }) => state && { ...state, ...data },
    TaskMoved: (state, { data }) => state && { ...state, ...data },
    TaskCompleted: (state) => state && { ...state, done: true },
    TaskRemoved: () => null,
    NoteAdded: (state) => state && { ...state, notes: state.notes + 1 },
    NoteStruck: (state) => state && { ...state, notes: state.notes - 1 },
    TaskStamped: (state, { data }) => state && { ...state, stampedAt: data.at },
  },
  commands: {
    add: {
      input: input(v.object({ title })).next(v.object({ title, column: v.string() }), (old) => ({
        ...old,
        column: "todo",
      })),
      decide: (state, given, { emit, reject }) => (state ? reject("already-added") : emit("TaskAdded", given)),
    },
    rename: {
      input: v.object({ title }),
      decide: (state, given, { emit, reject }) => (state ? emit("TaskRenamed", given) : reject("no-such-task")),
      onConflict: ({ state, mine, theirs, emit, reject, rebase }) => {
        if (!state) return reject("no-such-task");
        if (!theirs.some(({ type }) => type === "TaskRenamed")) return rebase();
        return mine.flatMap((one) =>
          one.type === "TaskRenamed" ? [emit("TaskRenamed", { title: `${state.title} / ${one.data.title}` })] : [],
        );
      },
      undo: ({ before, command }) => before && command.rename({ title: before.title }),
    },
    move: {
      input: v.object({ column: v.string() }),
      reads: { target: [column, (given) => given.column] },
      decide: (state, given, { emit, reject, target }) => {
        if (!state) return reject("no-such-task");
        return target ? emit("TaskMoved", given) : reject("no-such-column");
      },
    },
    complete: { decide: (state, _, { emit }) => (state && !state.done ? emit("TaskCompleted") : []) },
    remove: {
      decide: (state, _, { emit, reject }) => (state ? emit("TaskRemoved") : reject("no-such-task")),
      onConflict: "reject",
    },
    note: {
      input: v.object({ text: v.string() }),
      decide: (state, { text }, { emit, reject, id }) =>
        state ? emit("NoteAdded", { note: id(), text }) : reject("no-such-task"),
      onConflict: "keep",
    },
    strike: {
      input: v.object({ note: v.string() }),
      decide: (state, given, { emit }) => (state && state.notes > 0 ? emit("NoteStruck", given) : []),
    },
    checklist: {
      input: v.object({ lines: v.array(v.string()) }),
      decide: (state, { lines }, { emit, reject, id }) =>
        state ? lines.map((text) => emit("NoteAdded", { note: id(), text })) : reject("no-such-task"),
      onConflict: "keep",
    },
    stamp: {
      decide: (state, _, { emit, reject, time }) =>
        state ? emit("TaskStamped", { at: time }) : reject("no-such-task"),
      time: "server",
    },
  },
});

export const tally = aggregate("tally", {
  version: 1,
  initial: { total: 0 },
  events: { Added: v.object({ amount: v.number() }) },
  evolve: { Added: ({ total }, { data }) => ({ total: total + data.amount }) },
  commands: {
    add: {
      input: v.object({ amount: v.pipe(v.number(), v.integer()) }),
      decide: (_, given, { emit }) => emit("Added", given),
      onConflict: "keep",
    },
    spend: {
      input: v.object({ amount: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
      decide: ({ total }, { amount }, { emit, reject }) =>
        total < amount ? reject("too-little") : emit("Added", { amount: -amount }),
    },
    copy: {
      input: v.object({ from: v.string() }),
      reads: { other: ["self", (given) => given.from] },
      decide: (_, __, { emit, other }) => emit("Added", { amount: other.total }),
      onConflict: "reject",
    },
  },
});

export const board = projection("board", {
  version: 1,
  from: [task],
  initial: null as { title: string; done: boolean; notes: number } | null,
  on: {
    TaskAdded: (_, { data }) => ({ title: data.title, done: false, notes: 0 }),
    TaskRenamed: (row, { data }) => row && { ...row, title: data.title },
    TaskCompleted: (row) => row && { ...row, done: true },
    NoteAdded: (row) => row && { ...row, notes: row.notes + 1 },
    TaskRemoved: () => null,
  },
});

export const columnCounts = projection("column-counts", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: (_, { before, after }) => [before?.column, after?.column],
  on: {
    TaskAdded: (row) => ({ tasks: row.tasks + 1 }),
    // Within one column the two keys are one: nothing moved.
    TaskMoved: (row, { key, before, after }) =>
      before?.column === after?.column ? row : { tasks: row.tasks + (key === after?.column ? 1 : -1) },
    TaskRemoved: (row) => ({ tasks: row.tasks - 1 }),
  },
});

export const notes = projection("notes", {
  version: 1,
  from: [task],
  initial: null as { text: string; task: string; by: string } | null,
  key: (one) => (one.type === "NoteAdded" || one.type === "NoteStruck" ? one.data.note : null),
  on: {
    NoteAdded: (_, { data, stream, actor }) => ({ text: data.text, task: stream, by: actor }),
    NoteStruck: () => null,
  },
});

/** Rows that begin as something, and two aggregates in one table. */
export const totals = projection("totals", {
  version: 1,
  from: [tally, column],
  initial: { added: 0, columns: 0 },
  key: () => "all",
  on: {
    Added: (row, { data }) => ({ ...row, added: row.added + data.amount }),
    ColumnAdded: (row) => ({ ...row, columns: row.columns + 1 }),
  },
});

/** Throws for some titles, and while it handles an event that renames what it never saw. */
export const brittle = projection("brittle", {
  version: 1,
  from: [task],
  initial: null as { titles: readonly string[] } | null,
  key: (one) => {
    if (one.type === "TaskRenamed" && one.data.title.includes(BREAKS_KEY)) throw new Error("the key function broke");
    return [one.stream, "all"];
  },
  on: {
    TaskAdded: (row, { data }) => ({ titles: [...(row?.titles ?? []), data.title] }),
    TaskRenamed: (row, { data, key }) => {
      if (!row) throw new Error(`there is no row ${key}`);
      if (data.title.includes(BREAKS_HANDLER) && key === "all") throw new Error("the handler broke");
      return { titles: [...row.titles, data.title].slice(-5) };
    },
    TaskRemoved: (row, { key }) => (key === "all" ? row : null),
  },
});

export const taskDomain = defineDomain({
  version: 1,
  aggregates: [column, task, tally],
  projections: [board, columnCounts, notes, totals, brittle],
});
