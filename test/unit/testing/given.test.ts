import { describe, expect, test } from "vitest";
import { given } from "../../../src/testing/given.ts";
import { jsonDiff } from "../../../src/testing/json-diff.ts";
import { board, column, columnCounts, task } from "../../support/board-domain.ts";

const added = { type: "TaskAdded", data: { title: "Milk", column: "todo" } } as const;
const messageOf = (run: () => void): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  throw new Error("Nothing was thrown");
};

describe("a command", () => {
  test("gives events, nothing, or a rejection", () => {
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

  test("reads other streams that the test names", () => {
    const move = task.command.move("t1", { column: "done" });
    given(task, [added]).when(move).expect({ rejected: "no-such-column" });
    given(task, [added])
      .and(column, "done", [{ type: "ColumnAdded", data: { name: "Done" } }])
      .when(move)
      .expect([{ type: "TaskMoved", data: { column: "done" } }]);
  });

  test("several are one commit, each on what those before it left", () => {
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

  test("what others did meanwhile goes through the command's policy", () => {
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

  test("the outcome is there for assertions of one's own", () => {
    expect(given(task, [added]).when(task.command.complete("t1")).outcome).toEqual({
      events: [{ type: "TaskCompleted", data: {}, stream: "task/t1" }],
    });
  });
});

describe("rows", () => {
  test("of one aggregate's events, and of several streams", () => {
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

describe("what does not hold", () => {
  test("other events: the message shows the difference", () => {
    const message = messageOf(() =>
      given(task, [added])
        .when(task.command.rename("t1", { title: "Bread" }))
        .expect([{ type: "TaskRenamed", data: { title: "Butter" } }]),
    );
    expect(message).toContain("rename on task/t1: not what was expected");
    expect(message).toContain('-       "title": "Butter"');
    expect(message).toContain('+       "title": "Bread"');
    expect(message).toContain('      "type": "TaskRenamed"');
  });

  test("a rejection where events were expected, events where a rejection was, another rejection", () => {
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
    ).toContain("It says: The input of task.add is not valid");
  });

  test("other rows", () => {
    expect(
      messageOf(() =>
        given(task, [added])
          .rows(columnCounts)
          .expect({ todo: { tasks: 2 } }),
      ),
    ).toContain('-     "tasks": 2');
  });

  test("what cannot have happened is said at once", () => {
    expect(messageOf(() => given([{ stream: "task/t1", type: "TaskLost", data: {} }]).rows(board))).toContain(
      "is none of task: TaskAdded",
    );
    expect(
      messageOf(() =>
        given([{ stream: "task/t1", type: "TaskAdded", data: { title: 1, column: "todo" } }]).rows(board),
      ),
    ).toContain("has data that do not fit at title");
    expect(messageOf(() => given([{ stream: "cat/c1", type: "Purred", data: {} }]).rows(board))).toContain(
      "belongs to no aggregate that this test names. Known: task",
    );
    expect(messageOf(() => given(task, [added]).when([]))).toContain("when() was given no command");
  });
});

test("types come from the handles", () => {
  // @ts-expect-error there is no such event
  expect(() => given(task, [{ type: "TaskLost", data: {} }]).rows(board)).toThrow("is none of task");
  // @ts-expect-error a title is a string
  expect(() => given(task, [{ type: "TaskRenamed", data: { title: 1 } }]).rows(board)).toThrow("data that do not fit");
  expect(() =>
    given(task, [added])
      .when(task.command.complete("t1"))
      // @ts-expect-error an expected event has its data
      .expect([{ type: "TaskRenamed", data: {} }]),
  ).toThrow("not what was expected");
  expect(() =>
    given(task, [added])
      .rows(columnCounts)
      // @ts-expect-error a row has its columns
      .expect({ todo: { cards: 1 } }),
  ).toThrow("not what was expected");
});

test("a difference of long values shows both", () => {
  const long = (n: number) => Array.from({ length: 500 }, (_, k) => k + n);
  expect(jsonDiff(long(0), long(1)).split("\n")).toHaveLength(1_004);
  expect(jsonDiff({ b: 1, a: [] }, { a: [], b: 1 })).not.toMatch(/^[-+]/m);
});
