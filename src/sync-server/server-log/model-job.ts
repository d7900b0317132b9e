/** A job of one or several read models, for the code of the server. */
import { DacapoError, StorageLostError } from "../../core/values/errors.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { JobProgress, JobState, OnPoison } from "../read-models/job.ts";
import type { JobFacts, JobOf, ModelJobs } from "../read-models/model-jobs.ts";
import { gone } from "../base/gone.ts";
import { invalid, requireFunction, requireObject } from "../base/check-arguments.ts";
import { notNow } from "./log-errors.ts";

/** The options of a job. */
export type JobOptions = {
  /**
   * What happens to an event that cannot be folded. `park`: the rows lack it, and `parked` counts it. `stop`: the job
   * stops before it, and the rows that are read stay as they are.
   *
   * @default "park"
   */
  readonly onError?: OnPoison;
  /**
   * The share of the time in which the job works: above 0, up to 1.
   *
   * @default 0.2 while pushes wait, or more if the log would grow faster than the rows. Otherwise 1
   */
  readonly duty?: number;
  /** Called with the progress while the job lasts, and once at its end. */
  readonly onProgress?: (progress: JobProgress) => void;
};

/** A job that builds rows. It is in the store, so it continues after a crash, on any node. */
export type ModelJob = {
  /** The names of the models whose rows it builds. None: there was nothing to do. */
  readonly models: readonly string[];
  /** Returns the progress of now. */
  readonly progress: () => Promise<JobProgress>;
  /** Pauses the job. The rows that are read follow the log. */
  readonly pause: () => Promise<void>;
  /** Continues a job that was paused or that stopped. */
  readonly resume: () => Promise<void>;
  /** Ends the job. The rows that are read stay as they are. */
  readonly cancel: () => Promise<void>;
  /**
   * Calls `onProgress` until the job is `done`, `cancelled` or `stopped`. Resolves with the last progress.
   *
   * While the store is away, such as during a restart of the database, it waits.
   *
   * @throws DacapoError (`unreachable`) if this server is closed before. The job continues with the next start.
   * @throws StorageLostError (`storage-lost`) if the store failed for good, so that the server must be restarted.
   * @throws DacapoError (`gone`) if the log was deleted, or if two later jobs of the model began.
   */
  readonly finished: (onProgress?: (progress: JobProgress) => void) => Promise<JobProgress>;
};

/** The calls that begin a job. */
type JobCall = "rebuild" | "populate" | "verify" | "startVerify";

const VERIFY_OPTIONS: OptionNames<Omit<JobOptions, "onError">> = { duty: true, onProgress: true };
const BUILD_OPTIONS: OptionNames<JobOptions> = { onError: true, ...VERIFY_OPTIONS };
const OPTIONS: Record<JobCall, object> = {
  rebuild: BUILD_OPTIONS,
  populate: BUILD_OPTIONS,
  verify: VERIFY_OPTIONS,
  startVerify: VERIFY_OPTIONS,
};

/** The options of a job with their defaults. Throws if one is not valid. */
export function checkedOptions(call: JobCall, options: JobOptions = {}): JobOptions & { readonly onError: OnPoison } {
  const what = "The rows cannot be built";
  const { onError = "park", duty, onProgress } = requireObject(what, options);
  requireKnownOptions(`\`${call}\``, options, OPTIONS[call]);
  if (onError !== "park" && onError !== "stop") throw invalid(what, "`onError` is not `park` or `stop`");
  if (duty !== undefined && !(typeof duty === "number" && duty > 0 && duty <= 1))
    throw invalid(what, "`duty` is not above 0 and at most 1");
  requireFunction(what, "onProgress", onProgress);
  return { onError, ...(duty !== undefined && { duty }), ...(onProgress && { onProgress }) };
}

/** The first of these that a model has is the phase of a job of several models. */
const PHASES: readonly JobState[] = ["stopped", "running", "paused", "cancelled", "done"];

/** The job of these models. None: there was nothing to do. */
export function modelJob(jobs: ModelJobs, log: LogName, parts: readonly JobOf[]): ModelJob {
  const progress = async (): Promise<JobProgress> =>
    together(await Promise.all(parts.map(async (part) => (await jobFacts(jobs, log, part)).progress)));
  const change = async (verb: "pause" | "resume" | "cancel"): Promise<void> => {
    for (const part of parts) await jobs.change(log, part, verb);
  };
  return {
    models: parts.map(({ model }) => model.name),
    progress,
    pause: () => change("pause"),
    resume: () => change("resume"),
    cancel: () => change("cancel"),
    finished: (onProgress = () => {}) => follow(jobs, log, progress, onProgress),
  };
}

/** The facts of a job, or of the one before the last. Throws if it is not there any more. */
export async function jobFacts(jobs: ModelJobs, log: LogName, { model, id }: JobOf): Promise<JobFacts> {
  const facts = await jobs.facts(log, model);
  const job = [facts?.job, facts?.former].find((one) => one?.id === id);
  if (job) return job;
  if (!facts) throw gone(log);
  throw new DacapoError("gone", "never", {
    message: `Later jobs replaced the job of ${model.name} in the log ${log}, so nobody knows any more how it ended`,
    fix: "Read `models.list()` for the last job.",
    details: { log, model: model.name },
  });
}

/**
 * Calls `onProgress` until the job ends or stops, and returns the last progress. It waits while the store is away, such
 * as during a restart of the database, because the job then continues.
 */
export async function follow(
  jobs: ModelJobs,
  log: LogName,
  progress: () => Promise<JobProgress>,
  onProgress: (progress: JobProgress) => void,
): Promise<JobProgress> {
  for (let failure: unknown = null; ;) {
    const found = await progress().catch((error: unknown) => {
      // A store that failed for good repeats one error.
      if (!(error instanceof StorageLostError) || error === failure) throw error;
      failure = error;
      return null;
    });
    if (found) onProgress(found);
    if (found && found.phase !== "running" && found.phase !== "paused") return found;
    if (!(await jobs.changed(log))) throw notNow(log, "the server is closed");
  }
}

/** The sums of several jobs, which run in one pass over the log. */
export function together(all: readonly JobProgress[]): JobProgress {
  const sum = (value: (one: JobProgress) => number): number => all.reduce((total, one) => total + value(one), 0);
  const rates = all.flatMap(({ perSecond }) => perSecond ?? []);
  const times = all.flatMap(({ leftMs }) => leftMs ?? []);
  return {
    kind: all[0]?.kind ?? "build",
    phase: PHASES.find((phase) => all.some((one) => one.phase === phase)) ?? "done",
    done: sum(({ done }) => done),
    of: sum(({ of }) => of),
    perSecond: rates.length === 0 ? null : rates.reduce((total, rate) => total + rate, 0),
    leftMs: times.length === 0 ? null : Math.max(...times),
    parked: sum(({ parked }) => parked),
    lastError: all.find(({ lastError }) => lastError !== null)?.lastError ?? null,
  };
}
