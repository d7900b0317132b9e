/** The first cards of a duo. They say what the page is about, so that a visitor reads them at once. */
import type { CommandRequest } from "dacapo";
import { card } from "../domain/card.ts";
import { column } from "../domain/column.ts";
import type { Words } from "../words/en.ts";

const COLUMNS = [
  { id: "todo", order: "F" },
  { id: "doing", order: "V" },
];

const CARDS = [
  { id: "book", by: "Ada", column: "todo", order: "F" },
  { id: "strings", by: "Bob", column: "todo", order: "V" },
  { id: "poster", by: "Ada", column: "todo", order: "k" },
  { id: "score", by: "Bob", column: "doing", order: "F" },
  { id: "invite", by: "Ada", column: "doing", order: "V" },
];

/** Commits in order, each with its author. */
export function* sampleBoard({ sample }: Words): Generator<readonly [string, readonly CommandRequest[]]> {
  yield ["Ada", COLUMNS.map(({ id, order }, at) => column.command.add(id, { name: sample.columns[at] ?? id, order }))];
  for (const [at, { id, by, ...place }] of CARDS.entries())
    yield [by, [card.command.add(id, { title: sample.cards[at] ?? id, ...place })]];
}
