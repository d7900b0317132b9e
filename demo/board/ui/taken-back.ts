/** Says what undo and redo changed, from the rows before and after: they reach the page no later than the answer. */
import type { CardEntry, ColumnEntry } from "./rows.ts";
import { words } from "../words/language.ts";

export type Moment = { readonly cards: readonly CardEntry[]; readonly columns: readonly ColumnEntry[] };

/** The change in words, such as “Oat milk” is “Milk” again; null if no row changed. */
export function sayTakenBack(before: Moment, after: Moment): string | null {
  const columnOf = (id: string) =>
    after.columns.find(({ key }) => key === `board-column/${id}`)?.row.name ?? words.common.noColumn;
  const said = [
    ...changed(before.columns, after.columns, sayColumn, (row) => words.takenBack.column(row.name)),
    ...changed(before.cards, after.cards, sayCard(columnOf), (row) => words.takenBack.card(row.title)),
  ];
  const [first] = said;
  if (first === undefined) return null;
  return said.length === 1 ? first : words.takenBack.andMore(first, said.length - 1);
}

type Entry<Row> = { readonly key: string; readonly row: Row; readonly pending: boolean };

function changed<Row>(
  before: readonly Entry<Row>[],
  after: readonly Entry<Row>[],
  say: (old: Row, row: Row) => string | null,
  nameOf: (row: Row) => string,
): readonly string[] {
  const olds = new Map(before.map((entry) => [entry.key, entry]));
  const said: string[] = [];
  for (const entry of after) {
    const old = olds.get(entry.key);
    olds.delete(entry.key);
    if (!old) said.push(words.takenBack.isBack(nameOf(entry.row)));
    else if (old !== entry) said.push(...[say(old.row, entry.row)].filter((text) => text !== null));
  }
  return [...said, ...[...olds.values()].map(({ row }) => words.takenBack.isOff(nameOf(row)))];
}

function sayColumn(old: ColumnEntry["row"], row: ColumnEntry["row"]): string | null {
  if (old.name !== row.name) return words.takenBack.isCalled(words.takenBack.column(old.name), row.name);
  return old.order === row.order ? null : words.takenBack.atOtherPlace(words.takenBack.column(row.name));
}

const sayCard = (columnOf: (id: string) => string) => (old: CardEntry["row"], row: CardEntry["row"]) => {
  const name = words.takenBack.card(row.title);
  if (old.title !== row.title) return words.takenBack.isCalled(words.takenBack.card(old.title), row.title);
  if (old.description !== row.description) return words.takenBack.hasOtherDescription(name);
  if (old.column !== row.column) return words.takenBack.isIn(name, columnOf(row.column));
  if (old.order !== row.order) return words.takenBack.atOtherPlace(name);
  if (old.done !== row.done) return words.takenBack.isDone(name, row.done);
  if (old.assignee !== row.assignee) return words.takenBack.isAssigned(name, row.assignee);
  return null;
};
