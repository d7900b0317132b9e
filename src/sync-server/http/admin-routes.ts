/**
 * The routes of an operator: read models, subscribers and processes of a log, as JSON.
 *
 * Guarantees (admin-routes.test.ts):
 * - Each request calls `admin`. Without the option `admin` no route exists.
 * - A verb of a job starts it and does not wait for its end. `GET` shows its progress.
 */
import { DacapoError } from "../../core/values/errors.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import { fail, list, literal, parseText, type Reader, shape, text } from "../../core/wire/reader.ts";
import { ADMIN_VERBS, type AdminKind, type AdminPlace, type AdminRequest, adminRequest } from "../access/admin.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { LogModels } from "../server-log/log-models.ts";
import type { ServerLog } from "../server-log/server-log.ts";
import type { CallsByName } from "../subscribers/follower-in-log.ts";
import { readJsonText } from "./read-body.ts";
import { readQuery } from "./read-query.ts";
import type { BodySource } from "./raw-exchange.ts";
import type { RouteContext } from "./routes.ts";
import { wholeNumber } from "./whole-number.ts";

/** The methods and the paths behind `/logs/:log/models`, `/logs/:log/subscribers` and `/logs/:log/processes`. */
export const ADMIN_ROUTES: readonly (readonly [method: "GET" | "POST", path: string])[] = [
  ["GET", ""],
  ["GET", "/:name"],
  ["GET", "/:name/:last"],
  ["POST", "/:name/:last"],
];

const BODY_BYTES_MAX = 64 * 1024;
/** Streams in one request. */
const STREAMS_MAX = 1_000;
/** Event ids in one request. */
const EVENTS_MAX = 1_000;

const eventId = text(64);
const share: Reader<number> = (value, path) =>
  typeof value === "number" && value > 0 && value <= 1 ? value : fail(path, "is not above 0 and at most 1");
/** An object with these fields. A misspelled one is refused, because the verb would do something else without it. */
const fields: typeof shape = (needed, optional) => {
  const names = [...Object.keys(needed), ...Object.keys(optional ?? {})];
  const read = shape(needed, optional);
  return (value, path) => {
    if (typeof value === "object" && value !== null && Object.keys(value).some((name) => !names.includes(name)))
      fail(path, `has an unknown field. The known ones are ${names.join(", ")}`);
    return read(value, path);
  };
};
const BODIES = {
  job: fields({}, { onError: literal("park", "stop"), duty: share }),
  populate: fields({}, { onError: literal("park", "stop"), duty: share, streams: list(text(512), STREAMS_MAX, 1) }),
  verify: fields({}, { duty: share }),
  delete: fields({ key: text(4_096) }),
  retryOne: fields({ event: eventId }),
  retryEvents: fields({}, { events: list(eventId, EVENTS_MAX, 1) }),
  retryIds: fields({}, { ids: list(eventId, EVENTS_MAX, 1) }),
  skipEvent: fields({ event: eventId, reason: text(1_000) }),
  skipId: fields({ id: eventId, reason: text(1_000) }),
  reset: fields({ effects: literal("repeat") }, { from: literal("beginning"), cursor: text(128) }),
};

export async function answerAdmin(
  context: RouteContext,
  request: Request,
  place: AdminPlace & { readonly log?: string },
  source: BodySource | null,
): Promise<string> {
  const { log = "" } = place;
  const right = adminRequest(request.method, log, place);
  if (!right) throw new HttpRefusal("not-found", { message: unknownVerb(place) });
  const { actor } = await context.admission.operator(request, right);
  const body = request.method === "POST" ? await readBody(context, request, actor, source) : "{}";
  const server = context.log(log);
  try {
    const query = readQuery(request, right.verb === "commands" ? ["after", "limit"] : []);
    return JSON.stringify(await answerOf(server, place.kind, right, query, body));
  } catch (error) {
    throw refusalOf(error);
  }
}

async function answerOf(
  log: ServerLog,
  kind: AdminKind,
  { verb, model, subscriber, process }: AdminRequest,
  query: URLSearchParams,
  body: string,
): Promise<unknown> {
  if (verb === "list") return { [kind]: await log[kind].list() };
  if (model !== undefined) return modelAnswer(log.models, model, verb, body);
  if (verb === "commands" && process !== undefined) {
    const after = query.get("after");
    const limit = wholeNumber(query.get("limit"), "limit", 1);
    const page = { ...(after !== null && { after }), ...(limit !== null && { limit }) };
    return { commands: await log.processes.commands(process, page) };
  }
  return process === undefined
    ? followerAnswer(log.subscribers, SUBSCRIBER_WORDS, subscriber ?? "", verb, body)
    : followerAnswer(log.processes, PROCESS_WORDS, process, verb, body);
}

/** True if a request has a body. Most verbs need none. */
export function hasBody({ headers }: Request): boolean {
  return headers.get("content-type") !== null || Number(headers.get("content-length") ?? 0) > 0;
}

/** Reads the body of a verb. A request without a body has no options. */
async function readBody(
  { reading, env }: RouteContext,
  request: Request,
  actor: string,
  source: BodySource | null,
): Promise<string> {
  if (!hasBody(request)) return "{}";
  const { text: body } = await readJsonText(request, source, BODY_BYTES_MAX, reading.of(actor), env.nextTurn);
  return body === "" ? "{}" : body;
}

async function modelAnswer(
  models: LogModels,
  model: string,
  verb: AdminRequest["verb"],
  body: string,
): Promise<unknown> {
  if (verb === "retry") {
    const { outcome, reason } = await models.retry(model, parsed(BODIES.retryOne, body).event);
    return { ...(await models.status(model)), retried: { outcome, reason } };
  }
  if (verb === "populate") {
    const { streams, ...how } = parsed(BODIES.populate, body);
    const populated = streams && { streams, parked: await models.populateStreams(model, streams) };
    if (!streams) await models.populate(model, how);
    return { ...(await models.status(model)), ...(populated && { populated }) };
  }
  await doModelVerb(models, model, verb, body);
  return verb === "parked" ? { parked: await models.parked(model) } : models.status(model);
}

async function doModelVerb(models: LogModels, model: string, verb: AdminRequest["verb"], body: string): Promise<void> {
  switch (verb) {
    case "rebuild":
      await models.rebuild(model, parsed(BODIES.job, body));
      return;
    case "verify":
      await models.startVerify(model, parsed(BODIES.verify, body));
      return;
    case "purge":
      return models.purge(model);
    case "delete":
      return models.delete(model, parsed(BODIES.delete, body).key);
    case "pause":
    case "resume":
    case "cancel": {
      const job = await models.job(model);
      if (!job) throw new HttpRefusal("concurrency", { message: `The model ${model} has no job that could ${verb}.` });
      return job[verb]();
    }
  }
}

/** Reads the bodies of `retry` and `skip`. A subscriber has events, and a process manager also has commands. */
type FollowerWords = {
  readonly noun: string;
  readonly retry: (body: string) => readonly string[] | undefined;
  readonly skip: (body: string) => { readonly id: string; readonly reason: string };
};

const SUBSCRIBER_WORDS: FollowerWords = {
  noun: "subscriber",
  retry: (body) => parsed(BODIES.retryEvents, body).events,
  skip: (body) => {
    const { event, reason } = parsed(BODIES.skipEvent, body);
    return { id: event, reason };
  },
};

const PROCESS_WORDS: FollowerWords = {
  noun: "process manager",
  retry: (body) => parsed(BODIES.retryIds, body).ids,
  skip: (body) => parsed(BODIES.skipId, body),
};

async function followerAnswer(
  calls: CallsByName,
  words: FollowerWords,
  name: string,
  verb: AdminRequest["verb"],
  body: string,
): Promise<unknown> {
  if (verb === "parked") return { parked: await calls.parked(name) };
  const retried = await doFollowerVerb(calls, words, name, verb, body);
  const status = (await calls.list()).find((one) => one.name === name);
  if (!status) throw new HttpRefusal("not-found", { message: `The server has no ${words.noun} ${name}.` });
  return { ...status, ...(retried !== null && { retried }) };
}

/** Returns the number of retried events and commands. Null: the verb retries none. */
async function doFollowerVerb(
  calls: CallsByName,
  words: FollowerWords,
  name: string,
  verb: AdminRequest["verb"],
  body: string,
): Promise<number | null> {
  if (verb === "retry") return calls.retry(name, words.retry(body));
  if (verb === "pause") await calls.pause(name);
  else if (verb === "resume") await calls.resume(name);
  else if (verb === "skip") {
    const { id, reason } = words.skip(body);
    await calls.skip(name, id, reason);
  } else if (verb === "reset") {
    const { cursor, from, effects } = parsed(BODIES.reset, body);
    if ((cursor === undefined) === (from === undefined))
      throw new HttpRefusal("bad-request", { message: "Send either `from` or `cursor` in the body." });
    await calls.reset(name, { from: cursor === undefined ? "beginning" : { cursor }, effects });
  }
  return null;
}

function parsed<T>(reader: Reader<T>, body: string): T {
  const read = parseText(reader, body);
  if (read.ok) return read.value;
  throw new HttpRefusal("bad-request", { message: `The body is not valid: ${describeProblem(read.problem)}.` });
}

function unknownVerb({ kind, last }: AdminPlace): string {
  return `There is no ${JSON.stringify(last ?? "")} of ${kind}. The verbs are ${ADMIN_VERBS[kind].join(", ")}.`;
}

/** The known errors of the calls, as refusals. An operator may read their texts. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof DacapoError)) return error;
  const message = `${error.message}. ${error.fix}`;
  switch (error.code) {
    case "invalid":
    case "not-by-stream":
      return new HttpRefusal("bad-request", { message });
    case "definition":
      return new HttpRefusal("not-found", { message });
    case "concurrency":
    case "gone":
    case "diverged":
    case "rows-building":
    case "rows-not-populated":
    case "storage-full":
      return new HttpRefusal(error.code, { message });
    case "unreachable":
      return new HttpRefusal("unavailable", { message });
    default:
      return error;
  }
}
