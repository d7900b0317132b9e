import { describe, test } from "vitest";
import { card } from "../../../demo/board/domain/card.ts";
import { column } from "../../../demo/board/domain/column.ts";
import { cards, columnCounts, columns, comments } from "../../../demo/board/domain/read-models.ts";
import { given } from "../../../src/testing/given.ts";

const added = { type: "CardAdded", data: { title: "Milk", column: "todo", order: "V" } } as const;
const todo = { type: "ColumnAdded", data: { name: "To do", order: "A" } } as const;
const removed = { type: "ColumnRemoved", data: {} } as const;
const archived = { type: "CardArchived", data: {} } as const;
const add = card.command.add("c1", { title: "Milk", column: "todo", order: "V" });

describe("a card", () => {
  test("add: needs an existing column and a new id", () => {
    given(card, []).and(column, "todo", [todo]).when(add).expect([added]);
    given(card, []).when(add).expect({ rejected: "no-such-column" });
    given(card, []).and(column, "todo", [todo, removed]).when(add).expect({ rejected: "no-such-column" });
    given(card, [added]).and(column, "todo", [todo]).when(add).expect({ rejected: "already-added" });
  });

  test("rename: trims the title and rejects an empty one", () => {
    given(card, [added])
      .when(card.command.rename("c1", { title: "  Bread " }))
      .expect([{ type: "CardRenamed", data: { title: "Bread" } }]);
    given(card, [added])
      .when(card.command.rename("c1", { title: "   " }))
      .expect({ rejected: "invalid-input" });
    given(card, [added])
      .when(card.command.rename("c1", { title: "Milk" }))
      .expect([]);
  });

  test("rename: rejects the second of two different names, accepts the same name", () => {
    const others = given(card, [added]).meanwhile([{ type: "CardRenamed", data: { title: "Bread" }, by: "bob" }]);
    others
      .when(card.command.rename("c1", { title: "Butter" }))
      .expect({ rejected: "renamed-meanwhile", message: "bob renamed it to “Bread” first" });
    others.when(card.command.rename("c1", { title: "Bread" })).expect([]);
  });

  test("comment: is kept on a card that was archived meanwhile", () => {
    const comment = card.command.comment("c1", { text: "Two bottles" });
    given(card, [added])
      .meanwhile([archived])
      .when(comment)
      .expect([{ type: "CardCommented", data: { text: "Two bottles" } }]);
    given(card, [added, archived]).when(comment).expect({ rejected: "no-such-card" });
  });

  test("archive: rejects if another author commented meanwhile", () => {
    given(card, [added])
      .meanwhile([{ type: "CardCommented", data: { text: "Wait" } }])
      .when(card.command.archive("c1"))
      .expect({ rejected: "commented-meanwhile" });
    given(card, [added])
      .meanwhile([{ type: "CardCompleted", data: {} }])
      .when(card.command.archive("c1"))
      .expect([archived]);
  });

  test("move: rejects a column that was removed meanwhile", () => {
    const done = { type: "ColumnAdded", data: { name: "Done", order: "B" } } as const;
    const both = given(card, [added]).and(column, "done", [done]);
    const move = card.command.move("c1", { column: "done", order: "V" });
    both.when(move).expect([{ type: "CardMoved", data: { column: "done", order: "V" } }]);
    both
      .meanwhile([{ ...removed, id: "done" }])
      .when(move)
      .expect({ rejected: "no-such-column" });
  });
});

test("column remove: rejects if another author changed the column meanwhile", () => {
  const others = given(column, [todo]).meanwhile([{ type: "ColumnRenamed", data: { name: "Next" } }]);
  others.when(column.command.remove("todo")).expect({ rejected: "changed-meanwhile" });
  given(column, [todo]).meanwhile([removed]).when(column.command.remove("todo")).expect([]);
});

test("column restore: a removed column returns with its name and place", () => {
  const restored = { type: "ColumnRestored", data: {} } as const;
  given(column, [todo, removed]).when(column.command.restore("todo")).expect([restored]);
  given(column, [todo]).when(column.command.restore("todo")).expect([]);
  given(column, []).when(column.command.restore("todo")).expect({ rejected: "no-such-column" });
  given(column, [todo, removed, restored]).rows(columns).expect({ "board-column/1": todo.data });
});

describe("the board's projections", () => {
  test("cards: a row names the last author, an archived card has no row", () => {
    const row = {
      title: "Milk",
      column: "todo",
      order: "V",
      description: "",
      done: false,
      assignee: null,
      comments: 0,
      archived: false,
    };
    given(card, [{ ...added, by: "ada", time: 1 }])
      .rows(cards)
      .expect({ "card/1": { ...row, changedBy: "ada", changedAt: 1 } });
    given(card, [added, { type: "CardCompleted", data: {}, by: "bob", time: 2 }])
      .rows(cards)
      .expect({ "card/1": { ...row, done: true, changedBy: "bob", changedAt: 2 } });
    given(card, [added, archived]).rows(cards).expect({});
  });

  test("column-counts: counts follow a card through its columns", () => {
    const moved = { id: "c1", type: "CardMoved", data: { column: "done", order: "V" } } as const;
    const two = [
      { ...added, id: "c1" },
      { ...added, id: "c2" },
    ] as const;
    given(card, two)
      .rows(columnCounts)
      .expect({ todo: { cards: 2, done: 0 } });
    given(card, [...two, moved, { id: "c1", type: "CardCompleted", data: {} }])
      .rows(columnCounts)
      .expect({ todo: { cards: 1, done: 0 }, done: { cards: 1, done: 1 } });
  });

  test("columns and comments: one row for each column and each comment", () => {
    given(column, [
      { ...todo, id: "todo" },
      { ...todo, id: "done" },
      { ...removed, id: "done" },
    ])
      .rows(columns)
      .expect({ "board-column/todo": todo.data });
    given([
      { stream: "card/c1", ...added },
      { stream: "card/c1", type: "CardCommented", data: { text: "Two" }, by: "bob", time: 7 },
    ])
      .rows(comments)
      .expect({ "given-2:0": { card: "card/c1", by: "bob", text: "Two", time: 7 } });
  });
});
