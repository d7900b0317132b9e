import { expect, test } from "vitest";
import type { CardEntry, ColumnEntry } from "../../../demo/board/ui/rows.ts";
import { sayTakenBack } from "../../../demo/board/ui/taken-back.ts";

const card = (key: string, row: Partial<CardEntry["row"]> = {}): CardEntry => ({
  key: `card/${key}`,
  pending: true,
  row: {
    title: key,
    description: "",
    column: "todo",
    order: "V",
    done: false,
    assignee: null,
    comments: 0,
    archived: false,
    changedBy: "Ada",
    changedAt: 1,
    ...row,
  },
});
const lane = (name: string, order = "V"): ColumnEntry => ({
  key: `board-column/${name}`,
  pending: true,
  row: { name, order },
});
const say = (before: readonly CardEntry[], after: readonly CardEntry[]) =>
  sayTakenBack({ cards: before, columns: [lane("todo")] }, { cards: after, columns: [lane("todo"), lane("doing")] });

test("sayTakenBack: each change of a card has its words", () => {
  const columns = [lane("todo"), lane("doing")];
  const after = (row: Partial<CardEntry["row"]>) =>
    sayTakenBack({ cards: [card("Milk")], columns }, { cards: [card("Milk", row)], columns });
  expect(after({ title: "Oat milk" })).toBe("“Milk” is called “Oat milk”");
  expect(after({ description: "Two" })).toBe("“Milk” has its other description");
  expect(after({ column: "doing" })).toBe("“Milk” is in “doing”");
  expect(after({ column: "gone" })).toBe("“Milk” is in “no column”");
  expect(after({ order: "W" })).toBe("“Milk” is at its other place");
  expect(after({ done: true })).toBe("“Milk” is done");
  expect(after({ assignee: "Ben" })).toBe("“Milk” is assigned to Ben");
  expect(after({})).toBeNull();
});

test("sayTakenBack: a column that returns comes before its cards, which are counted", () => {
  expect(
    say([card("Milk"), card("Bread")], [card("Milk", { column: "doing" }), card("Bread", { column: "doing" })]),
  ).toBe("The column “doing” is back, and 2 more");
});

test("sayTakenBack: a card that left the board and a card that returned are named", () => {
  const columns = [lane("todo")];
  expect(sayTakenBack({ cards: [card("Milk")], columns }, { cards: [], columns })).toBe("“Milk” is off the board");
  expect(sayTakenBack({ cards: [], columns }, { cards: [card("Milk")], columns })).toBe("“Milk” is back");
  expect(
    sayTakenBack(
      { cards: [], columns: [lane("a")] },
      { cards: [], columns: [{ ...lane("a"), row: { name: "b", order: "V" } }] },
    ),
  ).toBe("The column “a” is called “b”");
});
