import * as v from "valibot";
import { beforeEach, describe, expect, test } from "vitest";
import { aggregate } from "../../../../src/core/domain/aggregate.ts";
import { type DecideContext, isRejection } from "../../../../src/core/domain/definition.ts";
import { DefinitionError, ValidationError } from "../../../../src/core/values/errors.ts";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import { containing } from "../../../support/matchers.ts";

type Task = { title: string; done: boolean } | null;

const column = aggregate("column", {
  version: 1,
  initial: null as { open: boolean } | null,
  events: { ColumnAdded: v.object({}) },
  evolve: { ColumnAdded: () => ({ open: true }) },
});

const defineTask = () =>
  aggregate("task", {
    version: 2,
    initial: null as Task,
    events: {
      TaskAdded: v.object({ title: v.pipe(v.string(), v.trim()), column: v.optional(v.string(), "todo") }),
      TaskRenamed: v.object({ title: v.string() }),
      TaskDone: v.object({}),
    },
    evolve: {
      TaskAdded: (_, { data }) => ({ title: data.title, done: false }),
      TaskRenamed: (state, { data }) => state && { ...state, title: data.title },
      TaskDone: (state) => state && { ...state, done: true },
    },
    commands: {
      add: {
        input: v.object({ title: v.string() }),
        decide: (state, input, { emit, reject }) =>
          state ? reject("already-added", "It is there") : emit("TaskAdded", input),
      },
      rename: {
        input: v.object({ title: v.string() }),
        decide: (state, input, { emit, reject }) => (state ? emit("TaskRenamed", input) : reject("no-such-task")),
        onConflict: ({ state, theirs, mine, reject, rebase, emit }) =>
          theirs.length > 1
            ? reject("too-late")
            : mine.length > 1 && state
              ? emit("TaskRenamed", { title: `${state.title}!` })
              : rebase(),
        undo: ({ before, command }) => before && command.rename({ title: before.title }),
      },
      done: {
        decide: (state, _, { emit }) => (state && !state.done ? emit("TaskDone") : []),
        onConflict: "keep",
        time: "server",
      },
      both: { decide: (_, __, { emit, id }) => [emit("TaskRenamed", { title: id() }), emit("TaskDone")] },
      move: {
        input: v.object({ column: v.string(), beside: v.string() }),
        reads: { target: [column, (input) => input.column], beside: ["self", (input) => input.beside] },
        decide: (_, __, { emit, target, beside, stream, actor, time }) =>
          emit("TaskRenamed", { title: [target?.open, beside?.title, stream, actor, time].join() }),
      },
    },
  });

// Each test defines the aggregates again, because `npm run mutate` changes the code only while a test runs.
let task: ReturnType<typeof defineTask>;
beforeEach(() => void (task = defineTask()));

const context: DecideContext = { stream: "task/t1", actor: "ann", time: 7, id: () => "id-1", reads: {} };

function command(name: string) {
  const definition = task.definition.commands.get(name);
  if (!definition) throw new Error(name);
  return definition;
}

function happened(type: string, data: Json): DomainEvent {
  return {
    id: "c:0",
    type,
    data,
    aggregate: "task",
    stream: "task/t1",
    version: 1,
    position: null,
    time: 7,
    actor: "ann",
    client: "c",
    meta: null,
    correlation: "c",
  };
}

describe("aggregate: requests", () => {
  test("command: returns plain JSON with stream, name, version and the raw input", () => {
    expect(task.command.add("t1", { title: " Milk " })).toEqual({
      stream: "task/t1",
      name: "add",
      v: 1,
      input: { title: " Milk " },
    });
  });

  test("command: returns no input for a command without one", () => {
    expect(task.command.done("t1")).toStrictEqual({ stream: "task/t1", name: "done", v: 1 });
  });

  test("command, ref: throw at once for an id that cannot name a stream", () => {
    expect(() => task.command.done("../t1")).toThrow(ValidationError);
    expect(() => task.ref("a b")).toThrow(ValidationError);
  });

  test("ref: returns the stream of an id", () => {
    expect(task.ref("t1")).toEqual({ stream: "task/t1" });
  });
});

describe("aggregate: decide", () => {
  test("decide: returns an array of events or a rejection", () => {
    const added: Json = { title: "Milk", done: false };
    expect(command("add").decide(null, { title: "Milk" }, context)).toEqual([
      { type: "TaskAdded", data: { title: "Milk" } },
    ]);
    expect(command("both").decide(added, undefined, context)).toEqual([
      { type: "TaskRenamed", data: { title: "id-1" } },
      { type: "TaskDone", data: {} },
    ]);
    expect(command("done").decide(null, undefined, context)).toEqual([]);
    expect(command("add").decide(added, { title: "Milk" }, context)).toEqual({
      rejected: true,
      code: "already-added",
      message: "It is there",
    });
    expect(command("rename").decide(null, { title: "Milk" }, context)).toEqual({
      rejected: true,
      code: "no-such-task",
      message: "no-such-task",
    });
  });

  test("decide: gets the states that it reads, by their names", () => {
    const { reads, decide } = command("move");
    const input = { column: "todo", beside: "t2" };
    expect(reads(input)).toEqual({ target: "column/todo", beside: "task/t2" });
    const states = { target: { open: true }, beside: { title: "Bread", done: false } };
    expect(decide(null, input, { ...context, reads: states })).toEqual([
      { type: "TaskRenamed", data: { title: "true,Bread,task/t1,ann,7" } },
    ]);
    expect(task.reads).toEqual([column]);
  });

  test("reads: throws for an input that cannot name a stream", () => {
    expect(() => command("move").reads({ column: "../todo", beside: "t2" })).toThrow(ValidationError);
  });

  test("parse: returns the schema's output, and refuses an input that the schema refuses", () => {
    expect(command("add").parse({ title: 7 })).toMatchObject({ ok: false, problem: { path: ["title"] } });
    expect(command("add").parse({ title: "Milk", more: 1 })).toEqual({ ok: true, value: { title: "Milk" } });
    expect(command("done").parse(undefined)).toEqual({ ok: true, value: undefined });
    expect(command("done").parse({})).toMatchObject({
      ok: false,
      problem: { reason: containing("takes no input") },
    });
  });
});

describe("aggregate: onConflict", () => {
  test("onConflict, time: have the defaults rebase and author", () => {
    expect([command("add").onConflict, command("add").time]).toEqual(["rebase", "author"]);
    expect([command("done").onConflict, command("done").time]).toEqual(["keep", "server"]);
  });

  test("onConflict: a function may rebase, reject or return other events", () => {
    const { onConflict } = command("rename");
    if (typeof onConflict !== "function") throw new Error("not a function");
    const mine = [{ type: "TaskRenamed", data: { title: "Bread" } }];
    const one = happened("TaskDone", {});
    const state = { title: "Milk", done: false };
    expect(onConflict(state, { title: "Bread" }, { ...context, mine, theirs: [one] })).toEqual({ rebase: true });
    expect(onConflict(state, { title: "Bread" }, { ...context, mine: [...mine, ...mine], theirs: [one] })).toEqual([
      { type: "TaskRenamed", data: { title: "Milk!" } },
    ]);
    const refused = onConflict(state, { title: "Bread" }, { ...context, mine, theirs: [one, one] });
    expect(isRejection(refused) && refused.code).toBe("too-late");
  });
});

describe("aggregate: undo", () => {
  test("undo: returns a request for the same stream, or null", () => {
    const { undo } = command("rename");
    expect(
      undo?.({ stream: "task/t1", before: { title: "Milk", done: false }, input: { title: "Bread" }, events: [] }),
    ).toEqual({ stream: "task/t1", name: "rename", v: 1, input: { title: "Milk" } });
    expect(undo?.({ stream: "task/t1", before: null, input: { title: "Bread" }, events: [] })).toBeNull();
    expect(command("add").undo).toBeNull();
  });
});

describe("aggregate: events", () => {
  test("parse: returns the schema's output, with defaults and trims", () => {
    expect(task.definition.events.get("TaskAdded")?.parse({ title: " Milk " })).toEqual({
      ok: true,
      value: { title: "Milk", column: "todo" },
    });
  });

  test("evolve: folds events into the state", () => {
    const events = [
      happened("TaskAdded", { title: "Milk", column: "todo" }),
      happened("TaskRenamed", { title: "Bread" }),
      happened("TaskDone", {}),
    ];
    expect(events.reduce<Json>(task.definition.evolve, task.definition.initial)).toEqual({
      title: "Bread",
      done: true,
    });
  });
});

describe("aggregate: recorded", () => {
  const defineSensor = () =>
    aggregate("sensor", {
      version: 1,
      initial: 0,
      recorded: true,
      events: { Measured: v.object({ value: v.number() }), Reset: v.object({}) },
      evolve: { Measured: (_, { data }) => data.value, Reset: () => 0 },
    });

  let sensor: ReturnType<typeof defineSensor>;
  beforeEach(() => void (sensor = defineSensor()));

  test("recorded: has a command for each event, which records its input and keeps it", () => {
    const measured = sensor.definition.commands.get("Measured");
    expect(sensor.command.Measured("s1", { value: 3 })).toEqual({
      stream: "sensor/s1",
      name: "Measured",
      v: 1,
      input: { value: 3 },
    });
    expect(measured?.decide(0, { value: 3 }, context)).toEqual([{ type: "Measured", data: { value: 3 } }]);
    expect(measured?.onConflict).toBe("keep");
    expect(measured?.parse({ value: "3" })).toMatchObject({ ok: false });
  });

  test("recorded: the definition says it, because the server must allow it", () => {
    expect([sensor.definition.recorded, task.definition.recorded]).toEqual([true, false]);
  });
});

describe("aggregate: mistakes that TypeScript cannot see", () => {
  const untyped = aggregate as never as (name: unknown, options?: unknown) => typeof task;
  const good = { version: 1, initial: null, events: { A: v.object({}) }, evolve: { A: () => null } };
  const decide = () => [];

  test.each<[string, unknown, unknown, RegExp]>([
    ["a name that cannot stand in a stream's name", "My Task", good, /"My Task"/],
    ["no options", "task", undefined, /no options/],
    ["null in place of the options", "task", null, /no options/],
    ["no version", "task", { ...good, version: undefined }, /version of aggregate task is undefined/],
    ["a version before the first", "task", { ...good, version: 0 }, /version of aggregate task is 0/],
    ["a version that is not a whole number", "task", { ...good, version: 1.5 }, /1\.5/],
    [
      "an initial state that cannot be stored",
      "task",
      { ...good, initial: { at: new Date() } },
      /at at is not a plain object/,
    ],
    ["an initial state forgotten", "task", { ...good, initial: undefined }, /undefined/],
    ["no events", "task", { ...good, events: {} }, /no events/],
    [
      "an event's name that is not allowed",
      "task",
      { ...good, events: { "Task Added": v.object({}) } },
      /"Task Added"/,
    ],
    ["an event without a schema", "task", { ...good, events: { A: {} } }, /event A of aggregate task has no schema/],
    ["a handler forgotten", "task", { ...good, evolve: {} }, /has no evolve function for its event A/],
    [
      "a handler misspelled",
      "task",
      { ...good, evolve: { A: () => null, B: () => null } },
      /has an evolve function for B, which is not one of its events/,
    ],
    ["a command's name that is not allowed", "task", { ...good, commands: { "a b": { decide } } }, /"a b"/],
    ["a command without decide", "task", { ...good, commands: { a: {} } }, /command task\.a has no decide/],
    [
      "an input without a schema",
      "task",
      { ...good, commands: { a: { input: "text", decide } } },
      /input of command task\.a/,
    ],
    [
      "a policy that does not exist",
      "task",
      { ...good, commands: { a: { decide, onConflict: "merge" } } },
      /onConflict of command task\.a is merge/,
    ],
    [
      "a time that does not exist",
      "task",
      { ...good, commands: { a: { decide, time: "now" } } },
      /time of command task\.a is now/,
    ],
    ["an undo that is not a function", "task", { ...good, commands: { a: { decide, undo: {} } } }, /undo/],
    [
      "reads as a function",
      "task",
      { ...good, commands: { a: { decide, reads: () => ({}) } } },
      /reads of command task\.a are of type function, not an object/,
    ],
    [
      "a read of a value that is not an aggregate",
      "task",
      { ...good, commands: { a: { decide, reads: { other: [undefined, () => "x"] } } } },
      /cannot read "other"/,
    ],
    [
      "a read of a name that decide has",
      "task",
      { ...good, commands: { a: { decide, reads: { emit: [column, () => "x"] } } } },
      /decide has a field of that name already/,
    ],
    [
      "too many reads",
      "task",
      {
        ...good,
        commands: {
          a: {
            decide,
            reads: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`r${n}`, [column, () => "x"]])),
          },
        },
      },
      /reads 17/,
    ],
    [
      "commands of a recorded aggregate",
      "task",
      { ...good, recorded: true, commands: { a: { decide } } },
      /recorded and has commands/,
    ],
  ])("aggregate: refuses when the program starts: %s", (_what, name, options, message) => {
    expect(() => untyped(name, options)).toThrow(DefinitionError);
    expect(() => untyped(name, options)).toThrow(message);
  });

  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /decide of command task\.a returned undefined/],
    ["a promise", Promise.resolve([]), /a promise/],
    ["something else", { title: "x" }, /an object that is not an event/],
    ["something else in a list", [{ type: "A", data: {} }, 7], /returned 7/],
    ["a rejection in a list", [{ rejected: true, code: "x", message: "x" }], /an object that is not an event/],
  ])("decide: throws if the app returns %s", (_what, given, message) => {
    const definition = untyped("task", { ...good, commands: { a: { decide: () => given } } }).definition.commands.get(
      "a",
    );
    expect(() => definition?.decide(null, undefined, context)).toThrow(message);
  });

  test("evolve: throws for undefined, and for an event without a handler", () => {
    const { definition } = untyped("task", { ...good, evolve: { A: () => undefined } });
    expect(() => definition.evolve(null, happened("A", {}))).toThrow(
      /evolve of aggregate task returned undefined for the event A/,
    );
    expect(() => definition.evolve(null, happened("constructor", {}))).toThrow(
      /evolve of aggregate task returned undefined for the event constructor/,
    );
  });
});
