/**
 * One loop that takes everything that waits, settles it as one batch, and goes on until nothing waits.
 *
 * Place: the log writer keeps one for each log that has work. It knows neither logs nor commits.
 * Holds: one batch at a time, in the order of arrival; what waits is bounded by the caller, a batch by `take`; every job
 * gets exactly one answer, also when settling throws. No state outlives the work.
 */
export type WriterQueue<Job, Result> = {
  readonly add: (job: Job) => Promise<Result>;
  readonly waiting: () => number;
};

export type WriterQueueOptions<Job, Result> = {
  /** Settles a batch and gives one result a job, in the same order. */
  readonly settle: (jobs: readonly Job[]) => Promise<readonly Result[]>;
  /** How many of those that wait make the next batch: at least one. */
  readonly take: (waiting: readonly Job[]) => number;
  /** Waited for before each batch, so that what arrives together is settled together. */
  readonly gather: () => Promise<void>;
  /** Called when nothing waits any more. */
  readonly idle: () => void;
};

type Entry<Job, Result> = {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

export function createWriterQueue<Job, Result>({
  settle,
  take,
  gather,
  idle,
}: WriterQueueOptions<Job, Result>): WriterQueue<Job, Result> {
  let waiting: Entry<Job, Result>[] = [];
  let running = false;

  const takeBatch = (): Entry<Job, Result>[] => {
    const count = Math.max(1, take(waiting.map(({ job }) => job)));
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  };

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      await gather();
      const batch = takeBatch();
      try {
        const results = await settle(batch.map(({ job }) => job));
        for (const [index, { resolve, reject }] of batch.entries()) {
          const result = results[index];
          if (result === undefined) reject(new Error("A batch was settled without an answer for each of its jobs"));
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
