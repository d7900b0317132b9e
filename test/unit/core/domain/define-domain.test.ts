import * as v from "valibot";
import { describe, expect, expectTypeOf, test } from "vitest";
import { aggregate } from "../../../../src/core/domain/aggregate.ts";
import { defineDomain, type Domain } from "../../../../src/core/domain/define-domain.ts";
import { DefinitionError } from "../../../../src/core/values/errors.ts";
import { projection } from "../../../../src/core/domain/projection.ts";

const counter = <const Name extends string>(name: Name) =>
  aggregate(name, { version: 1, initial: 0, events: { Added: v.object({}) }, evolve: { Added: (count) => count + 1 } });
const task = counter("task");
const column = counter("column");
const list = aggregate("list", {
  version: 1,
  initial: 0,
  events: { Added: v.object({}) },
  evolve: { Added: (count) => count + 1 },
  commands: {
    add: {
      input: v.string(),
      reads: { column: [column, (input) => input], other: ["self", (input) => input] },
      decide: (_, __, { emit }) => emit("Added"),
    },
  },
});
const board = projection("board", { version: 1, from: [task], initial: 0, on: { Added: (row) => row + 1 } });

describe("defineDomain", () => {
  test("defineDomain: contains its aggregates and projections by name", () => {
    const { definition } = defineDomain({ version: 4, aggregates: [task, column, list], projections: [board] });
    expect(definition.version).toBe(4);
    expect([...definition.aggregates]).toEqual([
      ["task", task.definition],
      ["column", column.definition],
      ["list", list.definition],
    ]);
    expect([...definition.projections]).toEqual([["board", board.definition]]);
  });

  test("defineDomain: accepts no projections", () => {
    expect(defineDomain({ version: 1, aggregates: [task] }).definition.projections.size).toBe(0);
  });

  test("defineDomain: accepts an aggregate and a projection of the same name", () => {
    expect(() =>
      defineDomain({
        version: 1,
        aggregates: [task],
        projections: [projection("task", { version: 1, from: [task], initial: 0, on: { Added: (row) => row } })],
      }),
    ).not.toThrow();
  });

  test("defineDomain: returns the same type for every size", () => {
    expectTypeOf(defineDomain({ version: 1, aggregates: [task, column] })).toEqualTypeOf<Domain>();
  });
});

describe("defineDomain: mistakes", () => {
  const untyped: (options: never) => Domain = defineDomain;

  test.each<[string, unknown, RegExp]>([
    ["no version", { aggregates: [task] }, /version of the domain is undefined/],
    ["no aggregates", { version: 1, aggregates: [] }, /no aggregates/],
    [
      "two aggregates of one name",
      { version: 1, aggregates: [task, counter("task")] },
      /two aggregates of the name task/,
    ],
    [
      "two projections of one name",
      { version: 1, aggregates: [task], projections: [board, board] },
      /two projections of the name board/,
    ],
    [
      "a projection from an aggregate that is not in it",
      { version: 1, aggregates: [column], projections: [board] },
      /projection board folds the aggregate task, which is not in the domain/,
    ],
    [
      "a projection from another aggregate of the same name",
      { version: 1, aggregates: [counter("task")], projections: [board] },
      /projection board folds another aggregate of the name task/,
    ],
    [
      "a command that reads an aggregate that is not in it",
      { version: 1, aggregates: [list] },
      /command of list reads the aggregate column, which is not in the domain/,
    ],
    [
      "a handle that is not there: imports in a circle",
      { version: 1, aggregates: [task, undefined] },
      /aggregates\[1\] of the domain is not a handle of aggregate\(\)/,
    ],
    [
      "a projection among the aggregates",
      { version: 1, aggregates: [board] },
      /aggregates\[0\] of the domain is not a handle of aggregate\(\)/,
    ],
    ["no options", undefined, /no options/],
    ["null in place of the options", null, /no options/],
    ["a version before the first", { version: 0, aggregates: [task] }, /version of the domain is 0/],
    [
      "an object in place of an array",
      { version: 1, aggregates: { task } },
      /aggregates of the domain are not an array/,
    ],
  ])("defineDomain: refuses when the program starts: %s", (_what, options, message) => {
    expect(() => untyped(options as never)).toThrow(DefinitionError);
    expect(() => untyped(options as never)).toThrow(message);
  });
});
