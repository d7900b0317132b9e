/** The read models of one log for the code of the server: their state, and jobs that build rows again. */
import type { AnyProjection } from "../../core/domain/handle-types.ts";
import { encodeCursor } from "../../core/history/record.ts";
import { DacapoError, DefinitionError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { JobProgress, OnPoison } from "../read-models/job.ts";
import { ModelJobs } from "../read-models/model-jobs.ts";
import type { ModelKeepers } from "../read-models/model-keepers.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { EventStore } from "../stores/event-store.ts";
import { gone, invalid, notNow } from "./log-errors.ts";

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
   * @default 0.2 while pushes wait, otherwise 1
   */
  readonly duty?: number;
  /** Called with the progress while the job lasts, and once at its end. */
  readonly onProgress?: (progress: JobProgress) => void;
};

/** A job that builds rows. It is in the store, so it continues after a crash, on any node. */
export type ModelJob = {
  /** Returns the progress of now. */
  readonly progress: () => Promise<JobProgress>;
  /** Pauses the job. The rows that are read follow the log. */
  readonly pause: () => Promise<void>;
  /** Continues a job that was paused or that stopped. */
  readonly resume: () => Promise<void>;
  /** Ends the job. The rows that are read stay as they are. */
  readonly cancel: () => Promise<void>;
  /**
   * Resolves with the last progress when the job is `done`, `cancelled` or `stopped`.
   *
   * @throws DacapoError (`unreachable`) if this server is closed before. The job continues with the next start.
   */
  readonly finished: () => Promise<JobProgress>;
};

/** A read model in a log. */
export type ModelStatus = {
  /** The model's name. */
  readonly name: string;
  /** The name and version of the model, with the versions of its aggregates. */
  readonly identity: string;
  /** `missing`: nothing was built yet. `building`: no reader gets rows yet. `ready`: readers get rows. */
  readonly phase: "missing" | "building" | "ready";
  /** The cursor up to which the rows contain the log. Null: none. */
  readonly at: string | null;
  /** The events of the log that the rows do not contain yet. */
  readonly behind: number;
  /** The events that the rows lack, because they could not be folded. */
  readonly parked: number;
  /** The job that builds rows beside these, or the last one. Null: there was none. */
  readonly job: JobProgress | null;
};

/** The read models of a log: `server.log(name).models`. */
export type LogModels = {
  /**
   * Returns the models of the server, with their state in this log.
   *
   * @example
   * for (const { name, phase, behind } of await server.log("team-7").models.list()) console.log(name, phase, behind);
   *
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly list: () => Promise<readonly ModelStatus[]>;
  /**
   * Builds the rows of a model again, beside those that are read. Readers get the old rows until one write replaces
   * them all. If such a job is there already, it continues that one.
   *
   * @example
   * const onProgress = ({ done, of }) => console.log(`${done} of ${of}`);
   * const job = await server.log("team-7").models.rebuild(board, { onProgress });
   * const { phase, parked } = await job.finished();
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if an option is not valid.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly rebuild: (model: AnyProjection, options?: JobOptions) => Promise<ModelJob>;
};

export type ModelsContext = {
  readonly models: ReadonlyMap<string, ReadModel>;
  readonly store: EventStore;
  readonly keepers: ModelKeepers;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

/** Nothing to do: the log has no record. */
const NOTHING: JobProgress = {
  phase: "done",
  done: 0,
  of: 0,
  perSecond: null,
  leftMs: null,
  parked: 0,
  lastError: null,
};

export function logModels({ models, store, keepers, env, report }: ModelsContext, log: LogName): LogModels {
  const requireJobs = (): ModelJobs => {
    if (store.models) return new ModelJobs({ modelStore: store.models, keepers, env });
    throw new DefinitionError({ message: "The server has no read models", fix: "Pass the option `models`." });
  };
  return {
    list: async () =>
      Promise.all(
        [...models.values()].map(async (model): Promise<ModelStatus> => {
          const facts = await requireJobs().facts(log, model);
          if (!facts) throw gone(log);
          const { follower, notes, head, job } = facts;
          const at = follower?.at ?? null;
          return {
            name: model.name,
            identity: model.identity,
            phase: notes?.phase ?? "missing",
            at: at && encodeCursor(at),
            behind: (head?.position ?? 0) - (at?.position ?? 0),
            parked: notes?.parkedCount ?? 0,
            job,
          };
        }),
      ),
    rebuild: async (handle, { onError = "park", duty, onProgress } = {}) => {
      const model = modelOf(models, handle);
      if (onError !== "park" && onError !== "stop") throw invalid(WHAT, "`onError` is not `park` or `stop`");
      if (duty !== undefined && !(duty > 0 && duty <= 1)) throw invalid(WHAT, "`duty` is not above 0 and at most 1");
      const found = await requireJobs().rebuild(log, model, { onError, duty: duty ?? null });
      if (found.kind === "gone") throw gone(log);
      const job = modelJob(requireJobs(), log, model, found.kind === "job" ? found.id : null);
      if (onProgress) void follow(requireJobs(), log, job.progress, onProgress).catch(report);
      return job;
    },
  };
}

const WHAT = "The rows cannot be built";

/** The model of a handle. Throws if the server does not have exactly this one. */
export function modelOf(models: ReadonlyMap<string, ReadModel>, handle: AnyProjection): ReadModel {
  const model = models.get(handle.name);
  if (model?.projection === handle.definition) return model;
  throw new DefinitionError({
    message: `The server has no model ${handle.name} with this definition`,
    fix: `Add it to the option \`models\` of the server: models: [${handle.name}, …].`,
  });
}

/** A job by its id. Null: there was nothing to do. */
function modelJob(jobs: ModelJobs, log: LogName, model: ReadModel, id: string | null): ModelJob {
  const progress = async (): Promise<JobProgress> => {
    if (id === null) return NOTHING;
    const found = await jobs.progress(log, model, id);
    if (found) return found;
    throw new DacapoError("gone", "never", {
      message: `The job of ${model.name} in the log ${log} is gone, because the log was deleted or a later job began`,
      fix: "Read `models.list()`.",
      details: { log },
    });
  };
  const change = async (verb: "pause" | "resume" | "cancel"): Promise<void> => {
    if (id !== null) await jobs.change(log, model, id, verb);
  };
  return {
    progress,
    pause: () => change("pause"),
    resume: () => change("resume"),
    cancel: () => change("cancel"),
    finished: () => follow(jobs, log, progress, () => {}),
  };
}

/** Calls `onProgress` until the job needs nobody, or somebody. */
async function follow(
  jobs: ModelJobs,
  log: LogName,
  progress: () => Promise<JobProgress>,
  onProgress: (progress: JobProgress) => void,
): Promise<JobProgress> {
  for (;;) {
    const found = await progress();
    onProgress(found);
    if (found.phase === "done" || found.phase === "cancelled" || found.phase === "stopped") return found;
    if (!(await jobs.changed(log))) throw notNow(log, "the server is closed");
  }
}
