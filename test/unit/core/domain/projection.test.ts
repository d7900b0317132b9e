import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { aggregate } from "../../../../src/core/domain/aggregate.ts";
import { DefinitionError } from "../../../../src/core/values/errors.ts";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { type Keys, projection } from "../../../../src/core/domain/projection.ts";

type Task = { title: string; column: string } | null;

const task = aggregate("task", {
  version: 1,
  initial: null as Task,
  events: {
    TaskAdded: v.object({ title: v.string(), column: v.string() }),
    TaskMoved: v.object({ column: v.string() }),
    TaskRemoved: v.object({}),
  },
  evolve: {
    TaskAdded: (_, { data }) => data,
    TaskMoved: (state, { data }) => state && { ...state, ...data },
    TaskRemoved: () => null,
  },
});
const note = aggregate("note", {
  version: 1,
  initial: 0,
  events: { TaskAdded: v.object({}), NoteAdded: v.object({}) },
  evolve: { TaskAdded: (count) => count, NoteAdded: (count) => count + 1 },
});

const board = projection("board", {
  version: 3,
  from: [task],
  initial: null as { title: string } | null,
  on: { TaskAdded: (_, { data }) => ({ title: data.title }), TaskRemoved: () => null },
});

const counts = projection("column-counts", {
  version: 1,
  from: [task],
  initial: { tasks: 0 },
  key: (_event, { before, after }) => [before?.column, after?.column],
  on: {
    TaskAdded: (row) => ({ tasks: row.tasks + 1 }),
    TaskMoved: (row, { key, after }) => ({ tasks: row.tasks + (key === after?.column ? 1 : -1) }),
    TaskRemoved: (row) => ({ tasks: row.tasks - 1 }),
  },
});

function happened(type: string, data: Json = {}, stream = "task/t1"): DomainEvent {
  return {
    id: "c:0",
    type,
    data,
    aggregate: stream.slice(0, stream.indexOf("/")),
    stream,
    version: 1,
    position: null,
    time: 7,
    actor: "ann",
    client: "c",
    meta: null,
    correlation: "c",
  };
}

/** Folds in the order of core: first the stream's state, then each row that the event changes. */
function rowsAfter(
  { definition }: typeof counts | typeof board,
  events: readonly DomainEvent[],
  from: ReadonlyMap<string, Json> = new Map(),
  states: Map<string, Json> = new Map(),
): Map<string, Json> {
  const rows = new Map(from);
  for (const event of events) {
    const before = states.get(event.stream) ?? null;
    const after = task.definition.evolve(before, event);
    states.set(event.stream, after);
    if (!definition.handles(event.aggregate, event.type)) continue;
    for (const key of definition.keys(event, before, after))
      rows.set(key, definition.apply(rows.get(key) ?? definition.initial, { ...event, key, before, after }));
  }
  return rows;
}

describe("projection: rows", () => {
  test("projection: has one row a stream without a key, and none after a handler returns null", () => {
    const added = happened("TaskAdded", { title: "Milk", column: "todo" });
    expect(rowsAfter(board, [added])).toEqual(new Map([["task/t1", { title: "Milk" }]]));
    expect(rowsAfter(board, [added, happened("TaskRemoved")])).toEqual(new Map([["task/t1", null]]));
  });

  test("projection: a handler can count with the states before and after the event", () => {
    const events = [
      happened("TaskAdded", { title: "Milk", column: "todo" }),
      happened("TaskAdded", { title: "Bread", column: "todo" }, "task/t2"),
      happened("TaskMoved", { column: "done" }),
      happened("TaskRemoved", {}, "task/t2"),
    ];
    expect(rowsAfter(counts, events)).toEqual(
      new Map([
        ["todo", { tasks: 0 }],
        ["done", { tasks: 1 }],
      ]),
    );
  });

  test("projection: rows are the same from the start and from a checkpoint", () => {
    const columns = fc.constantFrom("todo", "doing", "done");
    const event = fc.oneof(
      fc
        .tuple(fc.constantFrom("t1", "t2", "t3"), columns)
        .map(([id, column]) => happened("TaskAdded", { title: id, column }, `task/${id}`)),
      fc
        .tuple(fc.constantFrom("t1", "t2", "t3"), columns)
        .map(([id, column]) => happened("TaskMoved", { column }, `task/${id}`)),
      fc.constantFrom("t1", "t2", "t3").map((id) => happened("TaskRemoved", {}, `task/${id}`)),
    );
    fc.assert(
      fc.property(fc.array(event), fc.array(event), (first, second) => {
        const states = new Map<string, Json>();
        expect(rowsAfter(counts, second, rowsAfter(counts, first, new Map(), states), states)).toEqual(
          rowsAfter(counts, [...first, ...second]),
        );
      }),
    );
  });
});

describe("projection: keys", () => {
  const keysOf = (give: () => Keys) =>
    projection("p", {
      version: 1,
      from: [task],
      initial: 0,
      key: give,
      on: { TaskAdded: (row) => row },
    }).definition.keys(happened("TaskAdded"), null, null);

  test("key: may return one, several or none, and drops null, undefined and doubles", () => {
    expect([
      keysOf(() => "a"),
      keysOf(() => ["a", "b"]),
      keysOf(() => undefined),
      keysOf(() => null),
      keysOf(() => []),
    ]).toEqual([["a"], ["a", "b"], [], [], []]);
    expect(keysOf(() => ["a", undefined, "a", null, "b", "a"])).toEqual(["a", "b"]);
    expect(keysOf(() => "")).toEqual([""]);
  });

  test("key: throws for a key that a table cannot store, so that the event is parked", () => {
    expect(keysOf(() => "x".repeat(512))).toHaveLength(1);
    for (const bad of [7, {}, ["a", 7], "x".repeat(513), "\ud800"] as never[])
      expect(() => keysOf(() => bad), String(bad)).toThrow(DefinitionError);
  });

  test("key: the error for a wrong key says whether its text or its type is wrong", () => {
    expect(() => keysOf(() => "x".repeat(513))).toThrow("returned a text that is too long or not well-formed");
    expect(() => keysOf(() => 7 as never)).toThrow("returned a key of type number");
  });
});

describe("projection: definition", () => {
  test("handles: is true only for events with a handler, of its own aggregates", () => {
    const { handles } = projection("p", {
      version: 1,
      from: [note],
      initial: 0,
      on: { TaskAdded: (row) => row },
    }).definition;
    expect([
      handles("note", "TaskAdded"),
      handles("note", "NoteAdded"),
      handles("task", "TaskAdded"),
      handles("note", "constructor"),
    ]).toEqual([true, false, false, false]);
  });

  test("projection: a handler that is undefined counts as left out", () => {
    const untyped = projection as never as (name: string, options: object) => typeof board;
    const on = { TaskAdded: (row: Json) => row, TaskMoved: undefined };
    const { handles } = untyped("p", { version: 1, from: [task], initial: 0, on }).definition;
    expect(["TaskAdded", "TaskMoved"].map((one) => handles("task", one))).toEqual([true, false]);
  });

  test("projection: has a row for each stream exactly if it has no key function", () => {
    const withKey = (key: object) =>
      projection("p", { version: 1, from: [task], initial: 0, ...key, on: { TaskAdded: (row) => row } }).definition;
    expect(withKey({}).isByStream).toBe(true);
    expect(withKey({ key: () => "all" }).isByStream).toBe(false);
  });

  test("projection: keeps its name, its version and the names of its aggregates", () => {
    expect([
      board.definition.name,
      board.definition.version,
      board.definition.initial,
      [...board.definition.from],
    ]).toEqual(["board", 3, null, ["task"]]);
  });

  test("apply: throws if a handler returns undefined", () => {
    const forgetful = projection("p", {
      version: 1,
      from: [task],
      initial: null as Json,
      on: { TaskAdded: () => undefined as never },
    });
    expect(() =>
      forgetful.definition.apply(null, { ...happened("TaskAdded"), key: "a", before: null, after: null }),
    ).toThrow(/handler of projection p for TaskAdded returned undefined/);
  });
});

describe("projection: mistakes that TypeScript cannot see", () => {
  const untyped = projection as never as (name: unknown, options?: unknown) => unknown;
  const good = { version: 1, from: [task], initial: null, on: { TaskAdded: () => null } };

  test.each<[string, unknown, unknown, RegExp]>([
    ["a bad name", "Board", good, /"Board"/],
    ["no version", "board", { ...good, version: undefined }, /version of projection board/],
    ["an initial row that cannot be stored", "board", { ...good, initial: new Set() }, /plain object/],
    ["no aggregates", "board", { ...good, from: [] }, /has no list of aggregates/],
    ["a value that is not an aggregate", "board", { ...good, from: ["task"] }, /has no list of aggregates/],
    [
      "an aggregate that is not there yet: imports in a circle",
      "board",
      { ...good, from: [undefined] },
      /has no list of aggregates/,
    ],
    [
      "one aggregate of two that is not there yet",
      "board",
      { ...good, from: [task, undefined] },
      /no list of aggregates/,
    ],
    ["an aggregate twice", "board", { ...good, from: [task, task] }, /names the aggregate task twice/],
    [
      "a handler for an unknown event",
      "board",
      { ...good, on: { TaskAded: () => null } },
      /handles TaskAded, which is not an event/,
    ],
    [
      "a handler that is not a function",
      "board",
      { ...good, on: { TaskAdded: {} } },
      /handler of projection board for TaskAdded/,
    ],
    ["no handlers", "board", { ...good, on: {} }, /handles no events/],
    ["a key that is not a function", "board", { ...good, key: "title" }, /key of projection board/],
  ])("projection: refuses when the program starts: %s", (_what, name, options, message) => {
    expect(() => untyped(name, options)).toThrow(DefinitionError);
    expect(() => untyped(name, options)).toThrow(message);
  });
});
