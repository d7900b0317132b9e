/**
 * The HTTP routes of the protocol: one function for each request, from its checks to the text of its response.
 *
 * Guarantees:
 * - Nothing is done for a request before it is admitted (http.limits.test.ts).
 * - A refusal contains nothing of the request but a wrong name (sync-server.no-secrets-in-logs.test.ts).
 * - Records leave as the stored texts (S7).
 */
import { parseStream } from "../../core/values/names.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Admission } from "../access/admission.ts";
import { msUntilEnd, requireSmallPrincipal } from "../access/authorize.ts";
import { callWithinTime } from "../base/app-timeout.ts";
import { answerInfo, answerPull, answerPush } from "./push-pull.ts";
import { readJsonText } from "./read-body.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import type { Env } from "../base/env.ts";
import type { Observer } from "../base/observer.ts";
import type { BodySource } from "./raw-exchange.ts";
import { exportLog } from "../archive/export-log.ts";
import { meteredResponse, type ResponseBody } from "./metered-response.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { LogWriter } from "../writer/log-writer.ts";
import { readCursor } from "./read-cursor.ts";
import type { EventStore } from "../stores/event-store.ts";
import { TICKET_MS_MAX, type Tickets } from "../access/tickets.ts";
import type { Bases } from "../bases/bases.ts";
import type { ReadRows } from "../read-models/read-rows.ts";
import type { ServerLog } from "../server-log/server-log.ts";
import { wholeNumber } from "./whole-number.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";

export type RouteContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  /** The id by which devices recognize this server. */
  readonly serverId: () => Promise<string>;
  readonly limits: ServerLimits;
  readonly admission: Admission;
  readonly writer: LogWriter;
  readonly tickets: Tickets;
  /** Memory of request bodies while they are read. */
  readonly reading: MemoryBudget;
  /** Memory of responses until their readers have taken them. */
  readonly answering: MemoryBudget;
  readonly rows: ReadRows;
  readonly bases: Pick<Bases, "newest" | "page">;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly observer: Observer;
  /** A log for the code of the server. */
  readonly log: (name: LogName) => ServerLog;
  /** True: the server has the routes of an operator. */
  readonly hasAdmin: boolean;
};

/** `GET /logs/:log`: the head of the log, and the limits of the server. */
export async function getLog(context: RouteContext, request: Request, log: LogName): Promise<string> {
  await context.admission.reader(request, log);
  return answerInfo(context, log);
}

/** `POST /logs/:log/commits`: a push. */
export async function postCommits(
  context: RouteContext,
  request: Request,
  log: LogName,
  source: BodySource | null,
): Promise<ResponseBody> {
  const { admission, limits, reading, answering, env, observer } = context;
  return observer.run("push", request, { log }, async (step) => {
    const principal = await admission.reader(request, log);
    const body = await readJsonText(request, source, limits.pushBytesMax, reading.of(principal.actor), env.nextTurn);
    step.set({ actor: principal.actor, bytes: body.bytes });
    step.record("io", body.bytes, { "network.io.direction": "receive" });
    const answer = await answerPush(context, principal, log, body, step);
    observer.recordSent(answer);
    return meteredResponse(request, answer, answering.of(principal.actor));
  });
}

/** `GET /logs/:log/records?after=C&limit=N&bytes=B`: a page of records. */
export async function getRecords(context: RouteContext, request: Request, log: LogName): Promise<ResponseBody> {
  const { admission, answering, limits, observer } = context;
  return observer.run("pull", request, { log }, async () => {
    const { actor } = await admission.reader(request, log);
    const query = new URL(request.url).searchParams;
    const events = wholeNumber(query.get("limit"), "limit", 1) ?? limits.pageEventsMax;
    const bytes = wholeNumber(query.get("bytes"), "bytes", 1) ?? undefined;
    const answer = await answerPull(context, log, readCursor(query.get("after")), events, bytes);
    observer.recordSent(answer);
    return meteredResponse(request, answer, answering.of(actor));
  });
}

/** `GET /logs/:log/streams/:type/:id?after=V`: a page of the records with events of a stream. */
export async function getStream(
  { admission, answering, store, limits }: RouteContext,
  request: Request,
  log: LogName,
  stream: StreamName,
): Promise<ResponseBody> {
  const { actor } = await admission.reader(request, log);
  if (!parseStream(stream).ok)
    throw new HttpRefusal("bad-request", { message: "The path contains an invalid stream name" });
  const after = wholeNumber(new URL(request.url).searchParams.get("after"), "after", 0) ?? 0;
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const records = await store.readStream(log, stream, after, {
    events: limits.pageEventsMax,
    bytes: limits.pageBytesMax,
  });
  const version = records.at(-1)?.streams.find((written) => written.stream === stream)?.last ?? after;
  const following = records.length === 0 ? [] : await store.readStream(log, stream, version, { events: 1, bytes: 1 });
  const page = `{"stream":${JSON.stringify(stream)},"after":${after},"records":[${records.map(({ text }) => text).join(",")}],"version":${version},"more":${following.length > 0}}`;
  return meteredResponse(request, page, answering.of(actor));
}

/** `GET /logs/:log/export`: the whole log as NDJSON, while its reader may read it. */
export async function getExport(
  context: RouteContext,
  request: Request,
  log: LogName,
): Promise<ReadableStream<Uint8Array>> {
  const principal = await context.admission.reader(request, log);
  return exportLog({
    ...context,
    log,
    begin: () => context.observer.begin("export", request, { log, actor: principal.actor }),
    share: context.answering.of(principal.actor),
    checkReader: () => context.admission.checkReader(principal, log),
  });
}

/** `POST /logs/:log/tickets`: a one-use ticket for a live socket. */
export async function postTicket(
  { admission, tickets, env }: Pick<RouteContext, "admission" | "tickets" | "env">,
  request: Request,
  log: LogName,
): Promise<string> {
  const principal = await admission.reader(request, log);
  requireSmallPrincipal(principal);
  const tokenExpiresInMs = msUntilEnd(principal, env.now());
  return JSON.stringify({
    ticket: await tickets.issue(log, principal),
    expiresInMs: TICKET_MS_MAX,
    ...(tokenExpiresInMs !== null && { tokenExpiresInMs }),
  });
}

/** `GET /readyz`: whether the server accepts requests and its store answers. */
export async function getReadiness({ store, env, report }: RouteContext, isClosing: boolean): Promise<string> {
  if (isClosing) throw new HttpRefusal("restarting");
  // No log of this name needs to exist. The check is whether the store answers.
  const answered = async () => callWithinTime(env, "The store", () => store.head("readyz"));
  await answered().catch((error: unknown) => {
    report(error);
    throw new HttpRefusal("unavailable");
  });
  return `{"status":"ready"}`;
}
