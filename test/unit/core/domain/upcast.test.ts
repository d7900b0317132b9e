import * as v from "valibot";
import { describe, expect, test, vi } from "vitest";
import { aggregate } from "../../../../src/core/domain/aggregate.ts";
import { DefinitionError, ValidationError } from "../../../../src/core/values/errors.ts";
import { event, input, versionedBy } from "../../../../src/core/domain/upcast.ts";

const v1 = v.object({ title: v.string() });
const v2 = v.object({ title: v.string(), column: v.string() });
const v3 = v.object({ title: v.string(), column: v.string(), tags: v.array(v.string()) });
const TaskAdded = event(v1)
  .next(v2, (old) => ({ ...old, column: "todo" }))
  .next(v3, (old) => ({ ...old, tags: [] }));

const task = aggregate("task", {
  version: 1,
  initial: 0,
  events: { TaskAdded, TaskDone: v.object({}) },
  evolve: { TaskAdded: (count) => count + 1, TaskDone: (count) => count },
  commands: {
    add: { input: input(v1).next(v2, (old) => ({ ...old, column: "todo" })), decide: () => [] },
    done: { decide: () => [] },
    note: { input: v.optional(v.string()), decide: () => [] },
  },
});
const added = task.definition.events.get("TaskAdded");
const add = task.definition.commands.get("add");

describe("event", () => {
  test("event: has a version for each schema of its chain", () => {
    expect([added?.version, task.definition.events.get("TaskDone")?.version]).toEqual([3, 1]);
  });

  test("upcast: brings any older version to the current one", () => {
    expect(added?.upcast(1, { title: "Milk" })).toEqual({ title: "Milk", column: "todo", tags: [] });
    expect(added?.upcast(2, { title: "Milk", column: "done" })).toEqual({ title: "Milk", column: "done", tags: [] });
  });

  test("upcast: returns data of the current version as it is", () => {
    const data = { title: "Milk", column: "todo", tags: ["a"] };
    expect(added?.upcast(3, data)).toBe(data);
  });

  test("parse: checks new data with the last schema only", () => {
    expect(added?.parse({ title: "Milk" })).toMatchObject({ ok: false, problem: { path: ["column"] } });
    expect(added?.parse({ title: "Milk", column: "todo", tags: [] })).toMatchObject({ ok: true });
  });

  test("upcast: does not check old data again", () => {
    const check = vi.fn(() => false);
    const strict = aggregate("strict", {
      version: 1,
      initial: 0,
      events: { A: event(v.pipe(v.string(), v.check(check))).next(v.string(), (old) => `${old}!`) },
      evolve: { A: (count) => count },
    });
    expect(strict.definition.events.get("A")?.upcast(1, "old")).toBe("old!");
    expect(check).not.toHaveBeenCalled();
  });

  test("event: is the schema of its current version for other libraries", () => {
    expect(v.is(v2, { title: "Milk", column: "todo" })).toBe(true);
    expect(TaskAdded["~standard"].validate({ title: "Milk" })).toHaveProperty("issues");
  });

  test("next: does not change the chain that it is called on", () => {
    const first = event(v1);
    const second = first.next(v2, (old) => ({ ...old, column: "todo" }));
    expect([versionedBy("first", first).version, versionedBy("second", second).version]).toEqual([1, 2]);
  });
});

describe("input", () => {
  test("input: upcasts a raw input, because requests may wait on a device", () => {
    expect(add?.version).toBe(2);
    expect(add?.upcast(1, { title: "Milk" })).toEqual({ title: "Milk", column: "todo" });
  });

  test("input: may be undefined", () => {
    expect(task.definition.commands.get("done")?.upcast(1, undefined)).toBeUndefined();
    expect(task.definition.commands.get("note")?.upcast(1, undefined)).toBeUndefined();
  });
});

describe("upcast: mistakes", () => {
  test("upcast: throws for a version that this release does not know", () => {
    for (const wrong of [0, 4, -1, 1.5, Number.NaN])
      expect(() => added?.upcast(wrong, {}), String(wrong)).toThrow(ValidationError);
    expect(() => added?.upcast(4, {})).toThrow(
      /The event TaskAdded of aggregate task has the versions 1 to 3, but the data has version 4/,
    );
  });

  test("upcast: throws the error of the app's function", () => {
    const failing = versionedBy(
      "failing",
      event(v1).next(v1, () => {
        throw new RangeError("no such column");
      }),
    );
    expect(() => failing.upcast(1, { title: "Milk" })).toThrow(RangeError);
  });

  test("upcast: throws for a result that is not plain JSON, with its path", () => {
    const odd = aggregate("odd", {
      version: 1,
      initial: 0,
      events: { A: event(v1).next(v.object({ n: v.number() }), () => ({ n: Number.NaN })) },
      evolve: { A: (count) => count },
    });
    expect(() => odd.definition.events.get("A")?.upcast(1, { title: "x" })).toThrow(
      /returned a value that at n is not a finite number/,
    );
  });
});

test("event, next: refuse a value that is not a schema, and a missing upcast", () => {
  const chain = event(v1);
  const untyped = {
    event: event as (schema: never) => unknown,
    next: (...given: unknown[]) => chain.next(...(given as never as [typeof v2, never])),
  };
  expect(() => untyped.event("title" as never)).toThrow(DefinitionError);
  expect(() => untyped.next(v2)).toThrow(/version 2 has no upcast/);
  expect(() => untyped.next(undefined, () => null)).toThrow(/has no schema/);
});
