/** A list with elements only for the cards near the screen, the focused card, and cards that keys lead to. */
import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { whenAskedFor } from "./reveal-card.ts";
import type { CardEntry } from "./rows.ts";

/** A card, or the gap in which the held card would land. `at` counts the cards before it, without the held card. */
export type ListItem =
  | { readonly kind: "card"; readonly key: string; readonly at: number; readonly entry: CardEntry }
  | { readonly kind: "gap"; readonly key: "gap"; readonly height: number };

/** The place of an element in a large list. Absent in a small list, where the elements follow each other. */
export type ItemPlace = {
  readonly index: number;
  readonly top: number;
  readonly of: number;
  readonly measure: (element: HTMLElement | null) => void;
};

type LargeListProps = {
  readonly items: readonly ListItem[];
  /** Keys of cards that keep their element wherever the list is scrolled to. */
  readonly kept: readonly (string | null)[];
  readonly view: (item: ListItem, place: ItemPlace) => ReactNode;
  /** The card that is dragged with a pointer. */
  readonly held: ReactNode;
};

/** In CSS pixels, as in board.css. */
const CARD_HEIGHT = 43;
const GAP = 8;
const PADDING = 10;
/** Elements before and after the visible ones. */
const OVERSCAN = 8;

export function LargeList({ items, kept, view, held }: LargeListProps) {
  const list = useRef<HTMLOListElement>(null);
  const [askedFor, setAskedFor] = useState<string | null>(null);
  const keys = [...kept, askedFor];
  const always = items.flatMap(({ key }, index) => (keys.includes(key) ? [index] : []));
  // The React Compiler, which this page does not use, would skip this component.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => list.current,
    getItemKey: (index) => items[index]?.key ?? index,
    estimateSize: () => CARD_HEIGHT,
    gap: GAP,
    paddingStart: PADDING,
    paddingEnd: PADDING,
    overscan: OVERSCAN,
    rangeExtractor: (range: Range) =>
      [...new Set([...always, ...defaultRangeExtractor(range)])].toSorted((left, right) => left - right),
    useFlushSync: false,
  });
  const now = useRef(items);
  useEffect(() => {
    now.current = items;
  }, [items]);
  useEffect(
    () =>
      whenAskedFor((key) => {
        // Synchronously, because the caller moves the focus to the element.
        if (now.current.some((item) => item.key === key)) flushSync(() => setAskedFor(key));
      }),
    [],
  );
  const shown = virtualizer.getVirtualItems().map(({ index, start }) => {
    const item = items[index];
    return item && view(item, { index, top: start, of: items.length, measure: virtualizer.measureElement });
  });
  return (
    <ol className="cards large" ref={list}>
      {/* In one array, because React would make a new element for a card that leaves it. */}
      {[
        ...shown,
        held,
        <li key="extent" className="extent" style={{ height: virtualizer.getTotalSize() }} aria-hidden />,
      ]}
    </ol>
  );
}
