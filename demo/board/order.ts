/**
 * Places in a list that two people can choose at the same time: keys between any two keys, ordered as text.
 *
 * A key is a fraction with digits in base 62. Each key contains some chance, so two people who drop a card into one gap
 * get different keys. An app calls this where it makes a command, never in `decide`.
 */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = BigInt(DIGITS.length);
/** Digits of a key in a list that only grows at its ends. */
const LENGTH = 8;
/** Room that a gap must have before a key is drawn from its middle; else the keys become longer by some digits. */
const GAP_MIN = 1n << 24n;
/** How far beyond the last key the next one is put, about: room for some hundred million. */
const STEP = 1n << 20n;

/** Returns a key after `before` and before `after`. Null means the end of the list. */
export function orderBetween(before: string | null, after: string | null, random: () => number = Math.random): string {
  // Only ids separate two cards with the same key, so a place between them is after both.
  const end = before !== null && after !== null && after <= before ? null : after;
  for (let length = Math.max(LENGTH, before?.length ?? 0, end?.length ?? 0); ; length += 4) {
    const size = BASE ** BigInt(length);
    const low = before === null ? 0n : numberOf(before, length);
    const high = end === null ? size : numberOf(end, length);
    const gap = high - low;
    if (gap < GAP_MIN) continue;
    const chance = BigInt(Math.floor(random() * Number(STEP)));
    if (before === null && end === null) return textOf(size / 2n + chance, length);
    if (gap > 8n * STEP && (before === null || end === null))
      return textOf(before === null ? high - STEP - chance : low + STEP + chance, length);
    return textOf(low + gap / 2n + chance, length);
  }
}

function numberOf(key: string, length: number): bigint {
  let number = 0n;
  for (let at = 0; at < length; at++)
    number = number * BASE + BigInt(Math.max(0, DIGITS.indexOf(key.charAt(at) || "0")));
  return number;
}

function textOf(number: bigint, length: number): string {
  let text = "";
  for (let rest = number; text.length < length; rest /= BASE) text = DIGITS.charAt(Number(rest % BASE)) + text;
  return text.replace(/0+$/, "");
}
