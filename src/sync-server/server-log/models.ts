/** The read models of one log for the code of the server: their state, and the verbs that build and remove rows. */
import { KEY_LENGTH_MAX } from "../../core/domain/projection.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import { ConcurrencyError, DefinitionError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { ParkedEvent } from "../read-models/follower-notes.ts";
import type { JobNotes } from "../read-models/job.ts";
import { type JobOf, ModelJobs, type NotDone } from "../read-models/model-jobs.ts";
import type { ModelKeepers } from "../read-models/model-keepers.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { EventStore } from "../stores/event-store.ts";
import { gone, invalid, notNow, notPopulated } from "./log-errors.ts";
import { follow, jobFacts, type JobOptions, type ModelJob, modelJob } from "./model-job.ts";
import {
  type ModelDetails,
  type ModelStatus,
  statusOf,
  type Verified,
  verifiedOf,
  withoutVerified,
} from "./model-status.ts";
import { replay, type ReplayOptions } from "./replay.ts";

/** The read models of a log: `server.log(name).models`. Each call takes a model of the server, or its name. */
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
   * Returns the state of one model, with the result of its last comparison.
   *
   * @example
   * const { phase, job, verified } = await server.log("team-7").models.status("board");
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly status: (model: AnyProjection | string) => Promise<ModelDetails>;
  /**
   * Returns the job of a model that has not ended, or null. It may have been started elsewhere.
   *
   * @example
   * await (await server.log("team-7").models.job(board))?.pause();
   */
  readonly job: (model: AnyProjection | string) => Promise<ModelJob | null>;
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
   * @throws ConcurrencyError (`concurrency`) if another job of the model runs.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly rebuild: (model: AnyProjection | string, options?: JobOptions) => Promise<ModelJob>;
  /**
   * Builds the rows of models that have none, in one pass over the log. A model that is ready stays as it is.
   *
   * @example
   * await (await server.log("team-7").models.populate([board, sales])).finished();
   *
   * @throws the errors of `rebuild`.
   */
  readonly populate: (
    models: AnyProjection | string | readonly (AnyProjection | string)[],
    options?: JobOptions,
  ) => Promise<ModelJob>;
  /**
   * Removes all rows of a model. It does not follow the log until `populate` or `rebuild`, and readers get
   * `rows-not-populated`.
   *
   * @example
   * await server.log("team-7").models.purge(board);
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly purge: (model: AnyProjection | string) => Promise<void>;
  /**
   * Removes a row. Later events do not bring it back, until `rebuild`, or `purge` and `populate`.
   *
   * @example
   * await server.log("team-7").models.delete(board, "task/t1");
   *
   * @throws ValidationError (`invalid`) if the key is not valid.
   * @throws DacapoError (`rows-not-populated`) if there are no rows, `gone` if the log was deleted.
   */
  readonly delete: (model: AnyProjection | string, key: string) => Promise<void>;
  /**
   * Compares the rows that are read with the rows that the log makes, while appends continue. Deleted rows are no
   * difference.
   *
   * @example
   * const { rows, differences } = await server.log("team-7").models.verify(board);
   * for (const { key, stored, folded } of differences) console.log(key, stored, folded);
   *
   * @throws ConcurrencyError (`concurrency`) if another job of the model runs.
   * @throws DacapoError (`rows-not-populated`) if there are no rows, `gone` if the log was deleted.
   */
  readonly verify: <P extends AnyProjection>(
    model: P | string,
    options?: Pick<JobOptions, "duty" | "onProgress">,
  ) => Promise<Verified<RowOf<P>>>;
  /**
   * Begins the comparison of `verify`, and does not wait for it. `status` has the result.
   *
   * @example
   * await (await server.log("team-7").models.startVerify("board")).finished();
   *
   * @throws the errors of `verify`.
   */
  readonly startVerify: (
    model: AnyProjection | string,
    options?: Pick<JobOptions, "duty" | "onProgress">,
  ) => Promise<ModelJob>;
  /**
   * Returns the first 100 events that the rows of a model lack, because they could not be folded.
   *
   * @example
   * for (const { event, reason } of await server.log("team-7").models.parked(board)) console.log(event, reason);
   */
  readonly parked: (model: AnyProjection | string) => Promise<readonly ParkedEvent[]>;
  /**
   * Reads a range of the log into a function, and returns the number of its events. It changes no rows.
   *
   * @example
   * await server.log("team-7").models.replay({ after: 100, to: 200, into: (event) => console.log(event.type) });
   *
   * @throws ValidationError (`invalid`) if the range is not valid, DacapoError (`gone`) if the log was deleted.
   */
  readonly replay: (options: ReplayOptions) => Promise<number>;
};

export type ModelsContext = {
  readonly models: ReadonlyMap<string, ReadModel>;
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly keepers: ModelKeepers;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

export function logModels(context: ModelsContext, log: LogName): LogModels {
  const { models, store, keepers, env, report } = context;
  const requireJobs = (): ModelJobs => {
    if (store.models) return new ModelJobs({ modelStore: store.models, keepers, env });
    throw new DefinitionError({ message: "The server has no read models", fix: "Pass the option `models`." });
  };
  const begin = (found: readonly JobOf[] | NotDone, name: string, { onProgress }: JobOptions): ModelJob => {
    const job = modelJob(requireJobs(), log, typeof found === "string" ? notDone(log, name, found) : found);
    if (onProgress) void follow(requireJobs(), log, job.progress, onProgress).catch(report);
    return job;
  };
  const done = (model: ReadModel, result: "done" | NotDone): void => {
    if (result !== "done") notDone(log, model.name, result);
  };
  return {
    list: async () => {
      const all = [...models.values()].map((model) => statusOf(requireJobs(), log, model));
      return (await Promise.all(all)).map(withoutVerified);
    },
    status: async (handle) => statusOf(requireJobs(), log, modelOf(models, handle)),
    job: async (handle) => {
      const model = modelOf(models, handle);
      const job = (await requireJobs().facts(log, model))?.job;
      const isOpen = job && job.progress.phase !== "done" && job.progress.phase !== "cancelled";
      return isOpen ? modelJob(requireJobs(), log, [{ model, id: job.id }]) : null;
    },
    rebuild: async (handle, options = {}) => {
      const model = modelOf(models, handle);
      return begin(await requireJobs().rebuild(log, model, jobOptions(options)), model.name, options);
    },
    populate: async (handles, options = {}) => {
      const list = isList(handles) ? handles : [handles];
      const wanted = [...new Set(list.map((handle) => modelOf(models, handle)))];
      const names = wanted.map(({ name }) => name).join(", ");
      return begin(await requireJobs().populate(log, wanted, jobOptions(options)), names, options);
    },
    purge: async (handle) => {
      const model = modelOf(models, handle);
      done(model, await requireJobs().purge(log, model));
    },
    delete: async (handle, key) => {
      if (typeof key !== "string" || key.length > KEY_LENGTH_MAX || !key.isWellFormed())
        throw invalid("The row cannot be deleted", `the key is not a well-formed text of ${KEY_LENGTH_MAX} characters`);
      const model = modelOf(models, handle);
      const deleted = await requireJobs().delete(log, model, key);
      if (deleted === "empty") throw notPopulated(log, model.name);
      done(model, deleted);
    },
    verify: (handle, options = {}) => verify(requireJobs(), log, modelOf(models, handle), options),
    startVerify: async (handle, options = {}) => {
      const model = modelOf(models, handle);
      return begin(await requireJobs().verify(log, model, jobOptions(options).duty), model.name, options);
    },
    parked: async (handle) => {
      const facts = await requireJobs().facts(log, modelOf(models, handle));
      if (!facts) throw gone(log);
      return facts.notes?.parked ?? [];
    },
    replay: (options) => replay(context, log, options),
  };
}

/** The model of a handle or of a name. Throws if the server does not have exactly this one. */
export function modelOf(models: ReadonlyMap<string, ReadModel>, handle: AnyProjection | string): ReadModel {
  const name = typeof handle === "string" ? handle : handle.name;
  const model = models.get(name);
  if (model && (typeof handle === "string" || model.projection === handle.definition)) return model;
  const known = [...models.keys()].join(", ") || "none";
  throw new DefinitionError({
    message: `The server has no model ${name}${typeof handle === "string" ? "" : " with this definition"}`,
    fix: `Add it to the option \`models\` of the server: models: [${name}, …]. Its models: ${known}.`,
  });
}

function jobOptions({ onError = "park", duty }: JobOptions): Pick<JobNotes, "onError" | "duty"> {
  const what = "The rows cannot be built";
  if (onError !== "park" && onError !== "stop") throw invalid(what, "`onError` is not `park` or `stop`");
  if (duty !== undefined && !(duty > 0 && duty <= 1)) throw invalid(what, "`duty` is not above 0 and at most 1");
  return { onError, duty: duty ?? null };
}

/** Throws the error of a verb that did nothing. A log without records has no rows to build, which is no error. */
function notDone(log: LogName, model: string, reason: NotDone): readonly JobOf[] {
  switch (reason) {
    case "gone":
      throw gone(log);
    case "not-there":
      throw notPopulated(log, model);
    case "other-job":
      throw new ConcurrencyError({
        message: `Another job of ${model} in the log ${log} has not ended`,
        fix: "Wait for it, or cancel it.",
        details: { log },
      });
    case "empty":
      return [];
  }
}

// Array.isArray does not narrow a readonly array.
function isList(
  handles: AnyProjection | string | readonly (AnyProjection | string)[],
): handles is readonly (AnyProjection | string)[] {
  return Array.isArray(handles);
}

async function verify<P extends AnyProjection>(
  jobs: ModelJobs,
  log: LogName,
  model: ReadModel,
  options: Pick<JobOptions, "duty" | "onProgress">,
): Promise<Verified<RowOf<P>>> {
  const found = await jobs.verify(log, model, jobOptions(options).duty);
  const [part] = typeof found === "string" ? notDone(log, model.name, found) : found;
  if (!part) return { at: null, rows: 0, differences: [], more: false };
  const { phase } = await follow(jobs, log, modelJob(jobs, log, [part]).progress, options.onProgress ?? (() => {}));
  const { at, comparison } = await jobFacts(jobs, log, part);
  if (phase !== "done" || !comparison) throw notNow(log, `the comparison of ${model.name} is ${phase}`);
  return verifiedOf<RowOf<P>>(at, comparison);
}
