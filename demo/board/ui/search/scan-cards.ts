/** A search that reads all cards. It needs no index, and it works in slices, so that typing stays smooth. */
import type { CardEntry } from "../rows.ts";
import { type FoundCard, foundCard, hasWords, textOf, wordsOf } from "./card-words.ts";

const SLICE_MS = 8;

/** At most `max` cards that have all words, or null if the signal was aborted. */
export async function scanCards(
  cards: readonly CardEntry[],
  words: readonly string[],
  max: number,
  signal: AbortSignal,
): Promise<readonly FoundCard[] | null> {
  const found: FoundCard[] = [];
  let pauseAt = performance.now() + SLICE_MS;
  for (const card of cards) {
    if (hasAll(card, words) && found.push(foundCard(card)) === max) break;
    if (performance.now() < pauseAt) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (signal.aborted) return null;
    pauseAt = performance.now() + SLICE_MS;
  }
  return signal.aborted ? null : found;
}

function hasAll({ row }: CardEntry, words: readonly string[]): boolean {
  const text = textOf(row);
  // First, because splitting a text into words takes much longer.
  return words.every((word) => text.includes(word)) && hasWords(wordsOf(text), words);
}
