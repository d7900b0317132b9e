/** The options of `cloudflare`, and the types of its result. */
import type { OptionNames } from "../core/values/known-options.ts";
import type { LogArchive } from "./archive/archive-lines.ts";
import type { ImportedLog } from "./archive/import-log.ts";
import { SHARED_OPTIONS, type SharedOptions } from "./server-options.ts";
import type { HibernatingSocket, RpcResult } from "./hosts/cloudflare-runtime.ts";
import type { EdgeLog } from "./hosts/edge-log.ts";
import type { LogVerb, VerbArgs, VerbResult } from "./hosts/log-verbs.ts";

/** Options of `cloudflare`: those of `syncServer`, and the place of the objects. */
export type CloudflareOptions = SharedOptions & {
  /**
   * The path in front of all routes, such as `/api/sync`. It is the path that the Worker's requests have.
   *
   * @default "/sync"
   */
  readonly path?: string;
  /**
   * The name of the Durable Object binding in `wrangler.jsonc`.
   *
   * @default "LOGS"
   */
  readonly binding?: string;
  /**
   * The name of the Worker's secret that seals the tickets of sockets. It needs at least 16 random characters.
   *
   * @default "TICKET_SECRET"
   */
  readonly secretName?: string;
  /**
   * The region in which new objects are created, such as `weur`. It does not move existing objects.
   *
   * @default the region of the first request for a log
   */
  readonly locationHint?: "wnam" | "enam" | "sam" | "weur" | "eeur" | "apac" | "oc" | "afr" | "me";
  /**
   * The jurisdiction that stores all logs, such as `eu`. Never change it. Otherwise the Worker finds none of the logs
   * that it had before.
   *
   * @default no jurisdiction
   */
  readonly jurisdiction?: "eu" | "fedramp";
  /**
   * Milliseconds after which `permit` is called again for each open socket of an idle log. Each time wakes the object.
   * With a longer time, a person who lost the right to read keeps an open socket for that time. The socket receives
   * nothing: before an object sends records or presence, it checks each right that is older than 40 seconds.
   *
   * @default 600_000. Without `permit`, an open socket is checked at the end of its token only.
   */
  readonly permitEveryMs?: number;
  /**
   * Bytes of a log's database from which on pushes are refused with 507 `storage-full`. Reads continue. Read models,
   * subscribers and process managers may use 50 MB more. From 80 % on, `onError` receives a warning.
   *
   * @default 9_900_000_000, a little below Cloudflare's limit of 10 GB
   */
  readonly storageBytesMax?: number;
  /**
   * Attempts of handlers of `subscribers` after one event of the runtime. The rest follows after a second, by an alarm.
   * Cloudflare allows an event 10,000 outgoing calls, and 50 without a paid plan. So a handler may use 20 of them.
   *
   * @default 500. Without a paid plan, pass 10.
   */
  readonly handlersPerWakeMax?: number;
};

export const CLOUDFLARE_OPTIONS: OptionNames<CloudflareOptions> = {
  ...SHARED_OPTIONS,
  path: true,
  binding: true,
  secretName: true,
  locationHint: true,
  jurisdiction: true,
  permitEveryMs: true,
  storageBytesMax: true,
  handlersPerWakeMax: true,
};

/** The handlers of a Worker. */
export type SyncWorker = {
  /**
   * Answers a request.
   *
   * @example
   * export default {
   *   fetch: (request, env) =>
   *     new URL(request.url).pathname.startsWith("/sync/") ? worker.fetch(request, env) : myApp.fetch(request, env),
   * };
   */
  readonly fetch: (request: Request, env: object) => Promise<Response>;
};

/** The Durable Object of one log, under the names that the runtime calls. Use `logs` to call it. */
export type EventLogObject = {
  /** Answers a request of the Worker. */
  fetch(request: Request): Promise<Response>;
  /** The runtime passes a frame of a socket. */
  webSocketMessage(socket: HibernatingSocket, message: string | ArrayBuffer): Promise<void>;
  /** The runtime reports a closed socket. */
  webSocketClose(socket: HibernatingSocket): void;
  /** The runtime reports a broken socket. */
  webSocketError(socket: HibernatingSocket): void;
  /** The runtime wakes the object. */
  alarm(ring?: { readonly isRetry: boolean }): Promise<void>;
  /** The call behind `logs(env).drop`. */
  drop(log: string): Promise<RpcResult<null>>;
  /** The call behind `logs(env).importLog`. */
  importLog(log: string, archive: LogArchive): Promise<RpcResult<ImportedLog>>;
  /** The call behind `logs(env).log`. */
  call<Verb extends LogVerb>(log: string, verb: Verb, args: VerbArgs[Verb]): Promise<RpcResult<VerbResult[Verb]>>;
};

/** The operator's actions. No route calls them. */
export type LogOperations = {
  /**
   * Returns a log for the code of your Worker: commands, states, events, rows, read models and subscribers. The log
   * need not exist yet.
   *
   * @example
   * const { events } = await logs(env).log("team-7").execute(task.command.add("t1", { title: "Milk" }));
   *
   * @throws ValidationError (`invalid`) if the name is not valid.
   * @throws DacapoError (`unreachable`) from each call if the object does not answer. The call may have succeeded.
   */
  readonly log: (name: string) => EdgeLog;
  /**
   * Deletes a log for good. Its name stays `gone`, and its open sockets close with `gone`.
   *
   * @example
   * await logs(env).drop("team-7");
   *
   * @throws ValidationError (`invalid`) if the name is not valid.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   * @throws DacapoError (`unreachable`) if the object does not answer. The call may have succeeded, so repeat it.
   */
  readonly drop: (log: string) => Promise<void>;
  /**
   * Imports an exported log, or a part of it, into a log of its name that has no records. Devices cannot reach the log
   * before its last part is in. Memory is bounded. A call that was cut off continues when it is repeated.
   *
   * @example
   * if (request.body) await logs(env).importLog("team-7", request.body);
   *
   * @throws ValidationError (`invalid`) if the archive is cut short, changed, or of another log.
   * @throws ConcurrencyError (`concurrency`) if the log has other records, or lacks the part before.
   * @throws DacapoError (`gone`) if the log was deleted.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   * @throws DacapoError (`unreachable`) if the object does not answer. The call may have succeeded.
   */
  readonly importLog: (log: string, archive: LogArchive) => Promise<ImportedLog>;
};

/** The result of `cloudflare`. */
export type CloudflareServer = {
  /** The Worker: the default export of its file. */
  readonly worker: SyncWorker;
  /** The class of the Durable Objects. Export it under the `class_name` of the binding. */
  readonly EventLogObject: new (context: never, env: never) => EventLogObject;
  /**
   * The operator's actions, for the code of your Worker. Check the caller before you call them.
   *
   * @example
   * await logs(env).drop("team-7");
   */
  readonly logs: (env: object) => LogOperations;
};
