/** One column. It looks like a measure between two barlines. */
import { useRow } from "dacapo/react";
import { memo } from "react";
import { columnCounts } from "../domain/read-models.ts";
import { AddCard } from "./add-card.tsx";
import { CardList, type CardProps } from "./card-list.tsx";
import { ColumnHead } from "./column-head.tsx";
import type { Lift } from "./lift/lift.ts";
import { type CardEntry, type ColumnEntry, idOf } from "./rows.ts";
import { words } from "../words/language.ts";

type ColumnViewProps = CardProps & {
  readonly entry: ColumnEntry;
  readonly all: readonly ColumnEntry[];
  /** Its cards, from top to bottom. */
  readonly rows: readonly CardEntry[];
  /** The held card, if it is from this column or above it. */
  readonly lift: Lift | null;
  /** The held card itself, if it is carried with keys. */
  readonly carried: CardEntry | null;
};

export const ColumnView = memo(function ColumnView({ entry, all, rows, lift, carried, ...cardProps }: ColumnViewProps) {
  const id = idOf(entry.key);
  const counts = useRow(columnCounts, id)?.row ?? { cards: 0, done: 0 };
  return (
    <section
      className={entry.pending ? "column pending" : "column"}
      data-column={id}
      aria-label={words.column.label(entry.row.name, counts.cards)}
    >
      <ColumnHead entry={entry} all={all} cards={rows} counts={counts} />
      <CardList rows={rows} column={id} lift={lift} carried={carried} {...cardProps} />
      <AddCard column={id} last={rows.at(-1)?.row.order ?? null} />
    </section>
  );
});
