// The Worker of the tests, with their Durable Objects. A new class needs an entry in wrangler.jsonc.
import { DurableObject } from "cloudflare:workers";
import {
  type Authorize,
  bearer,
  cloudflare,
  type LogArchive,
  type Permit,
  type PermitRequest,
  strong,
} from "../../src/sync-server/cloudflare.ts";
import { defineDomain, projection } from "../../src/index.ts";
import type { LogEntry } from "../../src/sync-server/app.ts";
import { BASE_LIMITS, BASE_OPTION } from "../support/base-options.ts";
import { keptTelemetry } from "../support/telemetry.ts";
import { board, column, columnCounts, domain, task } from "../support/board-domain.ts";
import { invoices, order, ordersDomain } from "../support/invoices-domain.ts";
import { releases } from "../support/release-domain.ts";
import { tokens } from "../support/sync-requests.ts";
import { closer, follower, mailer } from "./subscribers.ts";

/** Counts in memory, which an eviction drops, and in SQL, which it keeps. */
export class PlatformObject extends DurableObject {
  #inMemory = 0;

  count(): { readonly inMemory: number; readonly stored: number } {
    const { sql } = this.ctx.storage;
    this.#inMemory += 1;
    sql.exec("create table if not exists counts (id integer primary key)");
    sql.exec("insert into counts default values");
    return { inMemory: this.#inMemory, stored: sql.exec<{ n: number }>("select count(*) as n from counts").one().n };
  }
}

const GUEST_MS = 300;

/** The state of the app's functions, which the tests change. The tests and the Worker share one isolate. */
export const app = {
  /** The actors that `permit` refuses. */
  refused: new Set<string>(),
  /** The actions for which the Worker and the objects called `permit`. */
  permitted: [] as string[],
  /** The release of objects that start from now on. */
  release: "first" as keyof typeof releases,
  /** The requests whose objects fail before they answer. */
  crashes: 0,
  /** The action for which `permit` throws, or null. */
  failing: null as PermitRequest["action"] | null,
  /** The errors that `onError` received. */
  errors: [] as unknown[],
  /** The entries that `onLog` received from the small logs. */
  entries: [] as LogEntry[],
  /** The spans and metrics of the small logs. */
  telemetry: keptTelemetry(),
};

const byToken = bearer({ tokens });
const permit: Permit = ({ actor }, { action }) => {
  app.permitted.push(action);
  return !app.refused.has(actor);
};

/** The token `guest` is a person whose right ends soon, and `guest-until-…` one whose right ends at a time. */
const authorizeGuests: Authorize = (request) => {
  const token = request.headers.get("authorization") ?? "";
  const [, until] = /^Bearer guest-until-(\d+)$/.exec(token) ?? [];
  if (until !== undefined) return { actor: "guest", expiresAt: Number(until) };
  return token === "Bearer guest" ? { actor: "guest", expiresAt: Date.now() + GUEST_MS } : byToken(request);
};

/** A sync server as an app writes it. */
const server = cloudflare({
  domain,
  authorize: authorizeGuests,
  permit,
  admin: ({ actor }) => actor === "ada",
  permitEveryMs: 50,
  onError: (error) => void app.errors.push(error),
});

export const { worker, logs } = server;

export class LogObject extends server.EventLogObject {
  /** The number of objects that the runtime created. */
  static made = 0;
  /** The number of alarms that rang. */
  static rung = 0;
  readonly number = ++LogObject.made;

  override alarm(ring?: { readonly isRetry: boolean }): Promise<void> {
    LogObject.rung++;
    return super.alarm(ring);
  }

  /** Fails after the work of `app.crashes` requests was stored, and before the answer leaves. */
  override async fetch(request: Request): Promise<Response> {
    const response = await super.fetch(request);
    if (app.crashes === 0) return response;
    app.crashes--;
    const { ctx } = this as unknown as { readonly ctx: DurableObjectState };
    await ctx.storage.sync();
    ctx.abort("a crash");
    return response;
  }
}

const small = cloudflare({
  domain,
  authorize: byToken,
  binding: "SMALL_LOGS",
  storageBytesMax: 250_000,
  onError: (error) => void app.errors.push(error),
  onLog: (entry) => void app.entries.push(entry),
  telemetry: app.telemetry.telemetry,
});

/** Without `permit`, and with little room. */
export class SmallLogObject extends small.EventLogObject {}
export const smallWorker = small.worker;

const idle = cloudflare({
  domain,
  authorize: byToken,
  // As an app that reads the right from a database.
  permit: async (principal, request) => {
    if (request.action === "read") await new Promise((resolve) => setTimeout(resolve, 50));
    return permit(principal, request);
  },
  binding: "IDLE_LOGS",
  onError: (error) => void app.errors.push(error),
});

/** With `permit`, and with the default of `permitEveryMs`. */
export class IdleLogObject extends idle.EventLogObject {}
export const idleWorker = idle.worker;
export const idleLogs = idle.logs;

const onError = (error: unknown): void => void app.errors.push(error);
/** Servers whose Worker has a wrong configuration. */
export const secretless = cloudflare({
  domain,
  authorize: byToken,
  binding: "SECRETLESS_LOGS",
  secretName: "MISSING",
  onError,
});
export const keyValue = cloudflare({ domain, authorize: byToken, binding: "KEY_VALUE_LOGS", onError });

export class SecretlessLogObject extends secretless.EventLogObject {}
export class KeyValueLogObject extends keyValue.EventLogObject {}

/** Small limits, for a server on the edge and for one on Node. The token `token-of-x` is the actor x. */
export const limitedOptions = {
  domain,
  authorize: bearer({ verify: (token) => (token.startsWith("token-of-") ? { actor: token.slice(9) } : null) }),
  permit: (_, { action }) => {
    if (action === app.failing) throw new Error("permit is down");
    return true;
  },
  limits: {
    pushCommitsMax: 5,
    pushBytesMax: 50_000,
    requestRate: { perSecond: 0.01, burst: 10 },
    commitRate: { perSecond: 0.01, burst: 12 },
    socketsPerActorMax: 2,
  },
  onError: (error) => void app.errors.push(error),
} satisfies Parameters<typeof cloudflare>[0];

const limited = cloudflare({ ...limitedOptions, binding: "LIMITED_LOGS" });

export class LimitedLogObject extends limited.EventLogObject {}
export const limitedWorker = limited.worker;

const work = cloudflare({
  domain,
  authorize: byToken,
  binding: "WORK_LOGS",
  admin: ({ actor }) => actor === "ada",
  subscribers: [mailer, follower, closer],
  models: [board, columnCounts],
  onError: (error) => void app.errors.push(error),
});

/** With subscribers and read models. */
export class WorkLogObject extends work.EventLogObject {
  /** The alarms that rang, by the name of the log. */
  static readonly rung = new Map<string, number>();

  override alarm(ring?: { readonly isRetry: boolean }): Promise<void> {
    const { ctx } = this as unknown as { readonly ctx: DurableObjectState };
    const log = ctx.id.name ?? "";
    WorkLogObject.rung.set(log, (WorkLogObject.rung.get(log) ?? 0) + 1);
    return super.alarm(ring);
  }
}
export const workWorker = work.worker;
export const workLogs = work.logs;

/** The total of each order. */
export const orderTotals = projection("order-totals", {
  version: 1,
  from: [order],
  initial: 0,
  on: { OrderPlaced: (_, { data }) => data.total },
});

/** A server on the edge with a SQL model and another one. */
const orders = cloudflare({
  domain: ordersDomain,
  authorize: byToken,
  binding: "ORDER_LOGS",
  models: [invoices, orderTotals],
  onError: (error) => void app.errors.push(error),
});

export class OrderLogObject extends orders.EventLogObject {}
export const orderLogs = orders.logs;

/** All that follows a log, in an object with little room: a strong model, a read model, subscribers and bases. */
const full = cloudflare({
  domain: defineDomain({ version: 1, aggregates: [task, column, order], projections: [board] }),
  authorize: byToken,
  binding: "FULL_LOGS",
  storageBytesMax: 2_000_000,
  subscribers: [mailer, closer],
  models: [strong(invoices), board],
  base: BASE_OPTION,
  onError: (error) => void app.errors.push(error),
});

export class FullLogObject extends full.EventLogObject {}
export const fullWorker = full.worker;
export const fullLogs = full.logs;

/** A server on the edge that makes bases of small logs. */
const withBases = cloudflare({
  domain,
  authorize: byToken,
  binding: "BASE_LOGS",
  base: BASE_OPTION,
  limits: BASE_LIMITS,
  onError: (error) => void app.errors.push(error),
});

export class BaseLogObject extends withBases.EventLogObject {}
export const baseWorker = withBases.worker;
export const baseLogs = withBases.logs;

const release = (name: "first" | "second" | "third") =>
  cloudflare({
    domain: releases[name],
    authorize: byToken,
    permit,
    binding: "RELEASE_LOGS",
    onError: (error) => void app.errors.push(error),
  });

/** Three releases of one app. Each has its own Worker, and all share the objects. */
export const releaseServers = { first: release("first"), second: release("second"), third: release("third") };

/** An object of the release `app.release`. As after a deploy, it changes at its next start. */
export class ReleaseLogObject extends DurableObject {
  readonly #object = new releaseServers[app.release].EventLogObject(this.ctx as never, this.env as never);

  override fetch(request: Request) {
    return this.#object.fetch(request);
  }
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) {
    return this.#object.webSocketMessage(socket, message);
  }
  override webSocketClose(socket: WebSocket) {
    this.#object.webSocketClose(socket);
  }
  override webSocketError(socket: WebSocket) {
    this.#object.webSocketError(socket);
  }
  override alarm(ring?: { readonly isRetry: boolean }) {
    return this.#object.alarm(ring);
  }
  drop(log: string) {
    return this.#object.drop(log);
  }
  importLog(log: string, archive: LogArchive) {
    return this.#object.importLog(log, archive);
  }
}

export default worker satisfies ExportedHandler<Cloudflare.Env>;
