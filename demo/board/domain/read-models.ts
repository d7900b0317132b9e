/** The board's read models: rows folded from the events of cards and columns. */
import { projection } from "dacapo";
import { type Card, card } from "./card.ts";
import { column } from "./column.ts";

/** Columns that were not removed, by stream. */
export const columns = projection("columns", {
  version: 2,
  from: [column],
  initial: null as { name: string; order: string } | null,
  on: {
    ColumnAdded: (_, { data }) => data,
    ColumnRenamed: (row, { data }) => row && { ...row, ...data },
    ColumnMoved: (row, { data }) => row && { ...row, ...data },
    ColumnRemoved: () => null,
    ColumnRestored: (_, { after }) => after && { name: after.name, order: after.order },
  },
});

/** A card on the board: its state, and the author of its last change. Archived cards have no row. */
export const cards = projection("cards", {
  version: 1,
  from: [card],
  initial: null as (NonNullable<Card> & { changedBy: string; changedAt: number }) | null,
  on: {
    CardAdded: rowOf,
    CardRenamed: rowOf,
    CardDescribed: rowOf,
    CardMoved: rowOf,
    CardCompleted: rowOf,
    CardReopened: rowOf,
    CardAssigned: rowOf,
    CardCommented: rowOf,
    CardArchived: rowOf,
    CardRestored: rowOf,
  },
});

/** The row tables whose rows are keyed by the stream of an aggregate. */
export const BOARD_STREAMS = [
  { projection: columns, aggregate: column },
  { projection: cards, aggregate: card },
];

/** The number of cards in a column, by the column's id. */
export const columnCounts = projection("column-counts", {
  version: 1,
  from: [card],
  initial: { cards: 0, done: 0 },
  key: (_, { before, after }) => [before?.column, after?.column],
  on: {
    CardAdded: recount,
    CardMoved: recount,
    CardCompleted: recount,
    CardReopened: recount,
    CardArchived: recount,
    CardRestored: recount,
  },
});

/** Comments, one row each. */
export const comments = projection("comments", {
  version: 1,
  from: [card],
  initial: null as { card: string; by: string; text: string; time: number } | null,
  key: (event) => (event.type === "CardCommented" ? event.id : null),
  on: {
    CardCommented: (_, { stream, actor, data, time }) => ({ card: stream, by: actor, text: data.text, time }),
  },
});

type CardAround = { readonly before: Card; readonly after: Card };

function rowOf(_: unknown, { after, actor, time }: CardAround & { readonly actor: string; readonly time: number }) {
  return after && !after.archived ? { ...after, changedBy: actor, changedAt: time } : null;
}

function recount(row: { cards: number; done: number }, { key, before, after }: CardAround & { readonly key: string }) {
  const [was, is] = [countIn(key, before), countIn(key, after)];
  return { cards: row.cards + is.cards - was.cards, done: row.done + is.done - was.done };
}

function countIn(column: string, card: Card) {
  const here = card !== null && !card.archived && card.column === column;
  return { cards: here ? 1 : 0, done: here && card.done ? 1 : 0 };
}
