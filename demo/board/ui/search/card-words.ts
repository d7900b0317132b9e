/** The words of a card, by which a search finds it. */
import type { CardEntry } from "../rows.ts";

export type FoundCard = {
  readonly key: string;
  readonly title: string;
  readonly column: string;
  readonly done: number;
};

export function foundCard({ key, row }: CardEntry): FoundCard {
  return { key, title: row.title, column: row.column, done: row.done ? 1 : 0 };
}

/** The text that a search covers, in small letters. */
export function textOf({ title, description, assignee }: CardEntry["row"]): string {
  return plain(`${title} ${description} ${assignee ?? ""}`);
}

/** One for all cards, because making one takes longer than splitting a title. */
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** The words of a text in small letters, each once. Also of languages that put no space between words. */
export function wordsOf(text: string): readonly string[] {
  const segments = segmenter.segment(plain(text));
  return [...new Set([...segments].flatMap(({ segment, isWordLike }) => (isWordLike === true ? [segment] : [])))];
}

/** True if each word of a search is the beginning of a word. */
export function hasWords(words: readonly string[], searched: readonly string[]): boolean {
  return searched.every((one) => words.some((word) => word.startsWith(one)));
}

function plain(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}
