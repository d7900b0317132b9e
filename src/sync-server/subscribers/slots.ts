/** The handlers of a subscriber that may run at once on a node, over all logs. */
export class Slots {
  readonly #onFree = new Set<() => void>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  get free(): number {
    return this.#free;
  }

  take(): void {
    this.#free--;
  }

  /** Reports the free slot to all that wait for one, if there was none. */
  giveBack(): void {
    this.#free++;
    if (this.#free === 1) for (const report of this.#onFree) report();
  }

  /** Calls `report` when a slot becomes free. Returns a function that ends it. */
  onFree(report: () => void): () => void {
    this.#onFree.add(report);
    return () => void this.#onFree.delete(report);
  }
}
