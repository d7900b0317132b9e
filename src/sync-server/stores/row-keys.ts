/**
 * Keys of rows: their order, the end of a prefix, and their form in a database.
 *
 * Guarantees (row-keys.test.ts):
 * - The order is that of the UTF-8 bytes, which is the order of SQLite and of Postgres with `collate "C"` (M5).
 * - The stored form keeps this order and contains no NUL, because Postgres accepts no text with one (M6).
 */

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
