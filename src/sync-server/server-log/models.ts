/** The read models of one log for the code of the server: their state, and the verbs that build and remove rows. */
import { KEY_LENGTH_MAX } from "../../core/domain/projection.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import { encodeCursor } from "../../core/history/record.ts";
import { ConcurrencyError, DefinitionError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { Env } from "../base/env.ts";
import type { ParkedEvent } from "../read-models/follower-notes.ts";
import type { JobNotes, JobProgress } from "../read-models/job.ts";
import { type JobOf, ModelJobs, type NotDone } from "../read-models/model-jobs.ts";
import type { ModelKeepers } from "../read-models/model-keepers.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { EventStore } from "../stores/event-store.ts";
import { gone, invalid, notNow, notPopulated } from "./log-errors.ts";
import { follow, jobFacts, type JobOptions, type ModelJob, modelJob } from "./model-job.ts";
import { replay, type ReplayOptions } from "./replay.ts";

/** A read model in a log. */
export type ModelStatus = {
  /** The model's name. */
  readonly name: string;
  /** The name and version of the model, with the versions of its aggregates. */
  readonly identity: string;
  /**
   * `missing`: nothing was built yet. `building`: no reader gets rows yet. `ready`: readers get rows. `purged`: an
   * operator removed the rows.
   */
  readonly phase: "missing" | "building" | "ready" | "purged";
  /** The cursor up to which the rows contain the log. Null: none. */
  readonly at: string | null;
  /** The events of the log that the rows do not contain yet. */
  readonly behind: number;
  /** The events that the rows lack, because they could not be folded. */
  readonly parked: number;
  /** The job that builds or compares rows beside these, or the last one. Null: there was none. */
  readonly job: JobProgress | null;
};

/** The rows that are read, compared with those of the log. */
export type Verified<Row> = {
  /** The cursor of the last comparison. Null: the log has no record. */
  readonly at: string | null;
  /** The number of rows that were compared. */
  readonly rows: number;
  /** The rows that differ: at most 100. Null: there is no row. */
  readonly differences: readonly { readonly key: string; readonly stored: Row | null; readonly folded: Row | null }[];
  /** True: there are more differences. */
  readonly more: boolean;
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
   * @throws ConcurrencyError (`concurrency`) if another job of the model runs.
   * @throws DacapoError (`gone`) if the log was deleted.
   */
  readonly rebuild: (model: AnyProjection, options?: JobOptions) => Promise<ModelJob>;
  /**
   * Builds the rows of models that have none, in one pass over the log. A model that is ready stays as it is.
   *
   * @example
   * await (await server.log("team-7").models.populate([board, sales])).finished();
   *
   * @throws the errors of `rebuild`.
   */
  readonly populate: (models: AnyProjection | readonly AnyProjection[], options?: JobOptions) => Promise<ModelJob>;
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
  readonly purge: (model: AnyProjection) => Promise<void>;
  /**
   * Removes a row. Later events do not bring it back, until `rebuild`, or `purge` and `populate`.
   *
   * @example
   * await server.log("team-7").models.delete(board, "task/t1");
   *
   * @throws ValidationError (`invalid`) if the key is not valid.
   * @throws DacapoError (`rows-not-populated`) if there are no rows, `gone` if the log was deleted.
   */
  readonly delete: (model: AnyProjection, key: string) => Promise<void>;
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
    model: P,
    options?: Pick<JobOptions, "duty" | "onProgress">,
  ) => Promise<Verified<RowOf<P>>>;
  /**
   * Returns the first 100 events that the rows of a model lack, because they could not be folded.
   *
   * @example
   * for (const { event, reason } of await server.log("team-7").models.parked(board)) console.log(event, reason);
   */
  readonly parked: (model: AnyProjection) => Promise<readonly ParkedEvent[]>;
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
  const begin = (found: readonly JobOf[] | NotDone, { onProgress }: JobOptions): ModelJob => {
    const job = modelJob(requireJobs(), log, typeof found === "string" ? notDone(log, "the models", found) : found);
    if (onProgress) void follow(requireJobs(), log, job.progress, onProgress).catch(report);
    return job;
  };
  return {
    list: () => Promise.all([...models.values()].map((model) => statusOf(requireJobs(), log, model))),
    rebuild: async (handle, options = {}) =>
      begin(await requireJobs().rebuild(log, modelOf(models, handle), jobOptions(options)), options),
    populate: async (handles, options = {}) => {
      const list = isList(handles) ? handles : [handles];
      const wanted = new Set(list.map((handle) => modelOf(models, handle)));
      return begin(await requireJobs().populate(log, [...wanted], jobOptions(options)), options);
    },
    purge: async (handle) => {
      const done = await requireJobs().purge(log, modelOf(models, handle));
      if (done !== "done") notDone(log, handle.name, done);
    },
    delete: async (handle, key) => {
      if (typeof key !== "string" || key.length > KEY_LENGTH_MAX || !key.isWellFormed())
        throw invalid("The row cannot be deleted", `the key is not a well-formed text of ${KEY_LENGTH_MAX} characters`);
      const done = await requireJobs().delete(log, modelOf(models, handle), key);
      if (done === "empty") throw notPopulated(log, handle.name);
      if (done !== "done") notDone(log, handle.name, done);
    },
    verify: (handle, options = {}) => verify(requireJobs(), log, modelOf(models, handle), options),
    parked: async (handle) => {
      const facts = await requireJobs().facts(log, modelOf(models, handle));
      if (!facts) throw gone(log);
      return facts.notes?.parked ?? [];
    },
    replay: (options) => replay(context, log, options),
  };
}

/** The model of a handle. Throws if the server does not have exactly this one. */
export function modelOf(models: ReadonlyMap<string, ReadModel>, handle: AnyProjection): ReadModel {
  const model = models.get(handle.name);
  if (model?.projection === handle.definition) return model;
  throw new DefinitionError({
    message: `The server has no model ${handle.name} with this definition`,
    fix: `Add it to the option \`models\` of the server: models: [${handle.name}, …].`,
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

async function statusOf(jobs: ModelJobs, log: LogName, model: ReadModel): Promise<ModelStatus> {
  const facts = await jobs.facts(log, model);
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
    job: job?.progress ?? null,
  };
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
  const { rows, differences, more } = comparison;
  const rowOf = (text: string | null): RowOf<P> | null => (text === null ? null : parseOwnJson<RowOf<P>>(text));
  return {
    at: at && encodeCursor(at),
    rows,
    differences: differences.map(({ key, stored, folded }) => ({ key, stored: rowOf(stored), folded: rowOf(folded) })),
    more,
  };
}

// Array.isArray does not narrow a readonly array.
function isList(handles: AnyProjection | readonly AnyProjection[]): handles is readonly AnyProjection[] {
  return Array.isArray(handles);
}
