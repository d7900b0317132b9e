/** Says what undo and redo changed, from the rows before and after: they reach the page no later than the answer. */
import type { CardEntry, ColumnEntry } from "./rows.ts";

export type Moment = { readonly cards: readonly CardEntry[]; readonly columns: readonly ColumnEntry[] };

/** The change in words, such as “Oat milk” is “Milk” again; null if no row changed. */
export function sayTakenBack(before: Moment, after: Moment): string | null {
  const columnOf = (id: string) =>
    after.columns.find(({ key }) => key === `board-column/${id}`)?.row.name ?? "no column";
  const said = [
    ...changed(before.columns, after.columns, sayColumn, (row) => `The column “${row.name}”`),
    ...changed(before.cards, after.cards, sayCard(columnOf), (row) => `“${row.title}”`),
  ];
  const [first] = said;
  if (first === undefined) return null;
  return said.length === 1 ? first : `${first}, and ${said.length - 1} more`;
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
    if (!old) said.push(`${nameOf(entry.row)} is back`);
    else if (old !== entry) said.push(...[say(old.row, entry.row)].filter((text) => text !== null));
  }
  return [...said, ...[...olds.values()].map(({ row }) => `${nameOf(row)} is off the board`)];
}

function sayColumn(old: ColumnEntry["row"], row: ColumnEntry["row"]): string | null {
  if (old.name !== row.name) return `The column “${old.name}” is called “${row.name}”`;
  return old.order === row.order ? null : `The column “${row.name}” is at its other place`;
}

const sayCard = (columnOf: (id: string) => string) => (old: CardEntry["row"], row: CardEntry["row"]) => {
  const name = `“${row.title}”`;
  if (old.title !== row.title) return `“${old.title}” is called ${name}`;
  if (old.description !== row.description) return `${name} has its other description`;
  if (old.column !== row.column) return `${name} is in “${columnOf(row.column)}”`;
  if (old.order !== row.order) return `${name} is at its other place`;
  if (old.done !== row.done) return `${name} is ${row.done ? "done" : "open"}`;
  if (old.assignee !== row.assignee) return `${name} is assigned to ${row.assignee ?? "nobody"}`;
  return null;
};
