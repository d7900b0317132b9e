/**
 * The verbs of one log that the Worker calls in its object. Arguments and results are plain data, because they cross an
 * RPC. So a model and an aggregate cross it as their names.
 *
 * Guarantees (cloudflare.operator.test.ts): a verb does in an object what the call of the same name does on Node.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import { toPlainError } from "../../core/values/plain-error.ts";
import type { Executed } from "../base/executed.ts";
import type { ParkedEvent } from "../read-models/follower-notes.ts";
import type { JobProgress } from "../read-models/job.ts";
import type { ExecuteOptions } from "../server-log/execute.ts";
import { type JobOptions, together } from "../server-log/model-job.ts";
import { gone } from "../base/gone.ts";
import type { ModelDetails, ModelStatus } from "../server-log/model-status.ts";
import type { ReplayOptions, ReplayRange } from "../server-log/replay.ts";
import type { RetriedEvent } from "../server-log/retry-parked.ts";
import type { ScratchRows } from "../server-log/scratch.ts";
import type { QueryOptions, QueryPage } from "../server-log/query.ts";
import type { RowsOptions, RowsPage } from "../server-log/rows.ts";
import type { ServerLog } from "../server-log/server-log.ts";
import type { LoadedStream, StreamPlace } from "../server-log/streams.ts";
import type { SqlParam } from "../stores/sql-tables.ts";
import type { LogHandles } from "./log-handles.ts";

/** The options of a job, without its function. */
export type PlainJobOptions = Omit<JobOptions, "onProgress">;

type Followers = "subscribers" | "processes";

/** The calls on followers, with the name of the follower instead of its handle. */
type CallsByName<Kind extends Followers> = { readonly [Call in `${Kind}.list`]: ServerLog[Kind]["list"] } & {
  readonly [
    Call in Exclude<keyof ServerLog[Kind] & string, "list"> as `${Kind}.${Call}`
  ]: ServerLog[Kind][Call] extends (handle: never, ...rest: infer Rest) => infer Result
    ? (name: string, ...rest: Rest) => Result
    : never;
};

export type LogVerbs = CallsByName<"subscribers"> &
  CallsByName<"processes"> & {
    readonly execute: (commands: readonly CommandRequest[], options: ExecuteOptions) => Promise<Executed>;
    readonly load: (aggregate: string, id: string) => Promise<LoadedStream<unknown>>;
    readonly exists: (aggregate: string, id: string) => Promise<boolean>;
    readonly stateAt: (aggregate: string, id: string, place: StreamPlace) => Promise<unknown>;
    /** Lines of JSON, see `eventLines`. */
    readonly history: (aggregate: string, id: string, after: number) => Promise<ReadableStream<Uint8Array>>;
    readonly rows: (model: string, options: RowsOptions) => Promise<RowsPage<unknown>>;
    /** The text names the tables by placeholders. */
    readonly query: (
      model: string,
      sql: string,
      params: readonly SqlParam[],
      options: QueryOptions,
    ) => Promise<QueryPage>;
    readonly "models.list": () => Promise<readonly ModelStatus[]>;
    readonly "models.status": (model: string) => Promise<ModelDetails>;
    /** Returns the models of the job. */
    readonly "models.rebuild": (model: string, options: PlainJobOptions) => Promise<readonly string[]>;
    /** Returns the models of the job. */
    readonly "models.populate": (models: readonly string[], options: PlainJobOptions) => Promise<readonly string[]>;
    readonly "models.progress": (models: readonly string[]) => Promise<JobProgress>;
    readonly "models.change": (models: readonly string[], verb: "pause" | "resume" | "cancel") => Promise<void>;
    readonly "models.populateStreams": (model: string, streams: readonly string[]) => Promise<readonly ParkedEvent[]>;
    readonly "models.retry": (model: string, event: string) => Promise<RetriedEvent>;
    readonly "models.scratch": (model: string, range: ReplayRange) => Promise<ScratchRows<unknown>>;
    readonly "models.purge": (model: string) => Promise<void>;
    readonly "models.delete": (model: string, key: string) => Promise<void>;
    /** Returns the models of the job. */
    readonly "models.startVerify": (model: string, options: Pick<JobOptions, "duty">) => Promise<readonly string[]>;
    /** False: the model has no job, or its job has ended. */
    readonly "models.hasJob": (model: string) => Promise<boolean>;
    readonly "models.parked": (model: string) => Promise<readonly ParkedEvent[]>;
    /** Lines of JSON, see `eventLines`. */
    readonly "models.replay": (options: Omit<ReplayOptions, "into">) => Promise<ReadableStream<Uint8Array>>;
  };

export type LogVerb = keyof LogVerbs;
export type VerbArgs = { readonly [Verb in LogVerb]: Parameters<LogVerbs[Verb]> };
export type VerbResult = { readonly [Verb in LogVerb]: Awaited<ReturnType<LogVerbs[Verb]>> };
type Verbs = { readonly [Verb in LogVerb]: (...args: VerbArgs[Verb]) => Promise<VerbResult[Verb]> };

/** The verbs that change nothing. */
const READS: ReadonlySet<LogVerb> = new Set<LogVerb>([
  "load",
  "exists",
  "stateAt",
  "history",
  "rows",
  "query",
  "subscribers.list",
  "subscribers.parked",
  "processes.list",
  "processes.commands",
  "processes.parked",
  "models.list",
  "models.status",
  "models.hasJob",
  "models.progress",
  "models.parked",
  "models.scratch",
  "models.replay",
]);

/** `reads`: nothing changes. `appends`: the log may change. `starts`: work may begin that no append reports. */
export function effectOf(verb: LogVerb): VerbEffect {
  return READS.has(verb) ? "reads" : verb === "execute" ? "appends" : "starts";
}

export type VerbEffect = "reads" | "appends" | "starts";

export function callVerb<Verb extends LogVerb>(
  log: ServerLog,
  handles: LogHandles,
  verb: Verb,
  args: VerbArgs[Verb],
): Promise<VerbResult[Verb]> {
  return verbsOf(log, handles)[verb](...args);
}

function verbsOf(log: ServerLog, handles: LogHandles): Verbs {
  const { subscribers, processes, models } = log;
  const aggregate = (name: string) => handles.aggregate(name);
  return {
    execute: (commands, options) => log.execute(commands, options),
    load: (name, id) => log.load(aggregate(name), id),
    exists: (name, id) => log.exists(aggregate(name), id),
    stateAt: (name, id, place) => log.stateAt(aggregate(name), id, place),
    history: async (name, id, after) => {
      const events = log.history(aggregate(name), id, { after });
      return eventLines(async (send) => {
        for await (const event of events) await send(event);
      });
    },
    rows: (name, options) => log.rows(name, options),
    query: async (name, sql, params, options) => log.query(handles.sqlModel(name), () => sql, params, options),
    "subscribers.list": () => subscribers.list(),
    "subscribers.parked": (name) => subscribers.parked(name),
    "subscribers.retry": (name, events) => subscribers.retry(name, events),
    "subscribers.skip": (name, event, reason) => subscribers.skip(name, event, reason),
    "subscribers.pause": (name) => subscribers.pause(name),
    "subscribers.resume": (name) => subscribers.resume(name),
    "subscribers.reset": (name, options) => subscribers.reset(name, options),
    "processes.list": () => processes.list(),
    "processes.commands": (name, page) => processes.commands(name, page),
    "processes.parked": (name) => processes.parked(name),
    "processes.retry": (name, ids) => processes.retry(name, ids),
    "processes.skip": (name, id, reason) => processes.skip(name, id, reason),
    "processes.pause": (name) => processes.pause(name),
    "processes.resume": (name) => processes.resume(name),
    "processes.reset": (name, options) => processes.reset(name, options),
    "models.list": () => models.list(),
    "models.rebuild": async (name, options) => (await models.rebuild(name, options)).models,
    "models.populate": async (names, options) => (await models.populate(names, options)).models,
    "models.status": (name) => models.status(name),
    "models.hasJob": async (name) => (await models.job(name)) !== null,
    "models.progress": async (names) => {
      const all = await Promise.all(names.map((name) => models.status(name)));
      // A job stays with its model. Without one, the log was deleted and made again.
      if (all.some(({ job }) => !job)) throw gone(log.name);
      return together(all.flatMap(({ job }) => job ?? []));
    },
    "models.change": async (names, verb) => {
      for (const name of names) await (await models.job(name))?.[verb]();
    },
    "models.populateStreams": (name, streams) => models.populateStreams(name, streams),
    "models.retry": (name, event) => models.retry(name, event),
    "models.scratch": (name, range) => models.replayIntoScratch(name, range),
    "models.purge": (name) => models.purge(name),
    "models.delete": (name, key) => models.delete(name, key),
    "models.startVerify": async (name, options) => (await models.startVerify(name, options)).models,
    "models.parked": (name) => models.parked(name),
    "models.replay": async (options) => eventLines((into) => models.replay({ ...options, into })),
  };
}

/** A line of `eventLines`. The last one is `end` or `error`. Without it, the object failed in between. */
export type EventLine<Event> =
  { readonly event: Event } | { readonly end: true } | { readonly error: ReturnType<typeof toPlainError> };

/** Lines of JSON: the events that `work` sends, at the pace of their reader. */
function eventLines<Event>(
  work: (send: (event: Event) => Promise<void>) => Promise<unknown>,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const write = (line: EventLine<Event>): Promise<void> => writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
  void work((event) => write({ event }))
    .then(() => write({ end: true }))
    .catch((error: unknown) => write({ error: toPlainError(error) }))
    .then(() => writer.close())
    // The reader left.
    .catch(() => {});
  return readable;
}
