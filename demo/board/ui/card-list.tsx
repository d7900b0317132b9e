/**
 * The cards of a column, with the gap of a held card.
 *
 * A large column has elements only for the cards near the screen. docs/decisions/large-columns-are-virtual.md says why.
 */
import { memo, type ReactNode } from "react";
import { CardView } from "./card-view.tsx";
import { type ItemPlace, LargeList, type ListItem } from "./large-list.tsx";
import type { Lift } from "./lift/lift.ts";
import type { CardHandlers } from "./lift/use-lift.ts";
import type { ShownRefusal } from "./refusals/use-refusals.ts";
import type { CardEntry } from "./rows.ts";

/** Cards up to which each has an element. There find-in-page reaches all. */
export const SMALL_MAX = 150;

/** The same for all cards of a board. */
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

type CardListProps = CardProps & {
  readonly rows: readonly CardEntry[];
  readonly column: string;
  readonly lift: Lift | null;
  readonly carried: CardEntry | null;
};

export const CardList = memo(function CardList({ rows, column, lift, carried, ...cardProps }: CardListProps) {
  const { active, watchers, refusals, handlers, onOpen, onFocus } = cardProps;
  const tabStop = rows.some(({ key }) => key === active) ? active : rows[0]?.key;
  const view = (item: ListItem, place: ItemPlace | null): ReactNode =>
    item.kind === "gap" ? (
      <Gap key="gap" height={item.height} place={place} />
    ) : (
      <CardView
        key={item.key}
        entry={item.entry}
        at={item.at}
        index={place?.index}
        top={place?.top}
        of={place?.of}
        measure={place?.measure}
        tabStop={item.key === tabStop || item.key === carried?.key}
        held={lift?.card === item.key ? lift.by : null}
        watchers={watchers.get(item.key) ?? ""}
        refusals={refusals.get(item.key) ?? null}
        handlers={handlers}
        onOpen={onOpen}
        onFocus={onFocus}
      />
    );
  const items = itemsOf(rows, column, lift, carried);
  // With a pointer the hidden card stays in its list, because a finger's events belong to its element.
  const own = lift?.by === "pointer" ? rows.find(({ key }) => key === lift.card) : undefined;
  const held = own ? view({ kind: "card", key: own.key, at: -1, entry: own }, null) : null;
  if (rows.length > SMALL_MAX)
    return <LargeList items={items} kept={[active, carried?.key ?? null]} view={view} held={held} />;
  // In one array, because React would make a new element for a card that leaves it.
  return <ol className="cards">{[...items.map((item) => view(item, null)), held]}</ol>;
});

function itemsOf(
  rows: readonly CardEntry[],
  column: string,
  lift: Lift | null,
  carried: CardEntry | null,
): readonly ListItem[] {
  const others = lift ? rows.filter(({ key }) => key !== lift.card) : rows;
  const items: ListItem[] = others.map((entry, at) => ({ kind: "card", key: entry.key, at, entry }));
  if (lift?.column !== column) return items;
  if (lift.by === "pointer") items.splice(lift.index, 0, { kind: "gap", key: "gap", height: lift.height });
  else if (carried) items.splice(lift.index, 0, { kind: "card", key: carried.key, at: -1, entry: carried });
  return items;
}

function Gap({ height, place }: { readonly height: number; readonly place: ItemPlace | null }) {
  return (
    <li
      className="gap"
      ref={place?.measure}
      data-index={place?.index}
      style={{ "--lifted-height": `${height}px`, ...(place && { top: place.top }) }}
      aria-hidden
    />
  );
}
