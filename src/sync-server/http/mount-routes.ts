/** Mounts the routes of the protocol on a Hono app: one line for each path. */
import { Hono, type HonoRequest } from "hono";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import { ADMIN_ROUTES, answerAdmin } from "./admin-routes.ts";
import { getBase, getBasePage } from "./get-base.ts";
import { getRows } from "./get-rows.ts";
import type { OriginRule } from "./origins.ts";
import type { ResponseBody } from "./metered-response.ts";
import { exchangeOf, keptBody } from "./raw-exchange.ts";
import type { Responder } from "./responder.ts";
import {
  getExport,
  getLog,
  getReadiness,
  getRecords,
  getStream,
  postCommits,
  postTicket,
  type RouteContext,
} from "./routes.ts";

/** A page of a base never changes, and stays for ten minutes. No shared cache keeps it, because it needs a right. */
const IMMUTABLE = "private, max-age=600, immutable";

export function mountRoutes(
  context: RouteContext,
  { respond }: Responder,
  origins: OriginRule,
  isClosing: () => boolean,
): Hono {
  const app = new Hono();
  /** Answers a request about a log. The answer names the server. */
  const answer = (req: HonoRequest, route: () => Promise<ResponseBody>, how?: Parameters<Responder["respond"]>[2]) => {
    const log = req.param("log");
    return respond(req.raw, route, { ...how, serverId: context.serverId, ...(log !== undefined && { log }) });
  };
  const refuse = (code: "upgrade-required" | "not-found") => () => Promise.reject(new HttpRefusal(code));
  app.get("/logs/:log", ({ req }) => answer(req, () => getLog(context, req.raw, req.param("log"))));
  app.post("/logs/:log/commits", ({ req, env }) => {
    const exchange = exchangeOf(env);
    return answer(req, () => postCommits(context, req.raw, req.param("log"), keptBody(req) ?? exchange), {
      exchange,
    });
  });
  app.get("/logs/:log/records", ({ req }) => answer(req, () => getRecords(context, req.raw, req.param("log"))));
  app.get("/logs/:log/streams/:type/:id", ({ req }) =>
    answer(req, () => getStream(context, req.raw, req.param("log"), `${req.param("type")}/${req.param("id")}`)),
  );
  app.get("/logs/:log/rows/:model", ({ req }) =>
    answer(req, () => getRows(context, req.raw, req.param("log"), req.param("model"))),
  );
  app.get("/logs/:log/base", ({ req }) => answer(req, () => getBase(context, req.raw, req.param("log"))));
  app.get("/logs/:log/base/:cursor/:n", ({ req }) =>
    answer(req, () => getBasePage(context, req.raw, req.param("log"), req.param()), {
      cacheControl: IMMUTABLE,
    }),
  );
  app.get("/logs/:log/export", ({ req }) =>
    answer(req, () => getExport(context, req.raw, req.param("log")), { contentType: "application/x-ndjson" }),
  );
  app.post("/logs/:log/tickets", ({ req }) => answer(req, () => postTicket(context, req.raw, req.param("log"))));
  if (context.hasAdmin)
    for (const kind of ["models", "subscribers", "processes"] as const)
      for (const [method, path] of ADMIN_ROUTES)
        app.on(method, `/logs/:log/${kind}${path}`, ({ req, env }) =>
          answer(req, () => {
            const place = { kind, ...req.param() };
            return answerAdmin(context, req.raw, place, keptBody(req) ?? exchangeOf(env));
          }),
        );
  app.get("/logs/:log/live", ({ req }) => answer(req, refuse("upgrade-required")));
  app.options("/logs/*", ({ req }) => {
    try {
      return origins.preflight(req.raw);
    } catch (error) {
      return errorResponse(error);
    }
  });
  app.all("/logs/*", ({ req }) => answer(req, refuse("not-found")));
  app.get("/healthz", ({ req }) => respond(req.raw, async () => `{"status":"ok"}`));
  app.get("/readyz", ({ req }) => respond(req.raw, () => getReadiness(context, isClosing())));
  return app;
}

/** An app with only a sync server, under a prefix. All other paths get an answer that no cache keeps. */
export function mountAt(prefix: string, server: Hono): Hono {
  return new Hono().route(prefix, server).notFound(() => errorResponse(new HttpRefusal("not-found")));
}
