/**
 * The sync server as a Hono app: mount it in your own app, or serve it as it is.
 *
 * Place: the entry `dacapo/sync-server`. It creates the parts of the server and connects them. `node` and `cloudflare`
 * add the parts of a runtime: listening, and upgrading sockets.
 *
 * @module dacapo/sync-server
 */
import type { Hono } from "hono";
import type { DomainDefinition } from "../core/domain/definition.ts";
import { createAdmission } from "./access/admission.ts";
import type { Authorize, Permit } from "./access/authorize.ts";
import { createMemoryBudget } from "./base/memory-budget.ts";
import { type Env, runtimeEnv } from "./base/env.ts";
import { SERVER_LIMITS, type ServerLimits } from "./base/limits.ts";
import { createLiveGate, type LiveGate } from "./live/upgrade-gate.ts";
import { createLiveHub, type LiveHub } from "./live/hub.ts";
import { createLogWriter } from "./writer/log-writer.ts";
import { createOriginRule } from "./http/origins.ts";
import { dropLog } from "./archive/drop-log.ts";
import { type ImportedLog, importLog } from "./archive/import-log.ts";
import { Observer, type ObserverOptions } from "./base/observer.ts";
import { rememberedId } from "./http/server-id.ts";
import { stopServer } from "./hosts/stop-server.ts";
import { createResponder } from "./http/responder.ts";
import { mountRoutes } from "./http/mount-routes.ts";
import { requireOptions } from "./access/require-options.ts";
import type { RouteContext } from "./http/routes.ts";
import type { EventStore } from "./stores/event-store.ts";
import { createTickets } from "./access/tickets.ts";

export { bearer } from "./access/authorize.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { Cursor } from "../core/history/record.ts";
export type { Env } from "./base/env.ts";
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
export type { Rate, ServerLimits } from "./base/limits.ts";
export type {
  Append,
  AppendResult,
  EventStore,
  KeptOutcome,
  KnownCommit,
  LogHead,
  OutcomeKey,
  ReadLimit,
  ReadResult,
  RenameResult,
  SpentTickets,
  StoredRecord,
  StoreHints,
} from "./stores/event-store.ts";
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
 * Options of `syncServer`.
 *
 * @example
 * const options: SyncServerOptions = {
 *   domain,
 *   store: sqlite("logs.db"),
 *   authorize: bearer({ tokens: { "adas-secret": { actor: "ada", team: "7" } } }),
 *   permit: (principal, { log }) => log === `team-${principal.team}`,
 *   origins: ["https://app.example.org"],
 *   limits: { socketsPerActorMax: 20 },
 *   onError: (error) => console.error(error),
 * };
 */
export type SyncServerOptions = ObserverOptions & {
  /** The domain that decides the commits: the result of `defineDomain`. */
  readonly domain: { readonly definition: DomainDefinition };
  /** The store of the logs, such as `sqlite("logs.db")`. The server owns it, and `close` closes it. */
  readonly store: EventStore;
  /** Returns the sender of a request, such as `bearer({ tokens })`. */
  readonly authorize: Authorize;
  /**
   * Returns true if a sender may do an action.
   *
   * @default every authorized sender may read and write every log
   */
  readonly permit?: Permit;
  /**
   * The origins of the pages that may use this server, such as `["https://example.org"]`. List the page's own origin
   * too.
   *
   * @default no list: pages of the server's own origin
   */
  readonly origins?: readonly string[];
  /**
   * True: the pages of `origins` may send cookies to this server, because a gateway in front of it or your `authorize`
   * needs them. The pages open their logs with `sync.credentials: "include"`.
   *
   * @default false
   */
  readonly credentials?: boolean;
  /**
   * The limits that differ from the defaults.
   *
   * @default the defaults of `ServerLimits`
   */
  readonly limits?: Partial<ServerLimits>;
  /**
   * The id by which devices recognize this server: 1 to 64 of `A-Z a-z 0-9 _ -`. A device sends its work to no server
   * with another id before its app agrees.
   *
   * Pass the id of the old server where this one took its place with a new store, such as by `importLog`.
   *
   * @default the id that the store keeps, which a restored backup and a copy keep too
   */
  readonly serverId?: string;
  /**
   * At least 16 random characters that all nodes share, so that a ticket of one node opens a socket on another.
   *
   * @default a random secret of this process
   */
  readonly ticketSecret?: string;
  /**
   * Receives the errors of which clients see only "The server failed".
   *
   * @default `serve` logs them to the console, `syncServer` drops them
   */
  readonly onError?: (error: unknown) => void;
  /**
   * False: the live hub sets no timers. It is for a runtime that sleeps between events and checks its sockets itself.
   *
   * @default true
   */
  readonly liveTicks?: boolean;
  /**
   * Clock, timers and random bytes, for tests.
   *
   * @default the clock, timers and random bytes of the runtime
   */
  readonly env?: Env;
};

/** A Hono app with the routes of the protocol, and the operator's actions. No route calls them. */
export type SyncServer = Hono & {
  /**
   * For a runtime: opens live sockets (`open`), restores them after a restart (`resume`), and checks them (`watch`).
   */
  readonly live: LiveGate & Pick<LiveHub, "resume" | "watch">;
  /**
   * Reports that a log may have new records from elsewhere, such as from another node. Its sockets receive them at
   * once, not only after `lookMs`.
   *
   * @example
   * server.poke("team-7");
   */
  readonly poke: (log: string) => void;
  /**
   * Deletes a log for good. Its name stays `gone`, and its open sockets close with `gone`.
   *
   * @example
   * await server.drop("team-7");
   *
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   */
  readonly drop: (log: string) => Promise<void>;
  /**
   * Imports an exported log, or a part of it, into a log of its name that has no records. Records, positions and marks
   * stay the same, so devices continue at their cursors. Devices cannot reach the log before its last part is in.
   *
   * Memory is bounded. After a crash, import the same archive or part again, and it continues. If the log contains the
   * archive already, the call changes nothing.
   *
   * @example
   * import { readFile } from "node:fs/promises";
   * const lines = (await readFile("team-7.ndjson", "utf8")).trimEnd().split("\n");
   * const { records } = await server.importLog("team-7", lines);
   *
   * @throws ValidationError (`invalid`) if the archive is cut short, changed, or of another log.
   * @throws ConcurrencyError (`concurrency`) if the log has other records, was deleted, or lacks the part before.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   */
  readonly importLog: (log: string, lines: AsyncIterable<string> | Iterable<string>) => Promise<ImportedLog>;
  /**
   * Refuses new pushes, finishes the running ones, disconnects live sockets, and closes the store. The pushes have 4
   * seconds, other requests 2 seconds, the store 1 second. A push that was not answered is pushed again.
   *
   * @example
   * process.once("SIGTERM", () => void server.close());
   */
  readonly close: () => Promise<void>;
};

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
 * @throws DefinitionError (`definition`) if `domain`, `store` or `authorize` is missing or has another type.
 */
export function syncServer(options: SyncServerOptions): SyncServer {
  requireOptions(options);
  const { store, authorize, permit = () => true, env = runtimeEnv, liveTicks: ticks = true } = options;
  const domain = options.domain.definition;
  const observer = new Observer(options, env.now);
  const report = observer.reporter(options.onError);
  const limits: ServerLimits = { ...SERVER_LIMITS, ...options.limits };
  const admission = createAdmission({ authorize, permit, limits, env, report });
  const tickets = createTickets(env, options.ticketSecret, store.tickets);
  const hub = createLiveHub({ store, limits, env, report, observer, ticks, ...admission });
  const onAppended: LiveHub["publish"] = (log, appended) => {
    hub.publish(log, appended);
    store.hints?.send(log);
  };
  const stopHints = store.hints?.listen(hub.poke);
  const writer = createLogWriter({ domain, store, permit, limits, env, report, observer, onAppended });
  const reading = createMemoryBudget({ allMax: limits.readingBytesMax, eachMax: limits.readingBytesPerActorMax });
  const answering = createMemoryBudget({ allMax: limits.answeringBytesMax, eachMax: limits.answeringBytesPerActorMax });
  const serverId = rememberedId(options.serverId, store);
  const context: RouteContext = {
    domain,
    store,
    serverId,
    limits,
    writer,
    admission,
    tickets,
    reading,
    answering,
    env,
    report,
    observer,
  };
  const origins = createOriginRule(options.origins, options.credentials);
  const responder = createResponder({ origins, env, report, observer });
  let closing: Promise<void> | null = null;
  const isClosing = (): boolean => closing !== null;
  const gate = createLiveGate({ origins, tickets, admission, hub, report, observer, isClosing });

  const stop = () => stopServer({ writer, hub, responder, store, stopHints, env, observer });
  return Object.assign(mountRoutes(context, responder, origins, isClosing), {
    live: { open: gate.open, resume: hub.resume, watch: hub.watch },
    poke: hub.poke,
    drop: (log: string) =>
      observer.run("drop", [], { log }, async () => {
        await dropLog(store, log);
        hub.end("gone", log);
      }),
    importLog: (log: string, lines: AsyncIterable<string> | Iterable<string>) =>
      observer.run("import", [], { log }, async (step) => {
        const imported = await importLog(store, log, lines);
        step.set({ records: imported.records, events: imported.events });
        hub.poke(log);
        return imported;
      }),
    close: () => (closing ??= stop()),
  });
}
