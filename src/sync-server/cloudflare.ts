/**
 * The sync server on Cloudflare's edge: one Worker, and one Durable Object for each log.
 *
 * Place: the entry `dacapo/cloudflare`. docs/deploy-cloudflare.md shows a whole deploy.
 *
 * Guarantees, each by a test of test/workerd:
 * - The Worker refuses wrong requests itself, so that they make no object (cloudflare.guard.test.ts).
 * - An object serves its own log only, and loses nothing if it loses its memory (cloudflare.sync.test.ts).
 *
 * @module dacapo/cloudflare
 */
import { DurableObject } from "cloudflare:workers";
import { createAdmission } from "./access/admission.ts";
import { requireAppOptions } from "./access/require-options.ts";
import { createTickets } from "./access/tickets.ts";
import { syncServer, type SyncServerOptions } from "./app.ts";
import type { LogArchive } from "./archive/archive-lines.ts";
import type { ImportedLog } from "./archive/import-log.ts";
import { runtimeEnv } from "./base/env.ts";
import { createMemoryBudget } from "./base/memory-budget.ts";
import { OBJECT_LIMITS, SERVER_LIMITS, type ServerLimits } from "./base/limits.ts";
import { Observer } from "./base/observer.ts";
import type { HibernatingSocket, LogObjectContext, RpcResult } from "./hosts/cloudflare-runtime.ts";
import { forgetOutcomes } from "./hosts/forget-outcomes.ts";
import { LogObject } from "./hosts/log-object.ts";
import { LogObjects } from "./hosts/log-objects.ts";
import { authorizeByWorker } from "./hosts/verified-principal.ts";
import { secretOf, WorkerGate } from "./hosts/worker-gate.ts";
import { createOriginRule } from "./http/origins.ts";
import { prefixOf } from "./live/live-path.ts";
import { SILENCE_CHECK_MS } from "./live/watch-sockets.ts";
import { mountAt } from "./http/mount-routes.ts";
import { durableObjectStore } from "./stores/durable-object.ts";

export { bearer } from "./access/authorize.ts";
export { strong, type StrongOptions } from "./read-models/strong.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { ImportedLog } from "./archive/import-log.ts";
export type { LogArchive } from "./archive/archive-lines.ts";
export type { HibernatingSocket, RpcResult } from "./hosts/cloudflare-runtime.ts";

/** Options of `cloudflare`: those of `syncServer`, and the place of the objects. */
export type CloudflareOptions = Omit<
  SyncServerOptions,
  "store" | "subscribers" | "ticketSecret" | "liveTicks" | "env"
> & {
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
   * Bytes of a log's database from which on pushes are refused with 507 `storage-full`. Reads continue. From 80 % on,
   * `onError` receives a warning.
   *
   * @default 9_900_000_000, a little below Cloudflare's limit of 10 GB
   */
  readonly storageBytesMax?: number;
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
  alarm(): Promise<void>;
  /** The call behind `logs(env).drop`. */
  drop(log: string): Promise<RpcResult<null>>;
  /** The call behind `logs(env).importLog`. */
  importLog(log: string, archive: LogArchive): Promise<RpcResult<ImportedLog>>;
};

/** The operator's actions. No route calls them. */
export type LogOperations = {
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
   * @throws ConcurrencyError (`concurrency`) if the log has other records, was deleted, or lacks the part before.
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

/**
 * Creates a sync server for Cloudflare: the Worker, and the class of its Durable Objects.
 *
 * @example
 * import { bearer, cloudflare } from "dacapo/cloudflare";
 * const authorize = bearer({ tokens: { "adas-secret": "ada" } });
 * export const { worker, EventLogObject } = cloudflare({ domain, authorize });
 * export default worker;
 *
 * @throws DefinitionError (`definition`) if `domain` or `authorize` is missing or has another type.
 */
export function cloudflare(options: CloudflareOptions): CloudflareServer {
  requireAppOptions(options);
  const { authorize, permit, admin, jurisdiction, locationHint, secretName = "TICKET_SECRET" } = options;
  const onError = options.onError ?? ((error: unknown) => console.error("dacapo:", error));
  const observer = new Observer(options);
  const report = observer.reporter(onError);
  const prefix = prefixOf(options.path ?? "/sync");
  const limits: ServerLimits = { ...SERVER_LIMITS, ...OBJECT_LIMITS, ...options.limits };
  const objects = new LogObjects({ binding: options.binding ?? "LOGS", jurisdiction, locationHint });
  const gate = new WorkerGate({
    prefix,
    objects,
    secretName,
    origins: createOriginRule(options.origins, options.credentials),
    admission: createAdmission({ authorize, permit: permit ?? (() => true), admin, limits, env: runtimeEnv, report }),
    reading: createMemoryBudget({ allMax: limits.readingBytesMax, eachMax: limits.readingBytesPerActorMax }),
    pushBytesMax: limits.pushBytesMax,
    createTickets: (secret) => createTickets(runtimeEnv, secret),
    report,
    observer,
  });
  const createLog = (context: LogObjectContext, env: object): LogObject =>
    createLogObject({ ...options, onError, prefix, ticketSecret: secretOf(env, secretName) }, context);

  return {
    worker: { fetch: (request, env) => gate.answer(request, env) },
    logs: (env) => ({
      drop: async (log) => void (await objects.call(env, log, (object) => object.drop(log))),
      importLog: (log, archive) => objects.call(env, log, (object) => object.importLog(log, archive)),
    }),
    EventLogObject: class extends DurableObject implements EventLogObject {
      readonly #log = createLog(this.ctx, this.env);

      override fetch(request: Request) {
        return this.#log.fetch(request);
      }
      override webSocketMessage(socket: HibernatingSocket, message: string | ArrayBuffer) {
        return this.#log.receive(socket, message);
      }
      override webSocketClose(socket: HibernatingSocket) {
        this.#log.closed(socket);
      }
      override webSocketError(socket: HibernatingSocket) {
        this.#log.closed(socket);
      }
      override alarm() {
        return this.#log.ring();
      }
      drop(log: string) {
        return this.#log.drop(log);
      }
      importLog(log: string, archive: LogArchive) {
        return this.#log.importLog(log, archive);
      }
    },
  };
}

type ObjectOptions = CloudflareOptions & { readonly prefix: string; readonly ticketSecret: string };

function createLogObject(options: ObjectOptions, context: LogObjectContext): LogObject {
  const { prefix, storageBytesMax, permit, permitEveryMs = SILENCE_CHECK_MS } = options;
  const report = new Observer(options).reporter(options.onError);
  const { presenceBytesMax } = OBJECT_LIMITS;
  const limits: ServerLimits = {
    ...SERVER_LIMITS,
    ...OBJECT_LIMITS,
    ...options.limits,
    presenceBytesMax: Math.min(options.limits?.presenceBytesMax ?? presenceBytesMax, presenceBytesMax),
  };
  const store = durableObjectStore(context.storage, {
    onNearlyFull: report,
    ...(storageBytesMax !== undefined && { bytesMax: storageBytesMax }),
  });
  const server = syncServer({
    ...options,
    limits,
    store,
    // Each log has a server of its own here, and a read must not write an id.
    serverId: options.serverId ?? context.id.toString(),
    authorize: authorizeByWorker(options.authorize),
    liveTicks: false,
  });
  const app = mountAt(prefix, server);
  const { live, poke, drop, importLog } = server;
  return new LogObject({
    context,
    server: { request: async (request) => app.fetch(request), live, poke, drop, importLog },
    prefix,
    permitMs: permit ? permitEveryMs : Infinity,
    // An object that does not know its name refuses every request.
    tasks: { outcomes: forgetOutcomes({ store, log: context.id.name ?? "", limits }) },
    report,
  });
}
