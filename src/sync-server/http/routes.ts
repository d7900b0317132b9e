/**
 * The HTTP side of the protocol: one function a request, each from its checks to the text of its answer.
 *
 * Place: `app` hangs them under their paths; the log writer decides, the store reads.
 * Holds: nothing is done for a request that was not admitted; what a refused request sent is not in the answer; records
 * leave as the texts that are stored.
 */
import { PROTOCOL_VERSION } from "../../core/wire/messages.ts";
import { encodeCursor, positionOf } from "../../core/history/record.ts";
import { parseStream } from "../../core/values/names.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Admission } from "../access/admission.ts";
import { answerPull, answerPush } from "./push-pull.ts";
import { readJsonText } from "./read-body.ts";
import type { MemoryBudget } from "../base/memory-budget.ts";
import type { Env } from "../base/env.ts";
import type { Exchange } from "./raw-exchange.ts";
import { exportLog } from "../archive/export-log.ts";
import { meteredResponse } from "./metered-response.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { exceedsBytes, type ServerLimits, wireLimits } from "../base/limits.ts";
import type { LogWriter } from "../writer/log-writer.ts";
import { readCursor } from "./read-cursor.ts";
import type { EventStore } from "../stores/event-store.ts";
import { TICKET_MS_MAX, type Tickets } from "../access/tickets.ts";

export type RouteContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly admission: Admission;
  readonly writer: LogWriter;
  readonly tickets: Tickets;
  /** Of bodies while they are read, and of answers until they are taken. */
  readonly reading: MemoryBudget;
  readonly answering: MemoryBudget;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

/** A whole text, or one that leaves as it is taken. */
export type ResponseBody = string | ReadableStream<Uint8Array>;

/** Bytes of a principal that a ticket and a socket carry. */
const PRINCIPAL_BYTES_MAX = 1024;

/** `GET /logs/:log` */
export async function getLog(
  { admission, store, domain, limits }: RouteContext,
  request: Request,
  log: string,
): Promise<string> {
  await admission.reader(request, log);
  const head = await store.head(log);
  if (head.kind === "gone") throw new HttpRefusal("gone");
  const cursor = head.kind === "open" ? head.cursor : null;
  return JSON.stringify({
    protocol: PROTOCOL_VERSION,
    cursor: cursor && encodeCursor(cursor),
    head: positionOf(cursor),
    domain: domain.version,
    limits: wireLimits(limits),
  });
}

/** `POST /logs/:log/commits` */
export async function postCommits(
  context: RouteContext,
  request: Request,
  log: string,
  exchange: Exchange | null,
): Promise<ResponseBody> {
  const { admission, limits, reading, answering } = context;
  const principal = await admission.reader(request, log);
  const body = await readJsonText(request, exchange, limits.pushBytesMax, reading.of(principal.actor));
  return meteredResponse(await answerPush(context, principal, log, body), answering.of(principal.actor));
}

/** `GET /logs/:log/records?after=C&limit=N` */
export async function getRecords(context: RouteContext, request: Request, log: string): Promise<ResponseBody> {
  const { actor } = await context.admission.reader(request, log);
  const query = new URL(request.url).searchParams;
  const events = wholeNumber(query.get("limit"), "limit", 1) ?? context.limits.pageEventsMax;
  return meteredResponse(
    await answerPull(context, log, readCursor(query.get("after")), events),
    context.answering.of(actor),
  );
}

/** `GET /logs/:log/streams/:type/:id?after=V`: the records that hold events of a stream. */
export async function getStream(
  { admission, answering, store, limits }: RouteContext,
  request: Request,
  log: string,
  stream: string,
): Promise<ResponseBody> {
  const { actor } = await admission.reader(request, log);
  if (!parseStream(stream).ok) throw new HttpRefusal("bad-request", { message: "This is not the name of a stream" });
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
  return meteredResponse(page, answering.of(actor));
}

/** `GET /logs/:log/export`: the whole log as NDJSON, as long as its reader may read it. */
export async function getExport(
  context: RouteContext,
  request: Request,
  log: string,
): Promise<ReadableStream<Uint8Array>> {
  const principal = await context.admission.reader(request, log);
  return exportLog({
    ...context,
    log,
    share: context.answering.of(principal.actor),
    checkReader: () => context.admission.checkReader(principal, log),
  });
}

/** `POST /logs/:log/tickets` */
export async function postTicket({ admission, tickets }: RouteContext, request: Request, log: string): Promise<string> {
  const principal = await admission.reader(request, log);
  const plain = JSON.stringify(principal);
  // What cannot travel in a ticket is a mistake of the app, not of the sender.
  if (exceedsBytes(plain, PRINCIPAL_BYTES_MAX))
    throw new Error(`authorize gave a principal of more than ${PRINCIPAL_BYTES_MAX} bytes`);
  return JSON.stringify({ ticket: await tickets.issue(log, principal), expiresInMs: TICKET_MS_MAX });
}

function wholeNumber(text: string | null, name: string, min: number): number | null {
  if (text === null) return null;
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : -1;
  if (number < min) throw new HttpRefusal("bad-request", { message: `\`${name}\` is not a whole number from ${min}` });
  return number;
}
