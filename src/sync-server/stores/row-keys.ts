/**
 * Keys of rows: their order, the end of a prefix, their form in a database, and the rows of a list of keys.
 *
 * Guarantees (row-keys.test.ts):
 * - The order is that of the UTF-8 bytes, which is the order of SQLite and of Postgres with `collate "C"` (M5).
 * - The stored form keeps this order and contains no NUL, because Postgres accepts no text with one (M6).
 */
import type { ModelStore, RowPage } from "./model-store.ts";

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

/** The keys of a page of single keys, each once and in their order. */
export function keysBehind(keys: readonly string[], after: string | null): readonly string[] {
  const isBehind = (key: string): boolean => after === null || compareKeys(key, after) > 0;
  return [...new Set(keys)].filter(isBehind).sort(compareKeys);
}

/** A good size of the texts that one read of rows holds in memory. */
export const READ_BYTES = 4 * 1024 * 1024;

/**
 * Reads the rows of these keys: all of them, or those of the first page. The result has the follower of the first page.
 * If it moved between two pages, a write that names this revision is refused.
 */
export async function readKeys(
  models: Pick<ModelStore, "rows">,
  log: string,
  follower: string,
  table: string,
  keys: readonly string[],
  wanted: "all" | "first page" = "all",
): Promise<RowPage | null> {
  const read = (after: string | null): Promise<RowPage | null> =>
    models.rows(log, follower, table, { keys, after, limit: keys.length, bytes: READ_BYTES });
  const first = await read(null);
  if (!first?.more || wanted !== "all") return first;
  const rows = [...first.rows];
  for (let page: RowPage | null = first; page?.more;) {
    page = await read(rows.at(-1)?.[0] ?? null);
    rows.push(...(page?.rows ?? []));
  }
  return { ...first, rows, more: false };
}
