/** Rows and states follow from the log alone. An event that cannot be folded stops one projection or one stream. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aggregate, defineDomain, event, projection } from "dacapo";
import * as v from "valibot";
import type { DomainDefinition } from "../../../../src/core/domain/definition.ts";
import { foldRecord } from "../../../../src/core/fold/fold.ts";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import type { CommitRecord, RecordEvent } from "../../../../src/core/history/record.ts";
import { ConfirmedRows, PARKED_MAX } from "../../../../src/core/fold/rows.ts";
import { BREAKS_HANDLER, BREAKS_KEY, column, task, taskDomain } from "../../../support/task-domain.ts";
import { author, newId } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { add, logOf, NOW, viewOf } from "../../../support/core/scene.ts";
import { push } from "../../../support/core/server-model.ts";
import { containing } from "../../../support/matchers.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import type { StreamState } from "../../../../src/core/fold/fold.ts";
import type { Json } from "../../../../src/core/values/json.ts";

const domain = taskDomain.definition;

function folded(
  records: readonly CommitRecord[],
  start = new ConfirmedRows(domain, () => {}),
  by: DomainDefinition = domain,
): ConfirmedRows {
  for (const record of records) foldRecord(by, start, record);
  return start;
}

function freshRows(by: DomainDefinition = domain): ConfirmedRows {
  return new ConfirmedRows(by, () => {});
}

/** All states and rows as a text, in their order. */
function textOf({ streams, tables }: ConfirmedRows): string {
  return JSON.stringify({ streams: [...streams], tables: [...tables].map(([name, rows]) => [name, [...rows]]) });
}

function restored(text: string): ConfirmedRows {
  const rows = freshRows();
  const { streams, tables } = parseOwnJson<{
    readonly streams: readonly (readonly [string, StreamState])[];
    readonly tables: readonly (readonly [string, readonly (readonly [string, Json])[]])[];
  }>(text);
  for (const [stream, state] of streams) rows.streams.set(stream, state);
  for (const [name, entries] of tables) rows.tables.set(name, new Map(entries));
  return rows;
}

const someLog = fc.array(commands, { minLength: 4, maxLength: 14 }).map((list) => {
  const server = logOf();
  for (const requests of list) {
    const proposed = proposeCommit(domain, viewOf(server), requests, author());
    if ("commit" in proposed) push(server, proposed.commit, NOW);
  }
  return server.records;
});

describe("foldRecord: rows and states", () => {
  test("foldRecord: a log in two parts, with a stored snapshot between them, folds to the same", () => {
    fc.assert(
      fc.property(someLog, fc.nat(), (records, at) => {
        const cut = at % (records.length + 1);
        const first = textOf(folded(records.slice(0, cut)));
        expect(textOf(folded(records.slice(cut), restored(first)))).toBe(textOf(folded(records)));
      }),
    );
  });

  test("foldRecord: folds the same log to the same bytes each time", () => {
    fc.assert(
      fc.property(someLog, (records) => {
        expect(textOf(folded(records))).toBe(textOf(folded(parseOwnJson(JSON.stringify(records)))));
      }),
    );
  });

  test("foldRecord: does not change the records", () => {
    fc.assert(
      fc.property(someLog, (records) => {
        const before = JSON.stringify(records);
        folded(records);
        expect(JSON.stringify(records)).toBe(before);
      }),
    );
  });
});

let position = 0;
function record(...events: readonly Partial<RecordEvent>[]): CommitRecord {
  position += 1;
  const whole = events.map((one, n) => ({
    type: "TaskAdded",
    v: 2,
    stream: "task/t1",
    version: n + 1,
    data: { title: "Milk", column: "todo" },
    ...one,
  }));
  return {
    position,
    mark: `m${position}`,
    commit: newId(),
    client: newId(),
    actor: "ann",
    time: NOW,
    received: NOW,
    meta: null,
    events: whole,
  };
}
const renamed = (title: string, version: number) => ({ type: "TaskRenamed", v: 1, version, data: { title } });

describe("foldRows: a projection that throws", () => {
  test.each([
    ["in a handler", BREAKS_HANDLER, "Error: the handler broke"],
    ["in its key function", BREAKS_KEY, "Error: the key function broke"],
  ])("foldRows: a projection that throws %s skips the whole event, all others fold it", (_, word, reason) => {
    const broken = record({}, renamed(`a ${word}`, 2), renamed("Oat milk", 3));
    const rows = folded([broken]);
    expect(rows.parked).toEqual([{ projection: "brittle", event: `${broken.commit}:1`, stream: "task/t1", reason }]);
    expect(rows.row("brittle", "task/t1")).toEqual({ titles: ["Milk", "Oat milk"] });
    expect(rows.row("brittle", "all")).toEqual({ titles: ["Milk", "Oat milk"] });
    expect([rows.row("board", "task/t1"), rows.stream("task/t1").version]).toMatchObject([{ title: "Oat milk" }, 3]);
  });

  test("park: keeps the first hundred events, and counts all of them", () => {
    const rows = folded([record({}, ...Array.from({ length: PARKED_MAX + 20 }, (_, n) => renamed(BREAKS_KEY, n + 2)))]);
    expect([rows.parked.length, rows.parkedCount]).toEqual([PARKED_MAX, PARKED_MAX + 20]);
  });

  test.each([
    ["a Set", new Set(["ann"]), ".1"],
    ["a date in a list", [{ at: new Date(0) }], ".1.0.at"],
    ["no finite number", { last: Number.NaN }, ".1.last"],
    ["a frozen Map", Object.freeze(new Map()), ".1"],
  ])("foldRows: a row with %s parks its event, and the row stays as it was", (_, value, place) => {
    const odd = projection("odd", {
      version: 1,
      from: [task],
      initial: { list: [] as readonly unknown[] },
      key: () => "all",
      on: { TaskAdded: ({ list }, { data }) => ({ list: [...list, data.title === "odd" ? value : data.title] }) },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [task, column], projections: [odd] });
    const titles = ["a", "odd", "b"].map((title, n) => task.command.add(`t${n}`, { title, column: "todo" }));
    const { records } = logOf([column.command.add("todo", { title: "To do" }), ...titles]);
    const rows = folded(records, freshRows(definition), definition);
    expect(rows.row("odd", "all")).toEqual({ list: ["a", "b"] });
    const reason = containing(`The row all of odd is not JSON at list${place}: `);
    expect(rows.parked).toMatchObject([{ projection: "odd", reason }]);
  });

  test("foldRows: a handler that changes its row in place leaves the row as it was", () => {
    const list = projection("list", {
      version: 1,
      from: [task],
      initial: { titles: [] as string[] },
      key: () => "all",
      on: {
        TaskAdded: (_, { data }) => ({ titles: [data.title] }),
        TaskRenamed: (row, { data }) => {
          row.titles.push(data.title);
          return row;
        },
      },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [task, column], projections: [list] });
    const rows = folded([record({}, renamed("Oat milk", 2))], freshRows(definition), definition);
    expect([rows.row("list", "all"), rows.parked]).toMatchObject([
      { titles: ["Milk"] },
      [{ projection: "list", reason: containing("not extensible") }],
    ]);
  });
});

describe("foldStream: an event that this code cannot fold", () => {
  test.each<readonly [string, Partial<RecordEvent>, string]>([
    ["an unknown type", { type: "TaskPainted", v: 1 }, "this code knows no event TaskPainted of task"],
    ["a newer version", { v: 3 }, "event TaskAdded has version 3, this code knows 2"],
    ["an unknown aggregate", { stream: "tusk/t1" }, "this code knows no aggregate for tusk/t1"],
    ["a name that every object has", { stream: "constructor/t1" }, "this code knows no aggregate"],
    ["a type that every object has", { type: "constructor", v: 1 }, "this code knows no event constructor"],
  ])("foldStream: %s stops its own stream only, and the version continues", (_, odd, reason) => {
    const { stream = "task/t1" } = odd;
    const rows = folded(stream === "task/t1" ? [record({ stream })] : []);
    const { state } = rows.stream(stream);
    folded([record({ version: 2, ...odd }), record({ version: 3, stream }), record({ stream: "task/t2" })], rows);
    expect(rows.stream(stream)).toMatchObject({
      version: 3,
      state,
      unreadable: { reason: containing(reason) },
    });
    expect(rows.parked.map(({ projection: by }) => by)).toEqual([null, null]);
    expect(rows.stream("task/t2")).toMatchObject({ version: 1, unreadable: null });
    expect(rows.row("board", "task/t2")).toBeDefined();
  });

  test("foldStream: an unreadable stream names the first event that stopped it", () => {
    const odd = record({ type: "TaskPainted", v: 1 });
    expect(folded([odd, record({ version: 2 })]).stream("task/t1").unreadable?.event).toBe(`${odd.commit}:0`);
  });

  test("foldStream: a stream is still unreadable after a snapshot", () => {
    const rows = restored(textOf(folded([record({}), record({ version: 2, type: "TaskPainted", v: 1 })])));
    expect(folded([record({ version: 3 })], rows).stream("task/t1")).toMatchObject({
      version: 3,
      unreadable: { reason: containing("TaskPainted") },
    });
  });
});

describe("foldStream: an event of an older release", () => {
  test("foldStream: upcasts an old event, one version after the other", () => {
    expect(folded([record({ v: 1, data: { title: "Milk" } })]).stream("task/t1").state).toMatchObject({
      title: "Milk",
      column: "todo",
    });
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no way");
      },
      "Error: no way",
    ],
    ["gives what is no JSON", () => ({ at: Number.NaN }), "is not a finite number"],
  ])("foldStream: an upcast that %s stops its own stream only", (_, upcast, reason) => {
    const odd = aggregate("odd", {
      version: 1,
      initial: 0,
      events: { Did: event(v.object({})).next(v.object({ at: v.number() }), upcast) },
      evolve: { Did: (count) => count + 1 },
    });
    const { definition } = defineDomain({ version: 1, aggregates: [odd] });
    const rows = folded(
      [
        record({ stream: "odd/a", type: "Did", v: 1, data: {} }),
        record({ stream: "odd/b", type: "Did", data: { at: 1 } }),
      ],
      freshRows(definition),
      definition,
    );
    expect([rows.stream("odd/a"), rows.stream("odd/b")]).toMatchObject([
      { version: 1, state: 0, unreadable: { reason: containing(reason) } },
      { state: 1, unreadable: null },
    ]);
  });
});

describe("foldRows: a projection of several keys", () => {
  test("foldRows: a handler gets the states before and after, so a move counts in both columns", () => {
    const server = logOf();
    add(server, "ann", task.command.move("t1", { column: "done" }));
    const rows = folded(server.records);
    expect([...(rows.tables.get("column-counts") ?? [])]).toEqual([
      ["todo", { tasks: 0 }],
      ["done", { tasks: 1 }],
    ]);
    add(server, "ann", task.command.remove("t1"));
    expect([...(folded(server.records).tables.get("column-counts") ?? [])]).toEqual([
      ["todo", { tasks: 0 }],
      ["done", { tasks: 0 }],
    ]);
  });
});
