// The queue of a log: batches of waiting jobs, one at a time, and a result or an error for each job.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createWriterQueue } from "../../../../src/sync-server/writer/writer-queue.ts";

const GATHERS_MAX = 100;
const BAD = 13;

/** A queue that doubles numbers. `settle` waits until the test calls `release`, if it holds batches. */
function doubling({ size = Infinity, holds = false }: { size?: number; holds?: boolean } = {}) {
  const batches: number[][] = [];
  const events: string[] = [];
  let gathers = 0;
  let release = (): void => {};
  const queue = createWriterQueue<number, number>({
    settle: async (jobs) => {
      batches.push([...jobs]);
      if (holds) await new Promise<void>((resolve) => (release = resolve));
      if (jobs.includes(BAD)) throw new Error("no");
      return jobs.map((job) => job * 2);
    },
    batchSize: (waiting) => Math.min(size, waiting.length),
    gather: async () => {
      events.push("gather");
      // A queue that never rests must not run on.
      if (++gathers > GATHERS_MAX) throw new Error("The queue does not rest");
    },
    idle: () => events.push("idle"),
  });
  return { queue, batches, events, release: () => release() };
}

/** The results of jobs that are settled soon. "failed": the job got an error. "waits": the job has no result. */
async function answersOf(answers: readonly Promise<number>[]): Promise<readonly (number | string)[]> {
  const turns = new Promise<string>((resolve) => setTimeout(() => resolve("waits"), 5));
  return Promise.all(answers.map((answer) => Promise.race([answer.catch(() => "failed"), turns])));
}

test("writer queue: settles one batch at a time, in order, also if settling throws", async () => {
  const { queue, batches, events } = doubling({ size: 2 });
  const answers = await answersOf([1, 2, 3, BAD, 5].map((job) => queue.add(job)));
  expect(batches).toEqual([[1, 2], [3, BAD], [5]]);
  expect(answers).toEqual([2, 4, "failed", "failed", 10]);
  expect([events, queue.waiting()]).toEqual([["gather", "gather", "gather", "idle"], 0]);
});

test("writer queue: each job gets its own result once, in any order of arrivals", async () => {
  const arrivals = fc.array(fc.record({ job: fc.nat({ max: 20 }), pause: fc.nat({ max: 3 }) }), { maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 4 }), async (given, size) => {
      const { queue, batches } = doubling({ size });
      const answers: Promise<number>[] = [];
      for (const { job, pause } of given) {
        answers.push(queue.add(job));
        for (let n = 0; n < pause; n++) await Promise.resolve();
      }
      const got = await answersOf(answers);
      const failed = new Set(batches.flatMap((batch, n) => (batch.includes(BAD) ? [n] : [])));
      const expected = batches.flatMap((batch, n) => batch.map((job) => (failed.has(n) ? "failed" : job * 2)));
      expect(batches.flat()).toEqual(given.map(({ job }) => job));
      expect(got).toEqual(expected);
      expect(batches.every((batch) => batch.length > 0 && batch.length <= size)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("writer queue: jobs that arrive during a batch wait for it, and count as waiting", async () => {
  const { queue, batches, events, release } = doubling({ holds: true });
  const first = queue.add(1);
  expect(queue.waiting()).toBe(1);
  expect(await answersOf([first])).toEqual(["waits"]);
  const others = [queue.add(2), queue.add(3)];
  expect(await answersOf(others)).toEqual(["waits", "waits"]);
  expect([batches, queue.waiting()]).toEqual([[[1]], 2]);
  release();
  expect(await answersOf([first])).toEqual([2]);
  release();
  expect(await answersOf(others)).toEqual([4, 6]);
  expect([batches, events]).toEqual([
    [[1], [2, 3]],
    ["gather", "gather", "idle"],
  ]);
});

test("writer queue: works again after it was idle", async () => {
  const { queue, events } = doubling();
  expect(await answersOf([queue.add(1)])).toEqual([2]);
  expect(await answersOf([queue.add(2)])).toEqual([4]);
  expect(events).toEqual(["gather", "idle", "gather", "idle"]);
});

test("writer queue: a batch has at least one job, whatever `batchSize` returns", async () => {
  const { queue, batches } = doubling({ size: 0 });
  expect(await answersOf([queue.add(1), queue.add(2)])).toEqual([2, 4]);
  expect(batches).toEqual([[1], [2]]);
});

test("writer queue: a job without a result gets an error, and the others their results", async () => {
  const queue = createWriterQueue<number, string>({
    settle: ([first]) => Promise.resolve([`${first}`]),
    batchSize: (waiting) => waiting.length,
    gather: () => Promise.resolve(),
    idle: () => {},
  });
  const [one, other] = await Promise.allSettled([queue.add(1), queue.add(2)]);
  expect([one, other]).toMatchObject([{ value: "1" }, { status: "rejected" }]);
});
