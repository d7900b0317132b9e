import { expect, test } from "vitest";
import { CardsInColumns } from "../../../demo/board/ui/cards-in-columns.ts";
import { cardsOf } from "../../../demo/board/ui/lift/lift.ts";
import type { CardEntry } from "../../../demo/board/ui/rows.ts";

const COLUMNS = ["todo", "doing", "done"];
const card = (n: number, column: string, order: string): CardEntry => ({
  key: `card/${n}`,
  pending: false,
  row: {
    title: `Card ${n}`,
    description: "",
    column,
    order,
    done: false,
    assignee: null,
    comments: 0,
    archived: false,
    changedBy: "Ada",
    changedAt: 1,
  },
});

/** The same numbers in each run. */
function drawer(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

test("CardsInColumns: after any changes, each column has the cards of a fresh sort", () => {
  const draw = drawer(7);
  const lists = new CardsInColumns();
  const all = new Map<string, CardEntry>();
  for (let round = 0; round < 300; round++) {
    // Some rounds change more cards than are inserted one by one.
    for (let change = round % 20 === 0 ? 100 : 3; change > 0; change--) {
      const made = card(draw(150), COLUMNS[draw(3)] ?? "", String.fromCharCode(65 + draw(20)));
      if (draw(4) === 0) all.delete(made.key);
      else all.set(made.key, made);
    }
    const entries = [...all.values()];
    const found = lists.of(entries);
    for (const column of COLUMNS) expect(found.get(column) ?? []).toEqual(cardsOf(column, entries));
  }
});

test("CardsInColumns: a column without a change keeps its array", () => {
  const lists = new CardsInColumns();
  const [milk, bread] = [card(1, "todo", "A"), card(2, "doing", "B")];
  const before = lists.of([milk, bread]);
  const after = lists.of([milk, card(2, "doing", "C")]);
  expect(after.get("todo")).toBe(before.get("todo"));
  expect(after.get("doing")).not.toBe(before.get("doing"));
});
