/**
 * The rows of one log and strong model in the memory of a node.
 *
 * Guarantees (strong-models.kept-rows.test.ts):
 * - The rows and the characters of their texts are bounded. The rows that were written or read first are forgotten.
 */
import { evictOldest } from "../base/evict-oldest.ts";

/** The text of a row. Null: a key whose row must stay absent. Undefined: there is no row. */
export type RowText = string | null | undefined;

/** The answer for a row that is not in memory. */
export const NOT_READ = Symbol("not read");

/** Rows, and characters of their texts, of one generation. */
const ROWS_MAX = 1_000;
const LENGTH_MAX = 125_000;

/** Two generations of rows. The older one is forgotten as a whole, because many single rows cost more. */
export class KeptRows {
  #young = new Map<string, RowText>();
  #old = new Map<string, RowText>();
  /** The characters of the young rows. */
  #length = 0;

  get(key: string): RowText | typeof NOT_READ {
    for (const rows of [this.#young, this.#old]) {
      const text = rows.get(key);
      if (text !== undefined || rows.has(key)) return text;
    }
    return NOT_READ;
  }

  set(key: string, text: RowText): void {
    this.#length += (text?.length ?? 0) - (this.#young.get(key)?.length ?? 0);
    this.#young.set(key, text);
  }

  /** Adds the rows that an append wrote. */
  setAll(rows: ReadonlyMap<string, { readonly text: RowText }>): void {
    for (const [key, { text }] of rows) this.set(key, text);
    this.forgetOldest();
  }

  /** Begins a new generation if the young one is full. Of more rows than fit, the last ones stay. */
  forgetOldest(): void {
    if (this.#young.size < ROWS_MAX && this.#length < LENGTH_MAX) return;
    const isOver = (): boolean => this.#young.size > ROWS_MAX || this.#length > LENGTH_MAX;
    evictOldest(this.#young, isOver, (key) => {
      this.#length -= this.#young.get(key)?.length ?? 0;
      this.#young.delete(key);
    });
    this.#old = this.#young;
    this.#young = new Map();
    this.#length = 0;
  }
}
