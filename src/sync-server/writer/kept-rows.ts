/**
 * The rows of one log and strong model in the memory of a node.
 *
 * Guarantees (strong-models.kept-rows.test.ts):
 * - The rows and the characters of their texts are bounded. The rows that were written or read first are forgotten.
 */
import { evictOldest } from "../base/evict-oldest.ts";

/** The text of a row. Null: a key whose row must stay absent. Undefined: there is no row. */
export type RowText = string | null | undefined;

/** Rows, and characters of their texts. */
const ROWS_MAX = 2_000;
const LENGTH_MAX = 250_000;

export class KeptRows {
  readonly #texts = new Map<string, RowText>();
  #length = 0;

  has(key: string): boolean {
    return this.#texts.has(key);
  }

  get(key: string): RowText {
    return this.#texts.get(key);
  }

  set(key: string, text: RowText): void {
    this.#delete(key);
    this.#texts.set(key, text);
    this.#length += text?.length ?? 0;
  }

  /** Adds the rows that an append wrote. Of many rows, only the last ones stay. */
  setAll(rows: ReadonlyMap<string, RowText>): void {
    let surplus = rows.size - ROWS_MAX;
    if (surplus >= 0) this.#clear();
    for (const [key, text] of rows) if (surplus-- <= 0) this.set(key, text);
    this.forgetOldest();
  }

  forgetOldest(): void {
    const isOver = (): boolean => this.#texts.size > ROWS_MAX || this.#length > LENGTH_MAX;
    evictOldest(this.#texts, isOver, (key) => this.#delete(key));
  }

  #clear(): void {
    this.#texts.clear();
    this.#length = 0;
  }

  #delete(key: string): void {
    this.#length -= this.#texts.get(key)?.length ?? 0;
    this.#texts.delete(key);
  }
}
