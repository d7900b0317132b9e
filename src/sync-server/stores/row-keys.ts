/**
 * Keys of rows: their order, the end of a prefix, their form in a database, and the rows of a list of keys.
 *
 * Guarantees (row-keys.test.ts):
 * - The order is that of the UTF-8 bytes, which is the order of SQLite and of Postgres with `collate "C"` (M5).
 * - The stored form keeps this order and contains no NUL, because Postgres accepts no text with one (M6).
 */
import type { ModelStore, RowPage, RowRange } from "./model-store.ts";

/** Compares two keys by their UTF-8 bytes. JavaScript compares UTF-16 units, which is another order for some keys. */
export function compareKeys(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let n = 0; n < length; n++) {
    const [a, b] = [left.charCodeAt(n), right.charCodeAt(n)];
    if (a !== b) return rankOf(a) - rankOf(b);
  }
  return left.length - right.length;
}

/** Surrogates encode the code points above U+FFFF, so they come after all other units. */
function rankOf(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

const LAST_CODE_POINT = 0x10ffff;

/** The first key behind all keys with a prefix. Null: no key is behind them. */
export function endOfPrefix(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === LAST_CODE_POINT) continue;
    // The code points of surrogates are not characters.
    const next = last === 0xd7ff ? 0xe000 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return null;
}

/** The form of a key in a database. Only keys with the characters U+0000 and U+0001 differ from it. */
export function storedKey(key: string): string {
  // The search costs less than a replacement that finds nothing.
  if (!key.includes("\0") && !key.includes("\u0001")) return key;
  return key.replaceAll("\u0001", "\u0001\u0002").replaceAll("\0", "\u0001\u0001");
}

/** The key of a stored form. U+0001 is there only as the first half of a pair, so the pairs cannot overlap. */
export function keyOfStored(stored: string): string {
  return stored.replaceAll("\u0001\u0001", "\0").replaceAll("\u0001\u0002", "\u0001");
}

/** The keys behind the last page, each once. */
export function keysBehind(keys: readonly string[], after: string | null): readonly string[] {
  return [...new Set(keys)].filter((key) => after === null || compareKeys(key, after) > 0);
}

/** A good size of the texts that one read of rows holds in memory. */
const READ_BYTES = 4 * 1024 * 1024;

/** The first page of all rows of a table. */
export const ALL_ROWS = { from: null, to: null, after: null, limit: 500, bytes: 1024 * 1024 } as const;

/** The first page of the rows of these keys. */
export function keyRange(keys: readonly string[]): RowRange {
  return { keys, after: null, limit: keys.length, bytes: READ_BYTES };
}

/** Reads all pages of a range or of keys. Null: there is no such follower, or it has no such table. */
export async function* readPages(
  models: Pick<ModelStore, "rows">,
  log: string,
  follower: string,
  table: string,
  range: RowRange,
): AsyncGenerator<RowPage | null> {
  for (let { after } = range; ;) {
    const page = await models.rows(log, follower, table, { ...range, after });
    yield page;
    after = page?.rows.at(-1)?.[0] ?? null;
    if (!page?.more || after === null) return;
  }
}

/** The texts of rows by key. A null text is a tombstone. */
export type RowTexts = ReadonlyMap<string, string | null>;

/**
 * Reads the rows of these keys. If the follower moves between two pages, they are of two revisions. Then a write that
 * names the first one is refused.
 *
 * @throws TooManyRows if the rows must be `few`, and are more than one page.
 */
export async function readKeys(
  models: Pick<ModelStore, "rows">,
  log: string,
  follower: string,
  table: string,
  keys: readonly string[],
  few = false,
): Promise<RowTexts> {
  const texts = new Map<string, string | null>();
  if (keys.length === 0) return texts;
  for await (const page of readPages(models, log, follower, table, keyRange(keys))) {
    if (page?.more && few) throw new TooManyRows(page.rows.length / keys.length);
    for (const [key, text] of page?.rows ?? []) texts.set(key, text);
  }
  return texts;
}

/** Work needs more rows than it should hold in memory. */
export class TooManyRows extends Error {
  /** About the share of the work whose rows are few enough. */
  readonly share: number;

  constructor(share: number) {
    super("Too many rows");
    this.share = share;
  }
}

/** Does work for these items, or for the first of them if all need too many rows. A single item may read any rows. */
export async function workThatFits<Item, Result>(
  items: readonly Item[],
  work: (some: readonly Item[], few: boolean) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(items, items.length > 1);
  } catch (error) {
    if (!(error instanceof TooManyRows)) throw error;
    return workThatFits(items.slice(0, Math.max(1, Math.floor(items.length * error.share))), work);
  }
}
