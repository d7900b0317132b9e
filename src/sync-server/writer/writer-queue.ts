/**
 * A queue that settles all waiting jobs as one batch, and repeats until no job waits. It does not depend on
 * logs or commits.
 *
 * Guarantees (log-writer.test.ts):
 * - One batch runs at a time, in the order of arrival.
 * - Each job gets exactly one result or error, also if `settle` throws.
 * - The caller bounds the number of waiting jobs, and `batchSize` bounds a batch.
 */
export type WriterQueue<Job, Result> = {
  readonly add: (job: Job) => Promise<Result>;
  readonly waiting: () => number;
};

export type WriterQueueOptions<Job, Result> = {
  /** Settles a batch. Returns one result for each job, in the same order. */
  readonly settle: (jobs: readonly Job[]) => Promise<readonly Result[]>;
  /** Returns the number of waiting jobs that fit into the next batch. If none fits, the first goes alone. */
  readonly batchSize: (waiting: readonly Job[]) => number;
  /** Awaited before each batch, so that jobs that arrive together are settled together. */
  readonly gather: () => Promise<void>;
  /** Called when no job waits any more. */
  readonly idle: () => void;
};

type Entry<Job, Result> = {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

export function createWriterQueue<Job, Result>({
  settle,
  batchSize,
  gather,
  idle,
}: WriterQueueOptions<Job, Result>): WriterQueue<Job, Result> {
  let waiting: Entry<Job, Result>[] = [];
  let running = false;

  const removeBatch = (): Entry<Job, Result>[] => {
    const count = Math.max(1, batchSize(waiting.map(({ job }) => job)));
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      await gather();
      const batch = removeBatch();
      try {
        const results = await settle(batch.map(({ job }) => job));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index];
          if (result === undefined) reject(new Error("A batch was settled without a result for each of its jobs"));
          else resolve(result);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
    idle();
  };

  return {
    add: (job) =>
      new Promise((resolve, reject) => {
        waiting.push({ job, resolve, reject });
        if (running) return;
        running = true;
        void run();
      }),
    waiting: () => waiting.length,
  };
}
