/**
 * Places in a list that two people can give at once: keys between any two others, ordered as text.
 *
 * A key is a fraction, its digits in base 62. A little chance in each lets two people drop a card in the same gap without
 * getting the same key. Used where a command is made, never where it is decided.
 */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = BigInt(DIGITS.length);
/** Digits of a key in a list that only grows at its ends. */
const LENGTH = 8;
/** Room that a gap must have before a key is drawn from its middle; else the keys become longer by some digits. */
const GAP_MIN = 1n << 24n;
/** How far beyond the last key the next one is put, about: room for some hundred million. */
const STEP = 1n << 20n;

/** A key after `before` and before `after`; null stands for the end of the list. */
export function orderBetween(before: string | null, after: string | null, random: () => number = Math.random): string {
  // Two cards with the same key can only be told apart by their ids: between them means after both.
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
