/**
 * The handlers of a subscriber that may run at once on a node, over all logs.
 *
 * Guarantees (subscribers.busy-log.test.ts): a free slot goes to the log that has waited longest since its last one. So
 * a log with a long backlog holds up no other log.
 */
export class Slots {
  /** Each starts a handler of its log, or returns false. The log whose turn comes next is the first one. */
  readonly #starts = new Set<() => boolean>();
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

  /** Offers the free slot to the logs in turn. */
  giveBack(): void {
    this.#free++;
    for (const start of this.#starts) {
      if (!start()) continue;
      this.#starts.delete(start);
      this.#starts.add(start);
      return;
    }
  }

  /** Calls `start` when a slot is free and the turn of its log comes. Returns a function that ends it. */
  join(start: () => boolean): () => void {
    this.#starts.add(start);
    return () => void this.#starts.delete(start);
  }
}
