/**
 * Promises that the worker settles, so that none of them waits for ever.
 *
 * The answer to `close` may overtake other answers, and the page receives no message after it.
 *
 * Guarantees (`pending-calls.test.ts`):
 * - `close` rejects each promise that has not settled, and each later one.
 */
export type PendingCalls = {
  /** A promise that settles as `answer` does, or rejects when the log is closed. */
  readonly track: <T>(answer: Promise<T>) => Promise<T>;
  readonly close: (error: Error) => void;
};

export function pendingCalls(): PendingCalls {
  const waiting = new Set<(error: Error) => void>();
  let closed: Error | null = null;
  return {
    track<T>(answer: Promise<T>): Promise<T> {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      if (closed) reject(closed);
      else waiting.add(reject);
      void answer.then(resolve, reject).finally(() => waiting.delete(reject));
      return promise;
    },
    close(error) {
      closed = error;
      for (const reject of waiting) reject(error);
      waiting.clear();
    },
  };
}
