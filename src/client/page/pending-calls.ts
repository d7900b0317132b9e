/**
 * Calls that wait for the worker: none waits for ever.
 *
 * Place: around each promise of the page that the worker ends. The answer to `close` may overtake others, and what comes after it is not heard.
 * Holds: once closed, each call that has no answer fails, and so does each later one.
 */
export type PendingCalls = {
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
