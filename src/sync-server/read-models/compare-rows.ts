/**
 * Compares pages of stored rows with pages of folded rows, for the verb `verify`. Pure.
 *
 * Guarantees (compare-rows.test.ts):
 * - Each key is compared once, also if the pages of both tables end at different keys.
 * - A tombstone is no row and no difference, because an operator deleted this row.
 */
import { compareKeys } from "../stores/row-keys.ts";
import type { RowPage } from "../stores/model-store.ts";

/** A row that differs. Null: there is no row. */
export type RowDifference = {
  readonly key: string;
  /** JSON of the row that readers get. */
  readonly stored: string | null;
  /** JSON of the row that the log makes. */
  readonly folded: string | null;
};

/** The result of a comparison up to a key. */
export type Comparison = {
  /** The rows that were compared. */
  readonly rows: number;
  /** The last key that was compared. Null: none yet. */
  readonly to: string | null;
  readonly differences: readonly RowDifference[];
  /** True: there are more differences than these. */
  readonly more: boolean;
};

export const NOTHING_COMPARED: Comparison = { rows: 0, to: null, differences: [], more: false };

/** Differences that the notes of a job keep, and the characters of their rows. */
const DIFFERENCES_MAX = 100;
const CHARACTERS_MAX = 256 * 1024;

type Page = Pick<RowPage, "rows" | "more">;

/** Continues a comparison with the next page of both tables. */
export function compareRows(
  before: Comparison,
  stored: Page,
  folded: Page,
): { readonly next: Comparison; readonly isEnded: boolean } {
  // Behind the end of the shorter page, the other table may have rows that this page does not show.
  const ends = [stored, folded].flatMap(({ rows, more }) => (more ? (rows.at(-1)?.[0] ?? []) : []));
  const end = ends.length === 0 ? null : ends.reduce((least, key) => (compareKeys(key, least) < 0 ? key : least));
  const isInside = (key: string): boolean => end === null || compareKeys(key, end) <= 0;
  const [ofStored, ofFolded] = [new Map(stored.rows), new Map(folded.rows)];
  const keys = [...new Set([...ofStored.keys(), ...ofFolded.keys()])].filter(isInside).sort(compareKeys);
  const differences = [...before.differences];
  let characters = differences.reduce((sum, one) => sum + sizeOf(one), 0);
  let { rows, more } = before;
  for (const key of keys) {
    const difference = { key, stored: ofStored.get(key) ?? null, folded: ofFolded.get(key) ?? null };
    if (ofStored.get(key) === null) continue;
    rows++;
    if (difference.stored === difference.folded) continue;
    characters += sizeOf(difference);
    if (differences.length < DIFFERENCES_MAX && (characters <= CHARACTERS_MAX || differences.length === 0))
      differences.push(difference);
    else more = true;
  }
  const next = { rows, to: end ?? keys.at(-1) ?? before.to, differences, more };
  return { next, isEnded: end === null };
}

function sizeOf({ stored, folded }: RowDifference): number {
  return (stored?.length ?? 0) + (folded?.length ?? 0);
}
