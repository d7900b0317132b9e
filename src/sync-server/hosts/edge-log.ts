/**
 * One log for the code of a Worker: `logs(env).log(name)`. Each call goes to the object of the log.
 *
 * Guarantees (cloudflare.operator.test.ts): the calls have the names, the results and the errors of those on Node.
 */
import type { AnyAggregate, AnyProjection, RowOf, StateOf } from "../../core/domain/handle-types.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { fromPlainError } from "../../core/values/plain-error.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import { streamName } from "../../core/values/names.ts";
import { archiveLines } from "../archive/archive-lines.ts";
import { handleName } from "../base/check-arguments.ts";
import { runtimeEnv, wait } from "../base/env.ts";
import { listOf } from "../base/list-of.ts";
import type { JobProgress } from "../read-models/job.ts";
import { checkedOptions, type JobOptions, type ModelJob } from "../server-log/model-job.ts";
import type { LogModels } from "../server-log/log-models.ts";
import type { ScratchRows } from "../server-log/scratch.ts";
import type { Verified } from "../server-log/model-status.ts";
import { notNow } from "../server-log/log-errors.ts";
import type { RowsPage } from "../server-log/rows.ts";
import { queryText } from "../server-log/query.ts";
import { checkedReplay } from "../server-log/replay.ts";
import { historyAfter, type ServerLog } from "../server-log/server-log.ts";
import type { AnyProcessManager } from "../processes/process-manager.ts";
import type { Subscriber } from "../subscribers/subscriber.ts";
import type { LoadedStream } from "../server-log/streams.ts";
import type { LogHandles } from "./log-handles.ts";
import type { LogObjects } from "./log-objects.ts";
import type { EventLine, LogVerb, VerbArgs, VerbResult } from "./log-verbs.ts";

/**
 * A log for the code of a Worker, as `server.log(name)` on Node. Each call may throw `unreachable`. `onProgress` of a
 * job is called while `finished` waits.
 */
export type EdgeLog = Omit<ServerLog, "subscribe">;

type Call = <Verb extends LogVerb>(verb: Verb, ...args: VerbArgs[Verb]) => Promise<VerbResult[Verb]>;

/** Milliseconds between two reads of the progress of a job. */
const PROGRESS_MS = { first: 100, max: 2_000 };

export function edgeLog(objects: LogObjects, env: object, handles: LogHandles, log: string): EdgeLog {
  const call: Call = (verb, ...args) => objects.call(env, log, (object) => object.call(log, verb, args));
  const aggregate = (handle: AnyAggregate) => handles.nameOfAggregate(handle);
  const subscriber = (handle: Subscriber | string) => handleName("a subscriber", handle);
  const manager = (handle: AnyProcessManager | string) => handleName("a process manager", handle);
  return {
    name: log,
    execute: (commands, options = {}) => call("execute", listOf(commands), options),
    // The state has the type of its aggregate, because the domain has exactly this aggregate.
    load: async <A extends AnyAggregate>(handle: A, id: string) =>
      (await call("load", aggregate(handle), id)) as LoadedStream<StateOf<A>>,
    exists: async (handle, id) => call("exists", aggregate(handle), id),
    stateAt: async <A extends AnyAggregate>(handle: A, id: string, place: VerbArgs["stateAt"][2]) =>
      (await call("stateAt", aggregate(handle), id, place)) as StateOf<A>,
    history: (handle, id, options = {}) => {
      // A wrong argument throws at the call, as on Node, and not at the first event.
      const args = [aggregate(handle), id, historyAfter(options)] as const;
      streamName(args[0], id);
      return eventsOf(log, () => call("history", ...args));
    },
    rows: async <P extends AnyProjection>(handle: P | string, options: VerbArgs["rows"][1] = {}) =>
      (await call("rows", handles.nameOfModel(handle), options)) as RowsPage<RowOf<P>>,
    query: async (model, text, params = [], options = {}) => {
      const name = handles.nameOfModel(model);
      return call("query", name, queryText(text, handles.sqlModel(name).sql.names), params, options);
    },
    subscribers: {
      list: () => call("subscribers.list"),
      parked: async (handle) => call("subscribers.parked", subscriber(handle)),
      retry: async (handle, events) => call("subscribers.retry", subscriber(handle), events),
      skip: async (handle, event, reason) => call("subscribers.skip", subscriber(handle), event, reason),
      pause: async (handle) => call("subscribers.pause", subscriber(handle)),
      resume: async (handle) => call("subscribers.resume", subscriber(handle)),
      reset: async (handle, options) => call("subscribers.reset", subscriber(handle), options),
    },
    processes: {
      list: () => call("processes.list"),
      commands: async (handle, page = {}) => call("processes.commands", manager(handle), page),
      parked: async (handle) => call("processes.parked", manager(handle)),
      retry: async (handle, ids) => call("processes.retry", manager(handle), ids),
      skip: async (handle, id, reason) => call("processes.skip", manager(handle), id, reason),
      pause: async (handle) => call("processes.pause", manager(handle)),
      resume: async (handle) => call("processes.resume", manager(handle)),
      reset: async (handle, options) => call("processes.reset", manager(handle), options),
    },
    models: edgeModels(call, handles, log),
  };
}

function edgeModels(call: Call, handles: LogHandles, log: string): LogModels {
  const model = (handle: AnyProjection | string) => handles.nameOfModel(handle);
  const startVerify: LogModels["startVerify"] = async (handle, options) => {
    const { onProgress, duty } = checkedOptions("startVerify", options);
    const plain = duty === undefined ? {} : { duty };
    return edgeJob(call, await call("models.startVerify", model(handle), plain), onProgress);
  };
  return {
    list: () => call("models.list"),
    status: async (handle) => call("models.status", model(handle)),
    job: async (handle) => ((await call("models.hasJob", model(handle))) ? edgeJob(call, [model(handle)]) : null),
    rebuild: async (handle, options) => {
      const { onProgress, ...plain } = checkedOptions("rebuild", options);
      return edgeJob(call, await call("models.rebuild", model(handle), plain), onProgress);
    },
    populate: async (list, options) => {
      const { onProgress, ...plain } = checkedOptions("populate", options);
      return edgeJob(call, await call("models.populate", listOf(list).map(model), plain), onProgress);
    },
    populateStreams: async (handle, streams) => call("models.populateStreams", model(handle), streams),
    retry: async (handle, event) => call("models.retry", model(handle), event),
    replayIntoScratch: async <P extends AnyProjection>(handle: P | string, range: VerbArgs["models.scratch"][1] = {}) =>
      (await call("models.scratch", model(handle), range)) as ScratchRows<RowOf<P>>,
    purge: async (handle) => call("models.purge", model(handle)),
    delete: async (handle, key) => call("models.delete", model(handle), key),
    startVerify,
    verify: async <P extends AnyProjection>(handle: P | string, options: JobOptions = {}) => {
      checkedOptions("verify", options);
      const job = await startVerify(handle, options);
      if (job.models.length === 0) return { at: null, rows: 0, differences: [], more: false };
      const { phase } = await job.finished();
      const { verified } = await call("models.status", model(handle));
      if (phase !== "done" || !verified) throw notNow(log, `the comparison of ${model(handle)} is ${phase}`);
      // The rows have the type of their model, because the server has exactly this model.
      return verified as Verified<RowOf<P>>;
    },
    parked: async (handle) => call("models.parked", model(handle)),
    replay: async (range) => {
      const { into, ...options } = checkedReplay(range);
      let count = 0;
      for await (const event of eventsOf(log, () => call("models.replay", options))) {
        await into(event);
        count++;
      }
      return count;
    },
  };
}

function edgeJob(call: Call, models: readonly string[], onProgress?: (progress: JobProgress) => void): ModelJob {
  const progress = () => call("models.progress", models);
  return {
    models,
    progress,
    pause: () => call("models.change", models, "pause"),
    resume: () => call("models.change", models, "resume"),
    cancel: () => call("models.change", models, "cancel"),
    finished: async () => {
      for (let ms = PROGRESS_MS.first; ; ms = Math.min(ms * 2, PROGRESS_MS.max)) {
        const found = await progress();
        onProgress?.(found);
        if (found.phase !== "running" && found.phase !== "paused") return found;
        await wait(runtimeEnv, ms);
      }
    },
  };
}

async function* eventsOf(
  log: string,
  open: () => Promise<ReadableStream<Uint8Array>>,
): AsyncGenerator<DomainEvent, void, undefined> {
  for await (const text of archiveLines(await open())) {
    const line = parseOwnJson<EventLine<DomainEvent>>(text);
    if ("end" in line) return;
    if ("error" in line) throw fromPlainError(line.error);
    yield line.event;
  }
  throw new DacapoError("unreachable", "later", {
    message: `The object of the log ${log} failed while it sent events`,
    fix: "Repeat the call.",
    details: { log },
  });
}
