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
import { requireAppOptions, requireNumber } from "./access/require-options.ts";
import { createTickets } from "./access/tickets.ts";
import { syncServer } from "./app.ts";
import type { LogArchive } from "./archive/archive-lines.ts";
import { runtimeEnv } from "./base/env.ts";
import { requireKnownOptions } from "../core/values/known-options.ts";
import { createMemoryBudget } from "./base/memory-budget.ts";
import { limitsWith, OBJECT_LIMITS } from "./base/limits.ts";
import { Observer } from "./base/observer.ts";
import type { HibernatingSocket, LogObjectContext } from "./hosts/cloudflare-runtime.ts";
import {
  CLOUDFLARE_OPTIONS,
  type CloudflareOptions,
  type CloudflareServer,
  type EventLogObject,
} from "./cloudflare-types.ts";
import { checkedObjectSubscribers, executeInObjects } from "./hosts/object-subscribers.ts";
import { forgetOutcomes } from "./hosts/forget-outcomes.ts";
import { LogObject } from "./hosts/log-object.ts";
import { edgeLog } from "./hosts/edge-log.ts";
import { LogHandles } from "./hosts/log-handles.ts";
import type { LogVerb, VerbArgs } from "./hosts/log-verbs.ts";
import { LogObjects } from "./hosts/log-objects.ts";
import { requireLogName } from "./base/check-arguments.ts";
import { StartingObject } from "./hosts/starting-object.ts";
import type { SharedOptions } from "./server-options.ts";
import { authorizeByWorker } from "./hosts/verified-principal.ts";
import { secretOf, WorkerGate } from "./hosts/worker-gate.ts";
import { createOriginRule } from "./http/origins.ts";
import { prefixOf } from "./live/live-path.ts";
import { SILENCE_CHECK_MS } from "./live/watch-sockets.ts";
import { mountAt } from "./http/mount-routes.ts";
import { objectBaseOptions } from "./bases/base-option.ts";
import { durableObjectStore } from "./stores/durable-object.ts";

export { bearer } from "./access/authorize.ts";
export {
  type AnySqlModel,
  type SqlChange,
  sqlModel,
  type SqlModel,
  type SqlModelOptions,
} from "./read-models/sql-model.ts";
export { strong, type StrongOptions } from "./read-models/strong.ts";
export { jwt } from "./access/jwt.ts";
export { operatorResponse } from "./http/operator-response.ts";
export { subscriber } from "./subscribers/subscriber.ts";
export { processManager } from "./processes/process-manager.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { ImportedLog } from "./archive/import-log.ts";
export type { LogArchive } from "./archive/archive-lines.ts";
export type { HibernatingSocket, RpcResult } from "./hosts/cloudflare-runtime.ts";
export type {
  CloudflareOptions,
  CloudflareServer,
  EventLogObject,
  LogOperations,
  SyncWorker,
} from "./cloudflare-types.ts";
export type { HandlerContext, RetryOptions, Subscriber, SubscriberOptions } from "./subscribers/subscriber.ts";
export type { HandlerExecute, HandlerExecuteOptions } from "./subscribers/handler-execute.ts";

/**
 * Creates a sync server for Cloudflare: the Worker, and the class of its Durable Objects.
 *
 * @example
 * import { bearer, cloudflare } from "dacapo/cloudflare";
 * const authorize = bearer({ tokens: { "adas-secret": "ada" } });
 * export const { worker, EventLogObject } = cloudflare({ domain, authorize });
 * export default worker;
 *
 * @throws DefinitionError (`definition`) if `domain` or `authorize` is missing or has another type, if an option is not
 *   known, such as a misspelled `permit`, or if a limit is no number.
 */
export function cloudflare(options: CloudflareOptions): CloudflareServer {
  requireAppOptions(options);
  requireKnownOptions("`cloudflare`", options, CLOUDFLARE_OPTIONS);
  for (const name of ["storageBytesMax", "permitEveryMs", "handlersPerWakeMax"] as const)
    if (options[name] !== undefined) requireNumber(name, options[name], 1);
  checkedObjectSubscribers(options);
  objectBaseOptions(options.base);
  const { path, binding = "LOGS", secretName = "TICKET_SECRET", jurisdiction, locationHint, ...own } = options;
  const { authorize, permit, admin } = options;
  const onError = options.onError ?? ((error: unknown) => console.error("dacapo:", error));
  const observer = new Observer({ ...options, onError });
  const report = observer.reporter(onError);
  const prefix = prefixOf(path ?? "/sync");
  const limits = limitsWith(OBJECT_LIMITS, options.limits);
  const objects = new LogObjects({ binding, jurisdiction, locationHint });
  const handles = new LogHandles(options.domain.definition, options.models, options.subscribers);
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
    createLogObject(
      { ...own, onError },
      { prefix, ticketSecret: secretOf(env, secretName), objects, handles, context, env },
    );

  return {
    worker: { fetch: (request, env) => gate.answer(request, env) },
    logs: (env) => ({
      log: (name) => edgeLog(objects, env, handles, requireLogName(name)),
      drop: async (log) => void (await objects.call(env, log, (object) => object.drop(log))),
      importLog: (log, archive) => objects.call(env, log, (object) => object.importLog(log, archive)),
    }),
    EventLogObject: class extends DurableObject implements EventLogObject {
      readonly #log = new StartingObject({
        storage: this.ctx.storage,
        create: () => createLog(this.ctx, this.env),
        report,
      });

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
      override alarm(ring?: { readonly isRetry: boolean }) {
        return this.#log.ring(ring?.isRetry);
      }
      drop(log: string) {
        return this.#log.call((own) => own.drop(log));
      }
      importLog(log: string, archive: LogArchive) {
        return this.#log.call((own) => own.importLog(log, archive));
      }
      call<Verb extends LogVerb>(log: string, verb: Verb, args: VerbArgs[Verb]) {
        return this.#log.call((own) => own.call(log, verb, args));
      }
    },
  };
}

/** Background work after one event. Cloudflare allows it 30 seconds of processor time. */
const TURN_MS = 20_000;
const HANDLERS_MAX = 500;

type ObjectOptions = SharedOptions &
  Pick<CloudflareOptions, "storageBytesMax" | "permitEveryMs" | "handlersPerWakeMax">;

/** The place of an object, and what it shares with its Worker. */
type ObjectPlace = {
  readonly prefix: string;
  readonly ticketSecret: string;
  readonly objects: LogObjects;
  readonly handles: LogHandles;
  readonly context: LogObjectContext;
  readonly env: object;
};

function createLogObject(given: ObjectOptions, place: ObjectPlace): LogObject {
  const { storageBytesMax, permitEveryMs = SILENCE_CHECK_MS, handlersPerWakeMax = HANDLERS_MAX, ...options } = given;
  const { prefix, ticketSecret, objects, handles, context, env } = place;
  // An object that does not know its name refuses every request.
  const log = context.id.name ?? "";
  const report = new Observer(options).reporter(options.onError);
  const { presenceBytesMax } = OBJECT_LIMITS;
  const limits = limitsWith(OBJECT_LIMITS, options.limits, {
    presenceBytesMax: Math.min(options.limits?.presenceBytesMax ?? presenceBytesMax, presenceBytesMax),
  });
  const hasSubscribers = (options.subscribers?.length ?? 0) > 0;
  let wakeSoon = (): void => {};
  const store = durableObjectStore(context.storage, {
    onNearlyFull: report,
    isOnlyNode: true,
    ...(hasSubscribers && { onAppend: () => wakeSoon() }),
    ...(storageBytesMax !== undefined && { bytesMax: storageBytesMax }),
  });
  const server = syncServer({
    ...options,
    limits,
    store,
    ticketSecret,
    // Each log has a server of its own here, and a read must not write an id.
    serverId: options.serverId ?? context.id.toString(),
    authorize: authorizeByWorker(options.authorize),
    liveTicks: false,
    base: objectBaseOptions(options.base),
    sleeps: {
      wakeSoon: () => wakeSoon(),
      turn: { ms: TURN_MS, calls: handlersPerWakeMax },
      executeAs: (execute) => executeInObjects(objects, env, log, execute),
    },
  });
  const app = mountAt(prefix, server);
  const { live, poke, log: serverLog, drop, importLog, work } = server;
  return new LogObject({
    context,
    server: { request: async (request) => app.fetch(request), live, poke, log: serverLog, drop, importLog },
    prefix,
    handles,
    permitMs: options.permit ? permitEveryMs : Infinity,
    tasks: { outcomes: forgetOutcomes({ store, log, limits }), work: () => work(log) },
    onStart: (wake) => (wakeSoon = wake),
    report,
  });
}
