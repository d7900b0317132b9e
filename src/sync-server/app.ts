/**
 * The sync server as a Hono app: mount it in your own app, or serve it as it is.
 *
 * Place: the entry `dacapo/sync-server`. It creates the parts of the server and connects them. `node` and `cloudflare`
 * add the parts of a runtime: listening, and upgrading sockets.
 *
 * @module dacapo/sync-server
 */
import { createAdmission } from "./access/admission.ts";
import { requireLogName } from "./base/check-arguments.ts";
import { createMemoryBudget } from "./base/memory-budget.ts";
import { runtimeEnv } from "./base/env.ts";
import { requireKnownOptions } from "../core/values/known-options.ts";
import { LogSignals } from "./base/log-signals.ts";
import { limitsWith } from "./base/limits.ts";
import { createLiveGate } from "./live/upgrade-gate.ts";
import { createLiveHub } from "./live/hub.ts";
import { createLogWriter, type LogWriter, type LogWriterOptions } from "./writer/log-writer.ts";
import { createOriginRule } from "./http/origins.ts";
import { archiveLines, type LogLines } from "./archive/archive-lines.ts";
import { dropLog } from "./archive/drop-log.ts";
import { importLog } from "./archive/import-log.ts";
import { Observer } from "./base/observer.ts";
import { rememberedId } from "./http/server-id.ts";
import { createFollowers } from "./hosts/log-followers.ts";
import { stopServer } from "./hosts/stop-server.ts";
import type { ExecuteAs } from "./subscribers/handler-execute.ts";
import { RowsReader } from "./read-models/read-rows.ts";
import { ownClient, serverLog } from "./server-log/server-log.ts";
import { createResponder } from "./http/responder.ts";
import { mountRoutes } from "./http/mount-routes.ts";
import { requireOptions } from "./access/require-options.ts";
import type { RouteContext } from "./http/routes.ts";
import { SERVER_OPTIONS, type SyncServer, type SyncServerOptions } from "./server-options.ts";
import { createTickets } from "./access/tickets.ts";

export { bearer } from "./access/authorize.ts";
export type { Admin, AdminRequest } from "./access/admin.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { Cursor } from "../core/history/record.ts";
export type { Env } from "./base/env.ts";
export type { LogArchive, LogLines } from "./archive/archive-lines.ts";
export type { ImportedLog } from "./archive/import-log.ts";
export type { LiveGate, LiveOpening } from "./live/upgrade-gate.ts";
export type { LiveAttachment, LiveConnection, LiveSocket } from "./live/server-socket.ts";
export type { LogEntry, LogEvent, StepFacts } from "./base/log-entry.ts";
export type { ObserverOptions } from "./base/observer.ts";
export type {
  MeasureName,
  SpanName,
  Telemetry,
  TelemetryFacts,
  TelemetryFailure,
  TelemetrySpan,
} from "./base/telemetry.ts";
export { subscriber } from "./subscribers/subscriber.ts";
export type { HandlerContext, RetryOptions, Subscriber, SubscriberOptions } from "./subscribers/subscriber.ts";
export type { ResetOptions } from "./subscribers/follower-in-log.ts";
export type { LogSubscribers, ParkedByHandler, SubscriberStatus } from "./subscribers/log-subscribers.ts";
export type { HandlerExecute, HandlerExecuteOptions } from "./subscribers/handler-execute.ts";
export type { SkippedEvent } from "./subscribers/place.ts";
export { processManager } from "./processes/process-manager.ts";
export type {
  AnyProcessManager,
  ProcessManager,
  ProcessManagerOptions,
  ProcessVerbs,
  RejectedCommand,
} from "./processes/process-manager.ts";
export type { LogProcesses } from "./processes/log-processes.ts";
export type { ParkedByProcess, ProcessStatus, WaitingCommand } from "./processes/process-status.ts";
export type { SleepingRuntime } from "./hosts/log-followers.ts";
export type { ServerSubscriber, SyncServer, SyncServerOptions } from "./server-options.ts";
export type { TurnLimits } from "./base/turn.ts";
export type { ExecuteAs } from "./subscribers/handler-execute.ts";
export type { BaseOptions } from "./bases/base-option.ts";
export type { Rate, ServerLimits } from "./base/limits.ts";
export type { ParkedEvent } from "./read-models/follower-notes.ts";
export type { JobProgress, JobState, OnPoison } from "./read-models/job.ts";
export {
  strong,
  type ServerModel,
  type StrongModel,
  type StrongOptions,
  type StrongRules,
} from "./read-models/strong.ts";
export {
  type AnySqlModel,
  type SqlChange,
  sqlModel,
  type SqlModel,
  type SqlModelDefinition,
  type SqlModelOptions,
  type SqlNames,
  type SqlTableDefinition,
} from "./read-models/sql-model.ts";
export type { QueryOptions, QueryPage, TablesOf } from "./server-log/query.ts";
export type { SqlParam, SqlRow, SqlVeto } from "./stores/sql-tables.ts";
export type { RowSelection } from "./read-models/row-range.ts";
export type { Executed } from "./base/executed.ts";
export type { ExecuteOptions } from "./server-log/execute.ts";
export type { JobOptions, ModelJob } from "./server-log/model-job.ts";
export type { LogModels } from "./server-log/log-models.ts";
export type { RetriedEvent } from "./server-log/retry-parked.ts";
export type { ScratchRows } from "./server-log/scratch.ts";
export type { ModelDetails, ModelStatus, Verified } from "./server-log/model-status.ts";
export type { ReplayOptions, ReplayRange } from "./server-log/replay.ts";
export type { RowsOptions, RowsPage } from "./server-log/rows.ts";
export type { ServerLog } from "./server-log/server-log.ts";
export type { LoadedStream, StreamPlace } from "./server-log/streams.ts";
export type { FollowedEvent, SubscribeOptions } from "./server-log/subscribe.ts";
export type {
  Append,
  AppendResult,
  EventStore,
  KeptOutcome,
  KnownCommit,
  LogHead,
  LogTurn,
  OutcomeKey,
  ReadLimit,
  ReadResult,
  RenameResult,
  StoredRecord,
} from "./stores/event-store.ts";
export type { SpentTickets, StoreHints } from "./stores/between-nodes.ts";
export type {
  DuePage,
  Follower,
  FollowerNext,
  FollowerWrite,
  LogFollowers,
  ModelStore,
  ModelWrite,
  ModelWriteResult,
  RowChange,
  RowPage,
  RowRange,
  TableChange,
} from "./stores/model-store.ts";

/**
 * Creates a sync server.
 *
 * @example
 * import { Hono } from "hono";
 * import { bearer, syncServer } from "dacapo/sync-server";
 * import { sqlite } from "dacapo/sqlite";
 * const authorize = bearer({ tokens: { "adas-secret": "ada" } });
 * const app = new Hono().route("/sync", syncServer({ domain, store: sqlite("logs.db"), authorize }));
 *
 * @throws DefinitionError (`definition`) if `domain`, `store` or `authorize` is missing or has another type, if an
 *   option is not known, such as a misspelled `permit`, or if `ticketSecret` is too short.
 */
export function syncServer(options: SyncServerOptions): SyncServer {
  requireOptions(options);
  requireKnownOptions("`syncServer`", options, SERVER_OPTIONS);
  const { store, authorize, permit = () => true, env = runtimeEnv, liveTicks: ticks = true } = options;
  const domain = options.domain.definition;
  const observer = new Observer(options, env.now);
  const report = observer.reporter(options.onError);
  const limits = limitsWith(options.limits);
  const admission = createAdmission({ authorize, permit, admin: options.admin, limits, env, report });
  const tickets = createTickets(env, options.ticketSecret, store.tickets);
  const onRead: LogWriter["follow"] = (log, appended) => writer.follow(log, appended);
  const hub = createLiveHub({ store, limits, env, report, observer, ticks, onRead, ...admission });
  const { models = [], subscribers: handles = [], sleeps } = options;
  const executeAs: ExecuteAs = (log, commands, by) => serverLog(logContext, log).execute(commands, by);
  const lags = ticks ? observer.lagBook(limits.lookMs) : undefined;
  const shared = { domain, store, env, report, lags, walkMs: limits.lookMs, ticks, isBusy: () => writer.isBusy() };
  const followed = { ...shared, models, handles, executeAs, sleeps, base: options.base };
  const { keepers, bases, subscribers, processes, ...followers } = createFollowers(followed);
  const signals = new LogSignals(env);
  const poke = (log: string | null): void => {
    hub.poke(log);
    followers.poke(log);
    signals.send(log);
  };
  const onAppended: LogWriterOptions["onAppended"] = (log, appended, isFolded) => {
    hub.publish(log, appended);
    store.hints?.send(log);
    followers.appended(log, appended?.head ?? null, isFolded);
    signals.send(log);
  };
  const stopHints = store.hints?.listen(poke);
  const writer = createLogWriter({ domain, store, keepers, permit, limits, env, report, observer, onAppended });
  const context: RouteContext = {
    domain,
    store,
    serverId: rememberedId(options.serverId, store),
    limits,
    writer,
    admission,
    tickets,
    reading: createMemoryBudget({ allMax: limits.readingBytesMax, eachMax: limits.readingBytesPerActorMax }),
    answering: createMemoryBudget({ allMax: limits.answeringBytesMax, eachMax: limits.answeringBytesPerActorMax }),
    bases,
    rows: { models: keepers.models, reader: new RowsReader({ store, keepers, env }) },
    env,
    report,
    observer,
    log: (name) => serverLog(logContext, name),
    hasAdmin: options.admin !== undefined,
  };
  const origins = createOriginRule(options.origins, options.credentials);
  const responder = createResponder({ origins, env, report, observer });
  let closing: Promise<void> | null = null;
  const isClosing = (): boolean => closing !== null;
  const gate = createLiveGate({ origins, tickets, admission, hub, report, observer, isClosing });
  const logContext = { ...context, ...context.rows, signals, keepers, subscribers, processes, client: ownClient(env) };
  const stop = () => stopServer({ writer, hub, signals, responder, followers, store, stopHints, env, observer });
  observer.watchLags(lags);
  followers.start();
  return Object.assign(mountRoutes(context, responder, origins, isClosing), {
    live: { ...gate, resume: hub.resume, watch: hub.watch },
    poke,
    work: followers.work,
    log: (name: string) => serverLog(logContext, name),
    drop: async (log: string) =>
      observer.run("drop", [], { log: requireLogName(log) }, async () => {
        await dropLog(store, log);
        hub.end("gone", log);
      }),
    importLog: (log: string, archive: LogLines) =>
      observer.run("import", [], { log }, async (step) => {
        const imported = await importLog(store, log, archiveLines(archive));
        step.set({ records: imported.records, events: imported.events });
        poke(log);
        bases.imported(log);
        return imported;
      }),
    close: () => (closing ??= stop()),
  });
}
