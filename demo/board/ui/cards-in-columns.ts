/**
 * The cards of each column from top to bottom, kept over changes.
 *
 * A column that did not change keeps its array, so it does not render again. A change of few cards sorts only them.
 */
import { firstFrom } from "./lift/first-from.ts";
import { compareCards } from "./lift/lift.ts";
import type { CardEntry } from "./rows.ts";

/** Changed cards up to which each is inserted at its place. More are sorted together. */
const PATCH_MAX = 64;

export type CardsByColumn = ReadonlyMap<string, readonly CardEntry[]>;

export class CardsInColumns {
  #sorted: readonly CardEntry[] = [];
  #byColumn: CardsByColumn = new Map();

  /** Returns the columns of these cards. */
  of(all: readonly CardEntry[]): CardsByColumn {
    this.#sorted = sortedAfter(this.#sorted, all);
    const before = this.#byColumn;
    const groups = Map.groupBy(this.#sorted, ({ row }) => row.column);
    this.#byColumn = new Map(
      [...groups].map(([column, cards]) => {
        const old = before.get(column);
        return [column, old && isSame(old, cards) ? old : cards];
      }),
    );
    return this.#byColumn;
  }
}

function sortedAfter(before: readonly CardEntry[], all: readonly CardEntry[]): readonly CardEntry[] {
  const [old, present] = [new Set(before), new Set(all)];
  const added = all.filter((entry) => !old.has(entry));
  if (added.length > PATCH_MAX) return all.toSorted(compareCards);
  const sorted = before.filter((entry) => present.has(entry));
  for (const entry of added)
    sorted.splice(
      firstFrom(sorted, (other) => compareCards(other, entry) >= 0),
      0,
      entry,
    );
  return sorted;
}

function isSame(left: readonly CardEntry[], right: readonly CardEntry[]): boolean {
  return left.length === right.length && left.every((entry, at) => entry === right[at]);
}
