/**
 * The sync server as a Hono app, to mount in yours or to serve as it is.
 *
 * Place: the composition of the server: it chooses nothing but what it is given, and puts the parts together. `node` and
 * `cloudflare` add what a runtime brings: listening, upgrading sockets.
 */
import { Hono } from "hono";
import type { DomainDefinition } from "../core/domain/definition.ts";
import { createAdmission } from "./access/admission.ts";
import type { Authorize, Permit } from "./access/authorize.ts";
import { createMemoryBudget } from "./base/memory-budget.ts";
import { type Env, runtimeEnv, wait } from "./base/env.ts";
import { type Exchange, exchangeOf } from "./http/raw-exchange.ts";
import { errorResponse, HttpRefusal } from "./base/http-refusal.ts";
import { SERVER_LIMITS, type ServerLimits } from "./base/limits.ts";
import { createLiveGate, type LiveGate } from "./live/upgrade-gate.ts";
import { createLiveHub, type LiveHub } from "./live/hub.ts";
import { createLogWriter } from "./writer/log-writer.ts";
import { createOriginRule } from "./http/origins.ts";
import { type ImportedLog, importLog } from "./archive/import-log.ts";
import { createReporter } from "./base/report-error.ts";
import { requireOptions } from "./access/require-options.ts";
import {
  type ResponseBody,
  getExport,
  getLog,
  getRecords,
  getStream,
  postCommits,
  postTicket,
  type RouteContext,
} from "./http/routes.ts";
import type { EventStore } from "./stores/event-store.ts";
import { createTickets } from "./access/tickets.ts";

export { bearer } from "./access/authorize.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { Env } from "./base/env.ts";
export type { ImportedLog } from "./archive/import-log.ts";
export type { LiveGate, LiveOpening } from "./live/upgrade-gate.ts";
export type { LiveAttachment, LiveConnection, LiveSocket } from "./live/server-socket.ts";
export type { Rate, ServerLimits } from "./base/limits.ts";

export type SyncServerOptions = {
  readonly domain: { readonly definition: DomainDefinition };
  /** Where the logs are kept. The server takes it over: `close` closes it. */
  readonly store: EventStore;
  /** Tells who sends a request. */
  readonly authorize: Authorize;
  /** Tells what they may do. Without it, whoever `authorize` lets in may read and write every log. */
  readonly permit?: Permit;
  /** Origins of the pages that may talk to this server, such as `https://example.org`. Left out: those of its own origin. */
  readonly origins?: readonly string[];
  readonly limits?: Partial<ServerLimits>;
  /** At least 16 random characters that all nodes share, so that a ticket from one opens a socket on another. */
  readonly ticketSecret?: string;
  /** Told of failures, which clients see only as "the server failed". */
  readonly onError?: (error: unknown) => void;
  /** False: live sockets without timers, for a runtime that sleeps between events and watches its sockets itself. */
  readonly liveTicks?: boolean;
  readonly env?: Env;
};

export type SyncServer = Hono & {
  /** For runtimes: the door of live sockets, and what a socket that outlived a restart goes back into. */
  readonly live: LiveGate & Pick<LiveHub, "resume" | "watch">;
  /** Says that a log may have gone on elsewhere, such as on another node: its sockets are served at once, not within seconds. */
  readonly poke: (log: string) => void;
  /** Deletes a log for good: its name stays taken, its readers are told `gone`. */
  readonly drop: (log: string) => Promise<void>;
  /**
   * Writes an exported log into a log of its name that has no records yet: the same records, positions and marks, so that devices go
   * on as if nothing had been. The archive is checked whole, in memory, and written in one step; a log that has records is never touched.
   */
  readonly importLog: (log: string, lines: AsyncIterable<string> | Iterable<string>) => Promise<ImportedLog>;
  /** Stops taking pushes, ends those under way, shows out live sockets, closes the store. */
  readonly close: () => Promise<void>;
};

/** Requests that still read when the server closes have this long. */
const CLOSE_MS_MAX = 2_000;
const CLOSE_STEP_MS = 10;

/**
 * Makes a sync server.
 *
 * @example
 * app.route("/sync", syncServer({ domain, store: sqlite("logs.db"), authorize: bearer({ tokens }) }));
 */
export function syncServer(options: SyncServerOptions): SyncServer {
  requireOptions(options);
  const { store, authorize, permit = () => true, env = runtimeEnv, onError, liveTicks: ticks = true } = options;
  const domain = options.domain.definition;
  const report = createReporter(onError);
  const limits: ServerLimits = { ...SERVER_LIMITS, ...options.limits };
  const admission = createAdmission({ authorize, permit, limits, env, report });
  const tickets = createTickets(env, options.ticketSecret);
  const hub = createLiveHub({ store, limits, env, report, ticks, checkReader: admission.checkReader });
  const writer = createLogWriter({ domain, store, permit, limits, env, report, onAppended: hub.publish });
  const reading = createMemoryBudget({ allMax: limits.readingBytesMax, eachMax: limits.readingBytesPerActorMax });
  const answering = createMemoryBudget({ allMax: limits.answeringBytesMax, eachMax: limits.answeringBytesPerActorMax });
  const context: RouteContext = { domain, store, limits, writer, admission, tickets, reading, answering, env, report };
  const origins = createOriginRule(options.origins);
  let closing = false;
  let closed = false;
  const gate = createLiveGate({ origins, tickets, admission, hub, report, isClosing: () => closing });

  let underWay = 0;
  const answer = async (
    request: Request,
    run: () => Promise<ResponseBody>,
    type = "application/json",
    exchange: Exchange | null = null,
  ): Promise<Response> => {
    let allowed: Readonly<Record<string, string>> = {};
    underWay++;
    try {
      if (closed) throw new HttpRefusal("restarting");
      allowed = origins.check(request);
      const body = await run();
      // Nobody reads what follows the headers then.
      if (request.method === "HEAD" && body instanceof ReadableStream) await body.cancel();
      const headers = { "content-type": type, "cache-control": "no-store", ...allowed };
      if (exchange && typeof body === "string") return exchange.answer(body, headers);
      return new Response(request.method === "HEAD" ? null : body, { headers });
    } catch (error) {
      if (!(error instanceof HttpRefusal)) report(error);
      const response = errorResponse(error);
      for (const [name, value] of Object.entries(allowed)) response.headers.set(name, value);
      return response;
    } finally {
      underWay--;
    }
  };

  const app = new Hono();
  app.get("/logs/:log", ({ req }) => answer(req.raw, () => getLog(context, req.raw, req.param("log"))));
  app.post("/logs/:log/commits", ({ req, env: bindings }) => {
    const exchange = exchangeOf(bindings);
    return answer(
      req.raw,
      () => postCommits(context, req.raw, req.param("log"), exchange),
      "application/json",
      exchange,
    );
  });
  app.get("/logs/:log/records", ({ req }) => answer(req.raw, () => getRecords(context, req.raw, req.param("log"))));
  app.get("/logs/:log/streams/:type/:id", ({ req }) =>
    answer(req.raw, () => getStream(context, req.raw, req.param("log"), `${req.param("type")}/${req.param("id")}`)),
  );
  app.get("/logs/:log/export", ({ req }) =>
    answer(req.raw, () => getExport(context, req.raw, req.param("log")), "application/x-ndjson"),
  );
  app.post("/logs/:log/tickets", ({ req }) => answer(req.raw, () => postTicket(context, req.raw, req.param("log"))));
  app.get("/logs/:log/live", ({ req }) => answer(req.raw, () => Promise.reject(new HttpRefusal("upgrade-required"))));
  app.options("/logs/*", ({ req }) => {
    try {
      return origins.preflight(req.raw);
    } catch (error) {
      return errorResponse(error);
    }
  });
  app.all("/logs/*", ({ req }) => answer(req.raw, () => Promise.reject(new HttpRefusal("not-found"))));
  app.get("/healthz", ({ req }) => answer(req.raw, async () => `{"status":"ok"}`));
  app.get("/readyz", ({ req }) =>
    answer(req.raw, async () => {
      if (closing) throw new HttpRefusal("restarting");
      // A log of this name need not be there: that the store can answer is what matters.
      await store.head("readyz").catch((error: unknown) => {
        report(error);
        throw new HttpRefusal("unavailable");
      });
      return `{"status":"ready"}`;
    }),
  );

  const close = async (): Promise<void> => {
    closing = true;
    await writer.close();
    hub.end("restarting");
    for (let waited = 0; underWay > 0 && waited < CLOSE_MS_MAX; waited += CLOSE_STEP_MS) await wait(env, CLOSE_STEP_MS);
    closed = true;
    await store.close();
  };
  let ended: Promise<void> | null = null;

  return Object.assign(app, {
    live: { open: gate.open, resume: hub.resume, watch: hub.watch },
    poke: hub.poke,
    drop: async (log: string) => {
      await store.drop(log);
      hub.end("gone", log);
    },
    importLog: async (log: string, lines: AsyncIterable<string> | Iterable<string>) => {
      const imported = await importLog(store, log, lines);
      hub.poke(log);
      return imported;
    },
    close: () => (ended ??= close()),
  });
}
