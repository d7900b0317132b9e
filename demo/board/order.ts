/**
 * Order keys of a list, ordered as text. There is a key between any two, also if two people make one at once.
 *
 * A key is a fraction with digits in base 62. Each key has a random part, so that two people who drop a card into the
 * same gap get different keys. Make keys before a command, never in `decide`, because `decide` must be pure.
 */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE = BigInt(DIGITS.length);
/** The number of digits of a key in a list that grows only at its ends. */
const LENGTH = 8;
/** The smallest gap for a key in its middle. In a smaller gap the keys get some more digits. */
const GAP_MIN = 1n << 24n;
/** The distance between the last key and the next one, about. It leaves space for some hundred million keys. */
const STEP = 1n << 20n;

/** Returns a key after `before` and before `after`; null is the end of the list. */
export function orderBetween(before: string | null, after: string | null, random: () => number = Math.random): string {
  // Two cards with the same key are ordered by their ids, so no key is between them: the new key is after both.
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
