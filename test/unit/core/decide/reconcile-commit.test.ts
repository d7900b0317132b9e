/** A commit after other authors' events: the conflict policies, and which events count as the author's own. */
import { describe, expect, test } from "vitest";
import { isExpected } from "../../../../src/core/decide/reconcile-commit.ts";
import { column, tally, task } from "../../../support/task-domain.ts";
import { add, becomes, commitOn, eventsFrom, logOf, made, NOW, pushed, viewOf } from "../../../support/core/scene.ts";
import type { ServerModel } from "../../../support/core/server-model.ts";

describe("reconcileCommit: conflict policies", () => {
  test("rebase: decides again on the current state", () => {
    const server = logOf();
    const mine = made(server, "ann", [tally.command.spend("a", { amount: 4 })]);
    const other = made(server, "ann", [tally.command.spend("a", { amount: 3 })]);
    add(server, "bob", tally.command.spend("a", { amount: 2 }));
    expect(becomes(server, mine)).toBe("too-little");
    expect(becomes(server, other)).toEqual([["Added", { amount: -3 }]]);
  });

  test("keep: records the events that the author decided on the state that he saw", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.note("t1", { text: "skimmed" })]);
    add(server, "bob", task.command.remove("t1"));
    expect(becomes(server, mine)).toEqual([["NoteAdded", { note: `${mine.id}.0.0`, text: "skimmed" }]]);
  });

  test("reject: reports which events came first", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.remove("t1")]);
    add(server, "bob", task.command.rename("t1", { title: "Oat milk" }), task.command.complete("t1"));
    const outcome = pushed(server, mine);
    expect(outcome).toMatchObject({
      kind: "rejected",
      commandIndex: 0,
      defect: { kind: "conflict", code: "conflict" },
    });
    expect(outcome.kind === "rejected" && outcome.theirs.map(({ type, actor }) => [type, actor])).toEqual([
      ["TaskRenamed", "bob"],
      ["TaskCompleted", "bob"],
    ]);
  });

  test("merge: the app's function gets the author's and the other events, and decides", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.rename("t1", { title: "Oat milk" })]);
    add(server, "bob", task.command.rename("t1", { title: "Soy milk" }));
    expect(becomes(server, mine)).toEqual([["TaskRenamed", { title: "Soy milk / Oat milk" }]]);
  });

  test("merge: decides again after rebase()", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.rename("t1", { title: "Oat milk" })]);
    add(server, "bob", task.command.complete("t1"));
    expect(becomes(server, mine)).toEqual([["TaskRenamed", { title: "Oat milk" }]]);
  });

  test("merge: may reject", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.rename("t1", { title: "Oat milk" })]);
    add(server, "bob", task.command.remove("t1"));
    expect(becomes(server, mine)).toBe("no-such-task");
  });

  test("reconcileCommit: no policy sees a conflict if no other author came first", () => {
    const server = logOf();
    const commits = [
      task.command.note("t1", { text: "x" }),
      task.command.rename("t1", { title: "Oat milk" }),
      task.command.remove("t1"),
    ].map((one) => made(server, "ann", [one]));
    for (const commit of commits) expect(isExpected(commit, eventsFrom(server, commit))).toBe(true);
  });
});

describe("reads: a stream that is only read", () => {
  test("reads: a move to a column that was removed meanwhile is rejected", () => {
    const server = logOf();
    const mine = made(server, "ann", [task.command.move("t1", { column: "done" })]);
    add(server, "bob", column.command.remove("done"));
    expect(becomes(server, mine)).toBe("no-such-column");
  });

  test("reads: a change of the read stream is a conflict", () => {
    const server = logOf();
    const mine = made(server, "ann", [tally.command.copy("b", { from: "a" })]);
    add(server, "bob", tally.command.add("a", { amount: 1 }));
    expect(becomes(server, mine)).toBe("conflict");
  });
});

describe("reconcileCommit: the author's own events", () => {
  const third = (server: ServerModel, device: string) => {
    const early = made(server, "ann", [task.command.remove("t1")], "laptop");
    pushed(server, made(server, "ann", [task.command.complete("t1")], device));
    return becomes(server, early);
  };

  test("reconcileCommit: events of the same actor and device never conflict", () => {
    expect(third(logOf(), "laptop")).toEqual([["TaskRemoved", {}]]);
  });

  test("reconcileCommit: events of the same actor on another device conflict", () => {
    expect(third(logOf(), "phone")).toBe("conflict");
  });

  test("keep: decides on the author's own earlier events", () => {
    const server = logOf();
    const replica = viewOf(server);
    const added = commitOn(server.domain, replica, "ann", [task.command.add("t9", { title: "Salt", column: "todo" })]);
    replica.add(added, NOW);
    const noted = commitOn(server.domain, replica, "ann", [task.command.note("t9", { text: "coarse" })]);
    pushed(server, added);
    add(server, "bob", task.command.remove("t9"));
    expect(becomes(server, noted)).toEqual([["NoteAdded", { note: `${noted.id}.0.0`, text: "coarse" }]]);
  });
});

describe("reconcileCommit: a commit of several commands", () => {
  test("reconcileCommit: each command is decided on the events of earlier commands", () => {
    const server = logOf();
    const mine = made(server, "ann", [
      column.command.add("new", { title: "New" }),
      task.command.move("t1", { column: "new" }),
      task.command.note("t1", { text: "moved" }),
    ]);
    expect(becomes(server, mine)).toEqual([
      ["ColumnAdded", { title: "New" }],
      ["TaskMoved", { column: "new" }],
      ["NoteAdded", { note: `${mine.id}.2.0`, text: "moved" }],
    ]);
    expect(server.records.at(-1)?.events.map(({ stream, version }) => `${stream} ${version}`)).toEqual([
      "column/new 1",
      "task/t1 2",
      "task/t1 3",
    ]);
  });

  test("reconcileCommit: a rejected last command rejects the whole commit", () => {
    const server = logOf();
    const mine = made(server, "ann", [
      tally.command.spend("a", { amount: 2 }),
      tally.command.add("b", { amount: 2 }),
      task.command.remove("t1"),
    ]);
    add(server, "bob", task.command.complete("t1"));
    const before = JSON.stringify(server.records);
    expect(pushed(server, mine)).toMatchObject({ kind: "rejected", commandIndex: 2 });
    expect(JSON.stringify(server.records)).toBe(before);
    expect(becomes(server, made(server, "cleo", [tally.command.spend("a", { amount: 5 })]))).toEqual([
      ["Added", { amount: -5 }],
    ]);
  });
});
