/**
 * Search over the cards of a board: a Dexie table with an index of words, which `dacapo/dexie` keeps like the rows.
 *
 * It has pending cards too, and works offline.
 */
import type { LogHandle } from "dacapo/client";
import { type DexieTable, dexieTable } from "dacapo/dexie";
import { Dexie, liveQuery, type Observable, type Table } from "dexie";
import { cards } from "../../domain/read-models.ts";

export type FoundCard = {
  readonly key: string;
  readonly title: string;
  readonly column: string;
  readonly done: number;
};
type StoredCard = FoundCard & { readonly words: readonly string[] };

/** Results that are shown. */
export const FOUND_MAX = 50;

export class CardSearch {
  readonly #db: Dexie;
  readonly #table: Table<StoredCard, string>;
  readonly #kept: DexieTable;

  /** `failed` is called when the table cannot be written, such as without space. Writing is tried again. */
  constructor(log: Pick<LogHandle, "log" | "user" | "rows">, failed: () => void) {
    this.#db = new Dexie(`board search ${log.log} ${log.user}`);
    this.#db.version(1).stores({ cards: "key, *words" });
    this.#table = this.#db.table("cards");
    this.#kept = dexieTable(log, cards, {
      table: this.#table,
      onError: failed,
      record: ({ row }) => ({
        title: row.title,
        column: row.column,
        done: row.done ? 1 : 0,
        words: wordsOf(`${row.title} ${row.description} ${row.assignee ?? ""}`),
      }),
    });
  }

  /** Resolves once the table has the cards of the board. */
  get ready(): Promise<void> {
    return this.#kept.ready;
  }

  /** The cards that have each word of the text, or its longer form. As they change, at most `FOUND_MAX` and one. */
  find(text: string): Observable<readonly FoundCard[]> {
    const words = wordsOf(text);
    // The longest word has the fewest cards.
    const [first, ...others] = words.toSorted((left, right) => right.length - left.length);
    if (first === undefined) return liveQuery(() => []);
    return liveQuery(() =>
      this.#table
        .where("words")
        .startsWith(first)
        .distinct()
        .filter((card) => others.every((word) => card.words.some((other) => other.startsWith(word))))
        .limit(FOUND_MAX + 1)
        .toArray(),
    );
  }

  async close(): Promise<void> {
    await this.#kept.close();
    this.#db.close();
  }
}

/** One for all cards, because making one takes longer than splitting a title. */
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** The words of a text in small letters, each once. Also of languages that put no space between words. */
export function wordsOf(text: string): readonly string[] {
  const segments = segmenter.segment(text.normalize("NFKC").toLowerCase());
  return [...new Set([...segments].flatMap(({ segment, isWordLike }) => (isWordLike === true ? [segment] : [])))];
}
