/**
 * Steps that run alone, one after another.
 *
 * Guarantees: a step that fails does not stop the steps after it. After `close`, every step fails with the given error.
 */
export class StepQueue {
  #last: Promise<unknown> = Promise.resolve();
  #closed: Error | null = null;

  run<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#closed) throw this.#closed;
      return step();
    });
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when the steps that were added before have ended. */
  async close(error: Error): Promise<void> {
    await this.run(async () => {
      this.#closed = error;
    }).catch(() => {});
  }
}
