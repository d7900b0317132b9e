// Definitions and decisions of an app that cannot work: each is refused with its name, before anything is stored.
import { expect, test } from "vitest";
import * as v from "valibot";
import { aggregate } from "../../../../src/index.ts";

/** An aggregate with one command, which the compiler does not check. */
function withCommand(command: unknown, name = "add") {
  return aggregate("task", {
    version: 1,
    initial: null,
    events: { TaskAdded: v.object({ title: v.string() }) },
    evolve: { TaskAdded: (_, { data }) => data as never },
    commands: { [name]: command } as never,
  });
}
const refusalOf = (command: unknown) => {
  try {
    withCommand(command);
    return null;
  } catch (error) {
    return error as Error & { code: string; fix: string };
  }
};
const decide = () => [];

test.each([
  ["null", null],
  ["a number", 7],
  ["undefined", undefined],
  ["an object", {}],
  ["a text", { decide: "x" }],
])("defineCommand: refuses %s in place of a command with decide", (_, command) => {
  expect(refusalOf(command)).toMatchObject({ code: "definition", message: "The command task.add has no decide" });
});

test("defineCommand: accepts a function for undo, or none, and refuses any other undo", () => {
  expect(refusalOf({ decide })).toBeNull();
  expect(refusalOf({ decide, undo: () => null })).toBeNull();
  for (const undo of [null, "rename", {}])
    expect(refusalOf({ decide, undo })?.message).toBe("The undo of command task.add is not a function");
});

const idOf = (): string => "t2";
const self = ["self", idOf];
test.each([
  ["is no list", { other: "task" }],
  ["has no aggregate", { other: [undefined, idOf] }],
  ["has another object in place of an aggregate", { other: [{ definition: {} }, idOf] }],
  ["has no function for the id", { other: ["self", "t2"] }],
  ["has the name of a field of decide", { emit: self }],
  ["has a name that is not a word", { "an other": self }],
])("defineCommand: refuses a read that %s", (_, reads) => {
  expect(refusalOf({ decide, reads: { other: self } })).toBeNull();
  expect(refusalOf({ decide, reads: { other: [withCommand({ decide }), idOf] } })).toBeNull();
  expect(refusalOf({ decide, reads })).toMatchObject({ code: "definition" });
});

test("defineCommand: refuses reads that are no object, and too many of them", () => {
  expect(refusalOf({ decide, reads: "self" })?.message).toContain("of type string");
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`read${n}`, self]));
  expect(refusalOf({ decide, reads: many })?.message).toContain("reads 100 streams");
});

test.each([
  ["a promise", Promise.resolve([]), "a promise"],
  ["an object without a type", { data: 1 }, "an object that is not an event"],
  ["an event without data", { type: "TaskAdded" }, "an object that is not an event"],
  ["an event whose type is no text", { type: 7, data: {} }, "an object that is not an event"],
  ["null", null, "null"],
  ["nothing", undefined, "undefined"],
  ["a number", 7, "7"],
  ["a list with a text", [{ type: "TaskAdded", data: { title: "Milk" } }, "x"], "x"],
  ["a rejection without a code", { rejected: true }, "an object that is not an event"],
  ["a rejection whose code is no text", { rejected: true, code: 7 }, "an object that is not an event"],
  ["a rejection that is not true", { rejected: false, code: "no" }, "an object that is not an event"],
])("decide: refuses %s in place of events, and says what it got", (_, result, what) => {
  const definition = withCommand({ decide: () => result }).definition.commands.get("add");
  const run = () => definition?.decide(null, undefined, {} as never);
  expect(run).toThrow(expect.objectContaining({ code: "definition" }));
  expect(run).toThrow(`The decide of command task.add returned ${what}`);
});

test.each([
  ["one event", { type: "TaskAdded", data: { title: "Milk" } }, [{ type: "TaskAdded", data: { title: "Milk" } }]],
  ["no event", [], []],
  ["a rejection", { rejected: true, code: "no", message: "why" }, { rejected: true, code: "no", message: "why" }],
])("decide: accepts %s", (_, result, expected) => {
  const definition = withCommand({ decide: () => result }).definition.commands.get("add");
  expect(definition?.decide(null, undefined, {} as never)).toEqual(expected);
});

test.each([
  ["an object that is not a rebase", { rebase: false }],
  ["null", null],
  ["a text", "rebase"],
])("onConflict: a merge function that returns %s is refused", (_, result) => {
  const definition = withCommand({ decide, onConflict: () => result }).definition.commands.get("add");
  const policy = definition?.onConflict;
  if (typeof policy !== "function") throw new Error("no merge function");
  expect(() => policy(null, undefined, {} as never)).toThrow("onConflict of command task.add");
});
