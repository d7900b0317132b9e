/**
 * Search over the cards of a board: a Dexie table with an index of words, which `dacapo/dexie` keeps like the rows.
 *
 * It has pending cards too, and works offline. All cards are read until the table is written, and without space for it.
 */
import type { LogHandle } from "dacapo/client";
import { dexieTable } from "dacapo/dexie";
import { Dexie, liveQuery, type Table } from "dexie";
import { cards } from "../../domain/read-models.ts";
import type { CardEntry } from "../rows.ts";
import { type FoundCard, foundCard, hasWords, textOf, wordsOf } from "./card-words.ts";
import { scanCards } from "./scan-cards.ts";

type StoredCard = FoundCard & { readonly words: readonly string[] };
type Log = Pick<LogHandle, "log" | "user" | "rows" | "status">;

/** Results that are shown. */
export const FOUND_MAX = 50;

/** One for each log that this page has open, because its first write compares all cards. */
const searches = new WeakMap<Log, CardSearch>();

export function searchOf(log: Log): CardSearch {
  const search = searches.get(log) ?? new CardSearch(log);
  searches.set(log, search);
  return search;
}

export class CardSearch {
  readonly #log: Log;
  readonly #table: Table<StoredCard, string>;
  #isIndexed = false;

  constructor(log: Log) {
    this.#log = log;
    const db = new Dexie(`board search ${log.log} ${log.user}`);
    db.version(1).stores({ cards: "key, *words" });
    this.#table = db.table("cards");
    void this.#index();
  }

  /**
   * Calls `listener` with the cards that have each word of the text, or its longer form, and again as they change. It
   * receives at most `FOUND_MAX` and one. Returns a function that ends this.
   */
  find(text: string, listener: (found: readonly FoundCard[]) => void): () => void {
    // The longest word has the fewest cards.
    const words = wordsOf(text).toSorted((left, right) => right.length - left.length);
    if (words.length === 0) {
      listener([]);
      return () => {};
    }
    return this.#isIndexed ? this.#findByIndex(words, listener) : this.#findByScan(words, listener);
  }

  async #index(): Promise<void> {
    let hasFailed = false;
    const kept = dexieTable(this.#log, cards, {
      table: this.#table,
      record: (entry) => ({ ...foundCard(entry), words: wordsOf(textOf(entry.row)) }),
      onError: () => {
        // Such as without space. Another try would fail too.
        hasFailed = true;
        this.#isIndexed = false;
        void kept.close();
      },
    });
    await kept.ready.then(
      () => (this.#isIndexed = !hasFailed),
      () => {},
    );
  }

  #findByIndex(words: readonly string[], listener: (found: readonly FoundCard[]) => void): () => void {
    const [first = "", ...others] = words;
    let end: () => void = () => {};
    const query = () =>
      this.#table
        .where("words")
        .startsWith(first)
        .distinct()
        .filter((card) => hasWords(card.words, others))
        .limit(FOUND_MAX + 1)
        .toArray();
    const subscription = liveQuery(query).subscribe(listener, () => {
      // Such as after the browser deleted the database.
      this.#isIndexed = false;
      end = this.#findByScan(words, listener);
    });
    return () => {
      subscription.unsubscribe();
      end();
    };
  }

  #findByScan(words: readonly string[], listener: (found: readonly FoundCard[]) => void): () => void {
    const rows = this.#log.rows(cards);
    const ending = new AbortController();
    let isScanning = false;
    const scan = async () => {
      if (isScanning) return;
      isScanning = true;
      await rows.ready;
      let read: readonly CardEntry[] | null = null;
      while (read !== rows.all() && !ending.signal.aborted) {
        read = rows.all();
        const found = await scanCards(read, words, FOUND_MAX + 1, ending.signal);
        if (found) listener(found);
      }
      isScanning = false;
    };
    // The rows reject only when the log is closed.
    const change = () => void scan().catch(() => {});
    const unsubscribe = rows.subscribe(change);
    change();
    return () => {
      unsubscribe();
      ending.abort();
    };
  }
}
