/** The first cards of a duo. They say what the page is about, so that a visitor reads them at once. */
import type { CommandRequest } from "dacapo";
import { card } from "../domain/card.ts";
import { column } from "../domain/column.ts";
import type { Words } from "../words/en.ts";

type SampleCommit = {
  readonly actor: string;
  readonly commands: readonly CommandRequest[];
  /** The first of what it adds. */
  readonly first: readonly [typeof card | typeof column, string];
};

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

/** Events of the first cards and columns: one a command. */
export const SAMPLE_EVENTS = COLUMNS.length + CARDS.length;

/** Commits in order. */
export function* sampleBoard({ sample }: Words): Generator<SampleCommit> {
  const columns = COLUMNS.map(({ id, order }, at) => column.command.add(id, { name: sample.columns[at] ?? id, order }));
  yield { actor: "Ada", commands: columns, first: [column, "todo"] };
  for (const [at, { id, by, ...place }] of CARDS.entries()) {
    const add = card.command.add(id, { title: sample.cards[at] ?? id, ...place });
    yield { actor: by, commands: [add], first: [card, id] };
  }
}
