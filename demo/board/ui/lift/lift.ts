/**
 * A held card and its target place. It is the same for mouse, finger and keys.
 *
 * `placeOf` returns the order key for the target gap, from the cards that are there at the drop.
 */
import { orderBetween } from "../../order.ts";
import type { CardEntry } from "../rows.ts";

export type Lift = {
  readonly card: string;
  readonly by: "pointer" | "keys";
  /** The id of the column under the held card, and the number of its other cards before the gap. */
  readonly column: string;
  readonly index: number;
  /** Height of the gap, in CSS pixels. */
  readonly height: number;
};

export function placeOf(lift: Lift, all: readonly CardEntry[]): { readonly column: string; readonly order: string } {
  const others = cardsOf(lift.column, all).filter(({ key }) => key !== lift.card);
  const before = others[lift.index - 1]?.row.order ?? null;
  const after = others[lift.index]?.row.order ?? null;
  return { column: lift.column, order: orderBetween(before, after) };
}

/** True if the target place is the card's old place. */
export function isAtHome(lift: Lift, all: readonly CardEntry[]): boolean {
  const home = all.find(({ key }) => key === lift.card);
  if (home?.row.column !== lift.column) return false;
  return cardsOf(lift.column, all).findIndex(({ key }) => key === lift.card) === lift.index;
}

/** The cards of a column from top to bottom. */
export function cardsOf(column: string, all: readonly CardEntry[]): readonly CardEntry[] {
  return all.filter(({ row }) => row.column === column).sort(compareCards);
}

/** The order of cards from top to bottom. */
export function compareCards(left: CardEntry, right: CardEntry): number {
  return compare(left.row.order, right.row.order) || compare(left.key, right.key);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
