import { describe, expect, test } from "vitest";
import * as v from "valibot";
import { aggregate, projection } from "../../../src/index.ts";
import { syncServer } from "../../../src/sync-server/app.ts";
import { memory } from "../../../src/sync-server/stores/memory.ts";
import { given } from "../../../src/testing/given.ts";
import { jsonDiff } from "../../../src/testing/json-diff.ts";
import { board, column, columnCounts, domain, task } from "../../support/board-domain.ts";
import { containing } from "../../support/matchers.ts";

const added = { type: "TaskAdded", data: { title: "Milk", column: "todo" } } as const;
const messageOf = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  throw new Error("Nothing was thrown");
};

describe("given: a command", () => {
  test("when: a command has events, no events, or a rejection", () => {
    given(task, [added])
      .when(task.command.complete("t1"))
      .expect([{ type: "TaskCompleted", data: {} }]);
    given(task, [added, { type: "TaskCompleted", data: {} }])
      .when(task.command.complete("t1"))
      .expect([]);
    given(task, [])
      .when(task.command.rename("t1", { title: "Bread" }))
      .expect({ rejected: "no-such-task" });
    given(task, [])
      .when(task.command.add("t1", { title: "", column: "todo" }))
      .expect({ rejected: "invalid-input" });
  });

  test("and: a command reads other streams that the test names", () => {
    const move = task.command.move("t1", { column: "done" });
    given(task, [added]).when(move).expect({ rejected: "no-such-column" });
    given(task, [added])
      .and(column, "done", [{ type: "ColumnAdded", data: { name: "Done" } }])
      .when(move)
      .expect([{ type: "TaskMoved", data: { column: "done" } }]);
  });

  test("when: several commands are one commit, each decided on the events before it", () => {
    given(task, [])
      .when([task.command.add("t1", { title: "Milk", column: "todo" }), task.command.complete("t1")])
      .expect([
        { stream: "task/t1", ...added },
        { type: "TaskCompleted", data: {} },
      ]);
    given(task, [])
      .when([task.command.add("t1", { title: "Milk", column: "todo" }), task.command.rename("t2", { title: "?" })])
      .expect({ rejected: "no-such-task" });
  });

  test("meanwhile: other authors' events go through the command's conflict policy", () => {
    const others = given(task, [added]).meanwhile([{ type: "TaskRenamed", data: { title: "Bread" } }]);
    others.when(task.command.rename("t1", { title: "Butter" })).expect({ rejected: "renamed-meanwhile" });
    others.when(task.command.claim("t1", { title: "Butter" })).expect({ rejected: "conflict" });
    others.when(task.command.note("t1", { text: "Two" })).expect([{ type: "TaskNoted", data: { text: "Two" } }]);
    others.when(task.command.complete("t1")).expect([{ type: "TaskCompleted", data: {} }]);
    given(task, [])
      .meanwhile([added])
      .when(task.command.note("t1", { text: "Kept as its author saw it" }))
      .expect({ rejected: "no-such-task" });
  });

  test("outcome: is there for your own assertions", () => {
    expect(given(task, [added]).when(task.command.complete("t1")).outcome).toEqual({
      events: [{ type: "TaskCompleted", data: {}, stream: "task/t1" }],
    });
  });
});

describe("given: rows", () => {
  test("rows: of one aggregate's events, and of several streams", () => {
    given(task, [added])
      .rows(board)
      .expect({ "task/1": { title: "Milk", column: "todo", done: false, notes: 0 } });
    given(task, [
      { ...added, id: "t1" },
      { ...added, id: "t2" },
      { id: "t2", type: "TaskMoved", data: { column: "done" } },
    ])
      .rows(columnCounts)
      .expect({ todo: { tasks: 1 }, done: { tasks: 1 } });
    given([
      { stream: "task/t1", ...added },
      { stream: "task/t1", type: "TaskCompleted", data: {} },
    ])
      .rows(board)
      .expect({ "task/t1": { title: "Milk", column: "todo", done: true, notes: 0 } });
    expect(given(task, []).rows(board).rows).toEqual({});
  });
});

describe("expect: a failed expectation", () => {
  test("expect: the message shows the difference of events", () => {
    const message = messageOf(() =>
      given(task, [added])
        .when(task.command.rename("t1", { title: "Bread" }))
        .expect([{ type: "TaskRenamed", data: { title: "Butter" } }]),
    );
    expect(message).toContain("rename on task/t1 differs from the expectation");
    expect(message).toContain('-       "title": "Butter"');
    expect(message).toContain('+       "title": "Bread"');
    expect(message).toContain('      "type": "TaskRenamed"');
  });

  test("expect: throws for an unexpected rejection, unexpected events, or another rejection", () => {
    expect(
      messageOf(() =>
        given(task, [])
          .when(task.command.rename("t1", { title: "Bread" }))
          .expect([]),
      ),
    ).toContain('+   "rejected": "no-such-task"');
    expect(
      messageOf(() => given(task, [added]).when(task.command.complete("t1")).expect({ rejected: "no-such-task" })),
    ).toContain('"TaskCompleted"');
    expect(
      messageOf(() =>
        given(task, [])
          .when(task.command.add("t1", { title: "", column: "" }))
          .expect({ rejected: "no-such-task" }),
      ),
    ).toContain("The message is: The input of task.add is not valid");
  });

  test("expect: throws for other rows", () => {
    expect(
      messageOf(() =>
        given(task, [added])
          .rows(columnCounts)
          .expect({ todo: { tasks: 2 } }),
      ),
    ).toContain('-     "tasks": 2');
  });

  test("given: throws for an event that no log could contain", () => {
    expect(messageOf(() => given([{ stream: "task/t1", type: "TaskLost", data: {} }]).rows(board))).toContain(
      "is not an event of task. Its events are TaskAdded",
    );
    expect(
      messageOf(() =>
        given([{ stream: "task/t1", type: "TaskAdded", data: { title: 1, column: "todo" } }]).rows(board),
      ),
    ).toContain("has invalid data at title");
    expect(messageOf(() => given([{ stream: "cat/c1", type: "Purred", data: {} }]).rows(board))).toContain(
      "belongs to no aggregate of this test. The test names task",
    );
    expect(messageOf(() => given(task, [added]).when([]))).toContain("when() got no command");
  });
});

describe("given: values that storage would not return equal", () => {
  const odd = (value: unknown) =>
    projection("odd", {
      version: 1,
      from: [task],
      initial: null as unknown,
      on: { TaskAdded: () => ({ due: value }) },
    });

  test.each([
    ["a date", new Date(0), "is not a plain object"],
    ["a map", new Map(), "is not a plain object"],
    ["no number", Number.NaN, "is not a finite number"],
  ])("rows: refuses a row with %s, with the reason by which the server parks its event", async (_, value, reason) => {
    const message = messageOf(() => given(task, [added]).rows(odd(value)));
    expect(message).toContain(`The row task/1 of odd is not JSON at due: ${reason}`);
    const server = syncServer({
      domain,
      store: memory(),
      authorize: () => null,
      models: [odd(value)],
      onError: () => {},
    });
    const log = server.log("board");
    const { at } = await log.execute(task.command.add("1", { title: "Milk", column: "todo" }));
    await log.rows("odd", { at });
    const [parked] = await log.models.parked("odd");
    expect(message).toContain(String(parked?.reason));
    await server.close();
  });

  test("rows: refuses a row above the limit of the server, and accepts an undefined field", () => {
    expect(messageOf(() => given(task, [added]).rows(odd("x".repeat(1024 * 1024))))).toContain(
      "more than 1048576 bytes",
    );
    given(task, [added]).rows(odd(undefined)).expect({ "task/1": {} });
  });

  test("when: refuses a state that is not JSON, as a device does, and so does a given event", () => {
    const dated = aggregate("dated", {
      version: 1,
      initial: null as unknown,
      events: { Dated: v.object({}) },
      evolve: { Dated: () => ({ due: new Date(0) }) },
      commands: { date: { decide: () => [{ type: "Dated" as const, data: {} }] } },
    });
    const message = "The state of dated/d1 at due is not a plain object";
    expect(given(dated, []).when(dated.command.date("d1")).outcome).toMatchObject({
      rejected: "state-not-json",
      message: containing(message),
    });
    const again = () => given(dated, [{ type: "Dated", data: {} }]).when(dated.command.date("d1"));
    expect(messageOf(again)).toContain(`cannot be folded: ${message}`);
  });
});

test("given: types come from the handles", () => {
  // @ts-expect-error there is no such event
  expect(() => given(task, [{ type: "TaskLost", data: {} }]).rows(board)).toThrow("is not an event of task");
  // @ts-expect-error a title is a string
  expect(() => given(task, [{ type: "TaskRenamed", data: { title: 1 } }]).rows(board)).toThrow("invalid data");
  expect(() =>
    given(task, [added])
      .when(task.command.complete("t1"))
      // @ts-expect-error an expected event has its data
      .expect([{ type: "TaskRenamed", data: {} }]),
  ).toThrow("differs from the expectation");
  expect(() =>
    given(task, [added])
      .rows(columnCounts)
      // @ts-expect-error a row has its columns
      .expect({ todo: { cards: 1 } }),
  ).toThrow("differs from the expectation");
});

test("jsonDiff: shows both values if they are long", () => {
  const long = (n: number) => Array.from({ length: 500 }, (_, k) => k + n);
  expect(jsonDiff(long(0), long(1)).split("\n")).toHaveLength(1_004);
  expect(jsonDiff({ b: 1, a: [] }, { a: [], b: 1 })).not.toMatch(/^[-+]/m);
});
