/** The read models of one log for the code of the server: their state, and the verbs that build and remove rows. */
import { KEY_LENGTH_MAX } from "../../core/domain/projection.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import { ConcurrencyError, DefinitionError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { handleName, invalid } from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import { listOf } from "../base/list-of.ts";
import type { JobNotes } from "../read-models/job.ts";
import { type JobOf, ModelJobs, type NotDone } from "../read-models/model-jobs.ts";
import type { ModelKeepers } from "../read-models/model-keepers.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { gone } from "../base/gone.ts";
import { building, notNow, notPopulated } from "./log-errors.ts";
import { checkedOptions, follow, jobFacts, type JobOptions, type ModelJob, modelJob } from "./model-job.ts";
import { statusOf, type Verified, verifiedOf, withoutVerified } from "./model-status.ts";
import type { LogModels } from "./log-models.ts";
import { replay } from "./replay.ts";
import { populateStreams, retryParked } from "./retry-parked.ts";
import { replayIntoScratch } from "./scratch.ts";

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
  const requireStore = (): ModelStore => {
    if (store.models) return store.models;
    throw new DefinitionError({ message: "The server has no read models", fix: "Pass the option `models`." });
  };
  const requireJobs = (): ModelJobs => new ModelJobs({ modelStore: requireStore(), keepers, env });
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
      return begin(await requireJobs().rebuild(log, model, jobOptions("rebuild", options)), model.name, options);
    },
    populate: async (handles, options = {}) => {
      const wanted = [...new Set(listOf(handles).map((handle) => modelOf(models, handle)))];
      const names = wanted.map(({ name }) => name).join(", ");
      return begin(await requireJobs().populate(log, wanted, jobOptions("populate", options)), names, options);
    },
    populateStreams: async (handle, streams) =>
      populateStreams({ ...context, modelStore: requireStore() }, log, modelOf(models, handle), streams),
    retry: async (handle, event) => {
      const model = modelOf(models, handle);
      const rebuild = async () =>
        begin(await requireJobs().rebuild(log, model, jobOptions("rebuild", {})), model.name, {});
      return retryParked({ ...context, modelStore: requireStore() }, log, model, { event, rebuild });
    },
    purge: async (handle) => {
      const model = modelOf(models, handle);
      requireNoRule(model);
      done(model, await requireJobs().purge(log, model));
    },
    delete: async (handle, key) => {
      if (typeof key !== "string" || key.length > KEY_LENGTH_MAX || !key.isWellFormed())
        throw invalid("The row cannot be deleted", `the key is not a well-formed text of ${KEY_LENGTH_MAX} characters`);
      const model = modelOf(models, handle);
      if (model.sql) throw invalid("The row cannot be deleted", "a SQL model has no keys. Change it by a command");
      const deleted = await requireJobs().delete(log, model, key);
      if (deleted === "empty") throw building(log, model.name);
      done(model, deleted);
    },
    verify: async (handle, options = {}) => {
      const model = modelOf(models, handle);
      await requireKeys(store, log, model);
      return verify(requireJobs(), log, model, options);
    },
    startVerify: async (handle, options = {}) => {
      const model = modelOf(models, handle);
      await requireKeys(store, log, model);
      const { duty } = jobOptions("startVerify", options);
      return begin(await requireJobs().verify(log, model, duty), model.name, options);
    },
    parked: async (handle) => {
      const facts = await requireJobs().facts(log, modelOf(models, handle));
      if (!facts) throw gone(log);
      return facts.notes?.parked ?? [];
    },
    replay: (options) => replay(context, log, options),
    replayIntoScratch: async (handle, range = {}) => replayIntoScratch(context, log, modelOf(models, handle), range),
  };
}

/** The model of a handle or of a name. Throws if the server does not have exactly this one. */
export function modelOf<Model extends Pick<ReadModel, "projection">>(
  models: ReadonlyMap<string, Model>,
  handle: AnyProjection | string,
): Model {
  const name = handleName("a model", handle);
  const model = models.get(name);
  if (model && (typeof handle === "string" || model.projection === handle.definition)) return model;
  const known = [...models.keys()].join(", ") || "none";
  throw new DefinitionError({
    message: `The server has no model ${name}${typeof handle === "string" ? "" : " with this definition"}`,
    fix: `Add it to the option \`models\` of the server: models: [${name}, …]. Its models: ${known}.`,
  });
}

function jobOptions(...given: Parameters<typeof checkedOptions>): Pick<JobNotes, "onError" | "duty"> {
  const { onError, duty = null } = checkedOptions(...given);
  return { onError, duty };
}

/** Throws the error of a verb that did nothing. A log without records has no rows to build, which is no error. */
function notDone(log: LogName, model: string, reason: NotDone): readonly JobOf[] {
  switch (reason) {
    case "gone":
      throw gone(log);
    case "purged":
      throw notPopulated(log, model);
    case "building":
      throw building(log, model);
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

/** The appends of a strong model need its rows. */
function requireNoRule({ name, strong }: ReadModel): void {
  if (strong === null) return;
  throw invalid(
    "The rows cannot be purged",
    `the model ${name} is strong, so its rule would not hold until they are built again`,
    "Use `rebuild`. It builds the rows beside those that are read, and the rule holds meanwhile.",
  );
}

/** Rows of a SQL table are compared by their primary key. */
async function requireKeys({ models }: EventStore, log: LogName, { name, follower, sql }: ReadModel): Promise<void> {
  for (const table of sql?.tables.keys() ?? []) {
    const columns = await models?.sql?.keyColumns(log, follower, table);
    if (columns?.length === 0)
      throw invalid(
        `The SQL model ${name} cannot be verified`,
        `its table ${table} has no primary key. Raise the version and add one`,
      );
  }
}

async function verify<P extends AnyProjection>(
  jobs: ModelJobs,
  log: LogName,
  model: ReadModel,
  options: Pick<JobOptions, "duty" | "onProgress">,
): Promise<Verified<RowOf<P>>> {
  const found = await jobs.verify(log, model, jobOptions("verify", options).duty);
  const [part] = typeof found === "string" ? notDone(log, model.name, found) : found;
  if (!part) return { at: null, rows: 0, differences: [], more: false };
  const { phase } = await follow(jobs, log, modelJob(jobs, log, [part]).progress, options.onProgress ?? (() => {}));
  const { at, comparison } = await jobFacts(jobs, log, part);
  if (phase !== "done" || !comparison) throw notNow(log, `the comparison of ${model.name} is ${phase}`);
  return verifiedOf<RowOf<P>>(at, comparison);
}
