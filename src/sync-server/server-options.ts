/** The options of a sync server, and its operations. */
import type { OptionNames } from "../core/values/known-options.ts";
import type { Hono } from "hono";
import type { DomainDefinition } from "../core/domain/definition.ts";
import type { Admin } from "./access/admin.ts";
import type { Authorize, Permit } from "./access/authorize.ts";
import type { LogLines } from "./archive/archive-lines.ts";
import type { ImportedLog } from "./archive/import-log.ts";
import type { BaseOptions } from "./bases/base-option.ts";
import type { Env } from "./base/env.ts";
import type { ServerLimits } from "./base/limits.ts";
import type { ObserverOptions } from "./base/observer.ts";
import type { SleepingRuntime } from "./hosts/log-followers.ts";
import type { LiveHub } from "./live/hub.ts";
import type { LiveGate } from "./live/upgrade-gate.ts";
import type { ServerModel } from "./read-models/strong.ts";
import type { ServerLog } from "./server-log/server-log.ts";
import type { EventStore } from "./stores/event-store.ts";
import type { AnyProcessManager } from "./processes/process-manager.ts";
import type { Subscriber } from "./subscribers/subscriber.ts";

/** An entry of the option `subscribers`: the result of `subscriber` or of `processManager`. */
export type ServerSubscriber = Subscriber | AnyProcessManager;

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
   * Returns true if a sender may see or change the read models and the subscribers of a log by the routes of an
   * operator, such as `POST /logs/:log/models/:model/rebuild`. `docs/operating.md` lists them.
   *
   * @default none: these addresses do not exist
   *
   * @example
   * admin: (principal, { verb }) => principal.role === "operator" && verb !== "delete",
   */
  readonly admin?: Admin;
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
   * The projections whose rows the server keeps too, such as `[board]`. The store folds them after each append.
   * Programs read them by `GET /logs/:log/rows/:model` and by `server.log(name).rows(model)`. A model need not be in
   * the domain, but the aggregates that it folds must be.
   *
   * The rows of `strong(names)` change together with the append, and such a model may refuse commits by `veto`.
   * A `sqlModel` has tables of its own in the database of the store, for reports in SQL.
   *
   * @default none
   */
  readonly models?: readonly ServerModel[];
  /**
   * The subscribers and process managers whose handlers run for the events of all logs, such as `[mailer, fulfilment]`.
   * Each is the result of `subscriber` or of `processManager`.
   *
   * @default none
   */
  readonly subscribers?: readonly ServerSubscriber[];
  /**
   * True: the server keeps a base of each long log, which has the state of all streams and the rows of all projections
   * of the domain at one cursor. A new device joins from the base and the records behind it, not from the whole log.
   * `{ everyEvents: 10_000, bytesMax: 67_108_864 }` changes when the server makes one, and how large it may be.
   *
   * @default false
   */
  readonly base?: boolean | BaseOptions;
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
   * For a runtime that sleeps between events, such as a Durable Object: its background work sets no timers. Such a
   * runtime calls `work`.
   *
   * @default a runtime that does not sleep
   */
  readonly sleeps?: SleepingRuntime;
  /**
   * Clock, timers and random bytes, for tests.
   *
   * @default the clock, timers and random bytes of the runtime
   */
  readonly env?: Env;
};

/** The options that an app passes to a server of any runtime. The others belong to a store or to a runtime. */
export type SharedOptions = Omit<SyncServerOptions, "store" | "ticketSecret" | "liveTicks" | "sleeps" | "env">;

export const SHARED_OPTIONS: OptionNames<SharedOptions> = {
  domain: true,
  authorize: true,
  permit: true,
  admin: true,
  origins: true,
  credentials: true,
  models: true,
  subscribers: true,
  base: true,
  limits: true,
  serverId: true,
  onError: true,
  onLog: true,
  telemetry: true,
};

export const SERVER_OPTIONS: OptionNames<SyncServerOptions> = {
  ...SHARED_OPTIONS,
  store: true,
  ticketSecret: true,
  liveTicks: true,
  sleeps: true,
  env: true,
};

/** A Hono app with the routes of the protocol, and the operator's actions. No route calls them. */
export type SyncServer = Hono & {
  /**
   * For a runtime: opens live sockets (`open`), restores them after a restart (`resume`), and checks them (`watch`).
   * `report` passes an error of the runtime to `onError`.
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
   * For a runtime that sleeps: does the background work of a log that is due, and returns the time of its next work, in
   * milliseconds since the epoch. Infinity: after the next append.
   *
   * @example
   * const nextAt = await server.work("team-7");
   */
  readonly work: (log: string) => Promise<number>;
  /**
   * Returns a log for the code of the server. The log need not exist yet.
   *
   * @example
   * const { rows } = await server.log("team-7").rows(board);
   *
   * @throws ValidationError (`invalid`) if the name is not valid.
   */
  readonly log: (name: string) => ServerLog;
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
   * import { createReadStream } from "node:fs";
   * const { records } = await server.importLog("team-7", createReadStream("team-7.ndjson"));
   *
   * @param archive the bytes of the file as a stream, its text, or its lines. Only a line feed ends a line, so do not
   *   use `readline`.
   *
   * @throws ValidationError (`invalid`) if the archive is cut short, changed, or of another log.
   * @throws ConcurrencyError (`concurrency`) if the log has other records, or lacks the part before.
   * @throws DacapoError (`gone`) if the log was deleted.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   */
  readonly importLog: (log: string, archive: LogLines) => Promise<ImportedLog>;
  /**
   * Refuses new pushes, finishes the running ones, disconnects live sockets, and closes the store. The pushes have 3
   * seconds, other requests 2 seconds, the store 1 second. A push that was not answered is pushed again.
   *
   * @example
   * process.once("SIGTERM", () => void server.close());
   */
  readonly close: () => Promise<void>;
};
