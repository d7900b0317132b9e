// A function of a domain cannot wait. TypeScript refuses an async one, and a program without types gets a clear error.
import { expect, onTestFinished, test } from "vitest";
import { aggregate, event, projection } from "dacapo";
import * as v from "valibot";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import { DefinitionError, ValidationError } from "../../../../src/core/values/errors.ts";

/** A promise that rejects, such as the result of `async () => { await fetch(url) }` without a network. */
const later = (): never => Promise.reject(new Error("offline")) as never;

const TaskAdded = v.object({ title: v.string() });
const asyncly = aggregate("task", {
  version: 1,
  initial: 0,
  events: { TaskAdded, TaskMoved: event(TaskAdded).next(TaskAdded, later) },
  former: { TaskMade: [TaskAdded, later] },
  evolve: { TaskAdded: later, TaskMoved: (count) => count },
  commands: {
    add: { reads: { other: ["self", later] }, decide: later, onConflict: later },
  },
});
const { evolve, events, former, commands } = asyncly.definition;
const add = commands.get("add");

const happened: DomainEvent = {
  id: "c:0",
  type: "TaskAdded",
  data: { title: "Milk" },
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
const context = { stream: "task/t1", actor: "ann", time: 7, id: () => "id", reads: {} };

function rows(options: { readonly key?: () => never; readonly handler: () => never }) {
  const { key, handler } = options;
  const p = projection("p", {
    version: 1,
    from: [asyncly],
    initial: 0,
    ...(key && { key }),
    on: { TaskAdded: handler },
  });
  return {
    keys: () => p.definition.keys(happened, 0, 0),
    apply: () => p.definition.apply(0, { ...happened, key: "task/t1", before: 0, after: 0 }),
  };
}

test.each<[string, () => unknown, RegExp]>([
  ["a handler of a projection", rows({ handler: later }).apply, /handler of projection p for TaskAdded .* a promise/],
  ["the key of a projection", rows({ key: later, handler: later }).keys, /key function of projection p .* a promise/],
  [
    "a list of keys with a promise",
    rows({ key: () => ["a", later()] as never, handler: later }).keys,
    /key function of projection p returned a promise/,
  ],
  ["evolve", () => evolve(0, happened), /evolve of aggregate task returned a promise for the event TaskAdded/],
  ["decide", () => add?.decide(0, undefined, context), /decide of command task.add returned a promise/],
  [
    "onConflict",
    () => typeof add?.onConflict === "function" && add.onConflict(0, undefined, { ...context, mine: [], theirs: [] }),
    /onConflict of command task.add returned a promise/,
  ],
])("domain: refuses a promise from %s, and its rejection ends no process", async (_, run, message) => {
  const unhandled = rejectionsOfNobody();
  expect(run).toThrow(DefinitionError);
  expect(run).toThrow(message);
  expect(await unhandled()).toEqual([]);
});

test.each<[string, () => unknown]>([
  ["the id of a stream to read", () => add?.reads(undefined)],
  ["an upcast", () => events.get("TaskMoved")?.upcast(1, { title: "Milk" })],
  ["a former event", () => former.get("TaskMade")?.upcast(1, { title: "Milk" })],
])("domain: refuses a promise as %s, and its rejection ends no process", async (_, run) => {
  const unhandled = rejectionsOfNobody();
  expect(run).toThrow(ValidationError);
  expect(await unhandled()).toEqual([]);
});

test("projection: a row may have a field with the name then", () => {
  const row: unknown = JSON.parse('{ "then": "later" }');
  const { apply } = rows({ handler: () => row as never });
  expect(apply()).toBe(row);
});

function rejectionsOfNobody(): () => Promise<readonly unknown[]> {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return unhandled;
  };
}
