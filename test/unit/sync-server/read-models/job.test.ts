import { expect, test } from "vitest";
import {
  changedJob,
  hasEnded,
  type JobNotes,
  type JobState,
  measured,
  newJob,
  progressOf,
} from "../../../../src/sync-server/read-models/job.ts";

const job = newJob("j1", { onError: "park", duty: null });
const inState = (state: JobState): JobNotes => ({ ...job, state });

test("changedJob: pause, resume and cancel change each state as the table says", () => {
  const states: readonly JobState[] = ["running", "paused", "stopped", "done", "cancelled"];
  const after = (verb: "pause" | "resume" | "cancel") =>
    states.map((state) => changedJob(inState(state), verb)?.state ?? null);
  expect(after("pause")).toEqual(["paused", null, null, null, null]);
  expect(after("resume")).toEqual([null, "running", "running", null, null]);
  expect(after("cancel")).toEqual(["cancelled", "cancelled", "cancelled", null, null]);
  expect(states.filter((state) => hasEnded(inState(state)))).toEqual(["done", "cancelled"]);
});

test("measured: the rate follows the last folds, and a fold of nothing changes nothing", () => {
  const first = measured(job, 500, 1_000);
  expect(first.perSecond).toBe(500);
  expect(measured(first, 1_000, 1_000).perSecond).toBeCloseTo(555.6, 1);
  expect(measured(job, 10, 0).perSecond).toBe(10_000);
  expect(measured(first, 0, 1_000)).toBe(first);
});

test("measured: a job that rests shows its real rate after some folds, although it began fast", () => {
  let resting = measured(job, 500, 5);
  expect(resting.perSecond).toBeCloseTo(100_000);
  for (let fold = 0; fold < 10; fold++) resting = measured(resting, 500, 1_000);
  expect(resting.perSecond).toBeGreaterThan(500);
  expect(resting.perSecond).toBeLessThan(600);
});

test("progressOf: has the events, the rate and the time left", () => {
  const head = { position: 2_000, mark: "m" };
  const at = { position: 500, mark: "m" };
  expect(progressOf({ ...job, perSecond: 500 }, at, head, 3)).toEqual({
    kind: "build",
    phase: "running",
    done: 500,
    of: 2_000,
    perSecond: 500,
    leftMs: 3_000,
    parked: 3,
    lastError: null,
  });
  expect(progressOf(job, null, head, 0)).toMatchObject({ done: 0, perSecond: null, leftMs: null });
  expect(progressOf({ ...inState("paused"), perSecond: 500 }, at, head, 0).leftMs).toBeNull();
  expect(progressOf(inState("done"), at, head, 0)).toMatchObject({ done: 2_000, of: 2_000, leftMs: null });
});
