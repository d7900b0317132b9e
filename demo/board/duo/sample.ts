/** The first cards of a duo. They say what the page is about, so that a visitor reads them at once. */
import type { CommandRequest } from "dacapo";
import { card } from "../domain/card.ts";
import { column } from "../domain/column.ts";

const COLUMNS = [
  { id: "todo", name: "To do", order: "F" },
  { id: "doing", name: "Doing", order: "V" },
];

const CARDS = [
  { id: "book", by: "Ada", column: "todo", order: "F", title: "Book the rehearsal room" },
  { id: "strings", by: "Bob", column: "todo", order: "V", title: "Buy new strings" },
  { id: "poster", by: "Ada", column: "todo", order: "k", title: "Print the posters" },
  { id: "score", by: "Bob", column: "doing", order: "F", title: "Copy the score for the cellos" },
  { id: "invite", by: "Ada", column: "doing", order: "V", title: "Invite the choir" },
];

/** Commits in order, each with its author. */
export function* sampleBoard(): Generator<readonly [string, readonly CommandRequest[]]> {
  yield ["Ada", COLUMNS.map(({ id, ...input }) => column.command.add(id, input))];
  for (const { id, by, ...input } of CARDS) yield [by, [card.command.add(id, input)]];
}
