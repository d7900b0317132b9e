/** One column. It looks like a measure between two barlines. */
import { useRow } from "dacapo/react";
import { memo } from "react";
import { columnCounts } from "../domain/read-models.ts";
import { AddCard } from "./add-card.tsx";
import { CardView } from "./card-view.tsx";
import { ColumnHead } from "./column-head.tsx";
import type { Lift } from "./lift/lift.ts";
import type { CardHandlers } from "./lift/use-lift.ts";
import type { ShownRefusal } from "./refusals/use-refusals.ts";
import { type CardEntry, type ColumnEntry, idOf } from "./rows.ts";

export type CardProps = {
  /** The card that the Tab key reaches in its column. */
  readonly active: string | null;
  /** Names of people who have a card open, by card, one a line. */
  readonly watchers: ReadonlyMap<string, string>;
  /** Refused changes, by card. */
  readonly refusals: ReadonlyMap<string, readonly ShownRefusal[]>;
  readonly handlers: CardHandlers;
  readonly onOpen: (key: string) => void;
  readonly onFocus: (key: string) => void;
};

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
      aria-label={`${entry.row.name}, ${counts.cards === 1 ? "1 card" : `${counts.cards} cards`}`}
    >
      <ColumnHead entry={entry} all={all} cards={rows} counts={counts} />
      <CardList rows={rows} column={id} lift={lift} carried={carried} {...cardProps} />
      <AddCard column={id} last={rows.at(-1)?.row.order ?? null} />
    </section>
  );
});

type CardListProps = CardProps & {
  readonly rows: readonly CardEntry[];
  readonly column: string;
  readonly lift: Lift | null;
  readonly carried: CardEntry | null;
};

export function CardList({
  rows,
  column,
  lift,
  carried,
  active,
  watchers,
  refusals,
  handlers,
  onOpen,
  onFocus,
}: CardListProps) {
  const tabStop = rows.some(({ key }) => key === active) ? active : rows[0]?.key;
  const view = (entry: CardEntry) => (
    <CardView
      key={entry.key}
      entry={entry}
      tabStop={entry.key === tabStop || entry.key === carried?.key}
      held={lift?.card === entry.key ? lift.by : null}
      watchers={watchers.get(entry.key) ?? ""}
      refusals={refusals.get(entry.key) ?? null}
      handlers={handlers}
      onOpen={onOpen}
      onFocus={onFocus}
    />
  );
  if (!lift) return <ol className="cards">{rows.map(view)}</ol>;

  const others = rows.filter(({ key }) => key !== lift.card);
  const own = rows.find(({ key }) => key === lift.card);
  const above = lift.column === column ? lift.index : -1;
  const gap = <li key="gap" className="gap" style={{ "--lifted-height": `${lift.height}px` }} aria-hidden />;
  // With a pointer the hidden card stays in its list, because a finger's events belong to its element.
  const held = lift.by === "keys" ? (carried ? view(carried) : null) : gap;
  const shown = others.map(view);
  if (above >= 0 && held) shown.splice(above, 0, held);
  if (own && lift.by === "pointer") shown.push(view(own));
  return <ol className="cards">{shown}</ol>;
}
