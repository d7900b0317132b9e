import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { defineDomain, projection } from "../../../../src/index.ts";
import { aggregate } from "../../../../src/core/domain/aggregate.ts";
import { event } from "../../../../src/core/domain/upcast.ts";
import { foldRecord } from "../../../../src/core/fold/fold.ts";
import { ConfirmedRows } from "../../../../src/core/fold/rows.ts";
import { type CommitRecord, eventsOf } from "../../../../src/core/history/record.ts";

const titled = v.object({ title: v.string() });
const tagged = v.object({ tag: v.string() });
const both = v.object({ title: v.string(), tag: v.string() });

/** The present code: titles and tags are two events. A former release wrote both in one. */
const task = aggregate("task", {
  version: 2,
  initial: { title: "", tags: [] as string[] },
  events: { TaskTitled: event(both).next(titled, ({ title }) => ({ title })), TaskTagged: tagged },
  former: {
    TaskTitled: [both, ({ title, tag }, { emit }) => [emit("TaskTitled", { title }), emit("TaskTagged", { tag })]],
    TaskNamed: [event(v.string()).next(titled, (title) => ({ title })), (data, { emit }) => emit("TaskTitled", data)],
    TaskOpened: [v.object({}), () => []],
    TaskBroken: [
      v.object({}),
      () => {
        throw new Error("no such form");
      },
    ],
  },
  evolve: {
    TaskTitled: (state, { data }) => ({ ...state, title: data.title }),
    TaskTagged: (state, { data }) => ({ ...state, tags: [...state.tags, data.tag] }),
  },
});
const tags = projection("tags", {
  version: 1,
  from: [task],
  initial: { count: 0 },
  key: (_, { after }) => [after.title],
  on: { TaskTagged: (row) => ({ count: row.count + 1 }) },
});
const domain = defineDomain({ version: 2, aggregates: [task], projections: [tags] }).definition;

const record = (
  ...events: readonly (readonly [type: string, v: number, data: CommitRecord["events"][number]["data"]])[]
) => ({
  position: 5,
  mark: "m",
  commit: "c1",
  client: "k",
  actor: "ada",
  time: 1,
  received: 1,
  meta: null,
  events: events.map(([type, version, data], n) => ({ type, v: version, stream: "task/t1", version: n + 1, data })),
});

describe("former", () => {
  test("former: one stored event becomes several, with its place and ids of their own", () => {
    const read = eventsOf(domain, record(["TaskTitled", 1, { title: "Milk", tag: "shop" }]), 0);
    expect(read.map(({ id, type, data, position, version }) => [id, type, data, position, version])).toEqual([
      ["c1:0", "TaskTitled", { title: "Milk" }, 5, 1],
      ["c1:0.1", "TaskTagged", { tag: "shop" }, 5, 1],
    ]);
  });

  test("former: each of the events sees the state that the one before it left", () => {
    const target = new ConfirmedRows(domain, () => {});
    foldRecord(
      domain,
      target,
      record(["TaskTitled", 1, { title: "Milk", tag: "shop" }], ["TaskTagged", 1, { tag: "b" }]),
    );
    expect(target.stream("task/t1")).toMatchObject({ version: 2, state: { title: "Milk", tags: ["shop", "b"] } });
    expect(target.row("tags", "Milk")).toEqual({ count: 2 });
  });

  test("former: another type, upcast through its own versions first", () => {
    for (const [version, data] of [
      [1, "Milk"],
      [2, { title: "Milk" }],
    ] as const)
      expect(eventsOf(domain, record(["TaskNamed", version, data]), 0)).toMatchObject([
        { type: "TaskTitled", data: { title: "Milk" } },
      ]);
  });

  test("former: an event without a successor leaves state and rows, and its version counts", () => {
    const target = new ConfirmedRows(domain, () => {});
    foldRecord(domain, target, record(["TaskOpened", 1, {}], ["TaskTagged", 1, { tag: "a" }]));
    expect(target.stream("task/t1")).toEqual({ version: 2, state: { title: "", tags: ["a"] }, unreadable: null });
    expect(target.parkedCount).toBe(0);
  });

  test("former: the present version of the same type is read as it is", () => {
    expect(eventsOf(domain, record(["TaskTitled", 2, { title: "Milk" }]), 0)).toMatchObject([
      { type: "TaskTitled", data: { title: "Milk" } },
    ]);
  });

  test("former: a function that throws, or an unknown version, stops the stream and says why", () => {
    for (const [type, version, reason] of [
      ["TaskBroken", 1, "no such form"],
      ["TaskNamed", 3, "knows no event TaskNamed"],
      ["TaskTitled", 3, "has version 3, this code knows 2"],
    ] as const) {
      const target = new ConfirmedRows(domain, () => {});
      foldRecord(domain, target, record([type, version, {}]));
      expect(target.parked[0]?.reason).toContain(reason);
      expect(target.stream("task/t1").state).toEqual({ title: "", tags: [] });
    }
  });
});

describe("former: refusals", () => {
  const define = (former: object) =>
    aggregate("task", {
      version: 1,
      initial: 0,
      events: { Added: titled },
      evolve: { Added: (count) => count + 1 },
      // As JavaScript could pass it.
      ...(former as { former: Record<never, never> }),
    });

  test("former: a present event of the same version is refused when the program starts", () => {
    expect(() => define({ former: { Added: [titled, () => []] } })).toThrow("so has the present event Added");
  });

  test("former: a present event of a later version is accepted, and so is another present event", () => {
    const events = { Added: event(both).next(titled, ({ title }) => ({ title })), Tagged: tagged };
    const evolve = { Added: (count: number) => count + 1, Tagged: (count: number) => count };
    const options = { version: 1, initial: 0, events, evolve };
    expect(() => aggregate("task", { ...options, former: { Added: [both, () => []] } })).not.toThrow();
    expect(() => aggregate("task", { ...options, former: { Named: [both, () => []] } })).not.toThrow();
  });

  test("former: a name that the wire does not accept is refused when the program starts", () => {
    expect(() => define({ former: { "a b": [titled, () => []] } })).toThrow('"a b" of a former event');
  });

  test("former: a value that is not a schema with a function is refused when the program starts", () => {
    expect(() => define({ former: { Gone: titled } })).toThrow("is not a schema with a function");
    expect(() => define({ former: { Gone: [() => [], () => []] } })).toThrow("has no schema");
  });

  test.each([
    ["an unknown event", { type: "Other", data: {} }, "returned the event Other"],
    ["no event", 7, "a value that is no event"],
    ["data that is not JSON", { type: "Added", data: { title: new Date(0) } }, "not a plain object"],
  ])("former: %s as a result is refused with the events that are allowed", (_, result, message) => {
    const { definition } = define({ former: { Gone: [v.object({}), () => result] } });
    expect(() => definition.former.get("Gone")?.upcast(1, {})).toThrow(message);
  });
});
