/**
 * A job that builds rows: its state in the notes of a follower, and its progress. Pure.
 *
 *     running <──> paused
 *     running ───> stopped ──(resume)──> running
 *     running ───> done
 *     running, paused, stopped ──> cancelled
 *
 * Guarantees (job.test.ts):
 * - The state is in the store, so that each node continues a job and shows the same progress.
 * - A job that has ended stays ended.
 */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import { DacapoError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Comparison, NOTHING_COMPARED } from "./compare-rows.ts";

/** How a job handles an event that cannot be folded. */
export type OnPoison = "park" | "stop";

export type JobState = "running" | "paused" | "stopped" | "done" | "cancelled";

export type JobNotes = {
  readonly id: string;
  readonly state: JobState;
  readonly onError: OnPoison;
  /** The share of the time in which it works. Null: 0.2 or more while pushes wait. */
  readonly duty: number | null;
  /** Events a second lately. Null: not measured yet. */
  readonly perSecond: number | null;
  readonly lastError: string | null;
  /** Parked events above which it stops. @default 1,000 */
  readonly parkedMax?: number;
  /** The comparison of a job that verifies rows and replaces none. */
  readonly comparison?: Comparison;
  /** True: there were no rows to read when it began, so that nothing else builds them meanwhile. */
  readonly isFirst?: boolean;
  /** The job before this one, so that its caller learns how it ended. */
  readonly former?: FormerJob;
};

/** A job that ended, as it was at its end. */
export type FormerJob = {
  readonly job: Omit<JobNotes, "former">;
  readonly at: Cursor | null;
  readonly parked: number;
};

/** The progress of a job. */
export type JobProgress = {
  /** `build`: it builds rows, for `rebuild` and `populate`. `verify`: it compares rows. */
  readonly kind: "build" | "verify";
  /**
   * `stopped`: an event cannot be folded, and `lastError` names it. `resume` tries it again. `done` and `cancelled` are
   * ends.
   */
  readonly phase: JobState;
  /** The events that it has folded. */
  readonly done: number;
  /** The events of the log. */
  readonly of: number;
  /** The events a second that it folded lately. Null: not known yet. */
  readonly perSecond: number | null;
  /** The estimated milliseconds until its end. Null: not known. */
  readonly leftMs: number | null;
  /** The events that it parked, because they cannot be folded. */
  readonly parked: number;
  /** The reason of the last event that could not be folded, or of a failure of the store on this node. */
  readonly lastError: string | null;
};

/** Parked events after which a job stops, because its code is probably wrong. They are more than the old rows lack. */
const PARKED_MAX = 1_000;

/** The share of the older folds in the time of an event. */
const OLDER_SHARE = 0.8;

/** `lacking`: the parked events of the rows that it will replace. */
export function newJob(id: string, { onError, duty }: Pick<JobNotes, "onError" | "duty">, lacking = 0): JobNotes {
  const parkedMax = PARKED_MAX + lacking;
  return { id, state: "running", onError, duty, perSecond: null, lastError: null, parkedMax };
}

/** True: the job has parked so many events that it stops. A comparison parks none that a reader could miss. */
export function parksTooMuch({ comparison, parkedMax = PARKED_MAX }: JobNotes, parked: number): boolean {
  return !comparison && parked > parkedMax;
}

/** A job that compares the rows that are read with those of the log. */
export function newVerification(id: string, duty: number | null): JobNotes {
  return { ...newJob(id, { onError: "park", duty }), comparison: NOTHING_COMPARED };
}

/** The job with rows that begin again before the first record. */
export function begunAgain(job: JobNotes): JobNotes {
  return job.comparison ? { ...job, comparison: NOTHING_COMPARED } : job;
}

/** True if the job ended, so that nothing continues it. */
export function hasEnded({ state }: JobNotes): boolean {
  return state === "done" || state === "cancelled";
}

/** The job after `pause`, `resume` or `cancel`. Null: the job stays as it is. */
export function changedJob(job: JobNotes, verb: "pause" | "resume" | "cancel"): JobNotes | null {
  if (hasEnded(job)) return null;
  const state = { pause: "paused", resume: "running", cancel: "cancelled" } as const;
  if (job.state === state[verb] || (verb === "pause" && job.state === "stopped")) return null;
  // Somebody saw that it stopped at the limit, so that it continues.
  const isAllowed = verb === "resume" && job.state === "stopped" && job.onError === "park";
  return { ...job, state: state[verb], ...(isAllowed && { parkedMax: Number.MAX_SAFE_INTEGER }) };
}

/**
 * The job after it folded `events` in `ms` milliseconds. It takes the mean of the times and not of the rates. Otherwise
 * one fast fold would hide the rests of many, and the time left would be far too short.
 */
export function measured(job: JobNotes, events: number, ms: number): JobNotes {
  if (events === 0) return job;
  const secondsEach = Math.max(1, ms) / 1000 / events;
  const mean = job.perSecond === null ? secondsEach : OLDER_SHARE / job.perSecond + secondsEach * (1 - OLDER_SHARE);
  return { ...job, perSecond: 1 / mean };
}

export function progressOf(job: FormerJob["job"], at: Cursor | null, head: Cursor | null, parked: number): JobProgress {
  const of = positionOf(head);
  const done = job.state === "done" ? of : positionOf(at);
  const perSecond = job.perSecond === null ? null : Math.max(1, Math.round(job.perSecond));
  const leftMs = job.state === "running" && perSecond !== null ? Math.ceil(((of - done) * 1000) / perSecond) : null;
  const kind = job.comparison ? "verify" : "build";
  return { kind, phase: job.state, done, of, perSecond, leftMs, parked, lastError: job.lastError };
}

/** The report of a job that a write stopped. Null: it had stopped before, or it continues. */
export function stopReport(
  log: LogName,
  model: string,
  before: JobNotes | undefined,
  after: JobNotes | undefined,
): DacapoError | null {
  if (after?.state !== "stopped" || before?.state === "stopped") return null;
  return new DacapoError("job-stopped", "after-fix", {
    message: `The job of the read model ${model} in the log ${log} stopped: ${after.lastError ?? "an event failed"}`,
    fix: `Correct and deploy its code. Then call \`resume\` of \`server.log("${log}").models.job("${model}")\`.`,
    details: { log, model },
  });
}
