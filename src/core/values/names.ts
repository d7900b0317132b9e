/**
 * Names of streams, such as `task/t1`, and of their parts: aggregates, projections, events, commands and ids.
 *
 * Guarantees (test: `names.test.ts`):
 * - All names are ASCII, so that a length in characters is a length in bytes.
 * - A name is never a path, because URL parsers remove `.` and `..`.
 * - A name needs no escaping in a URL.
 * - A stream's name has exactly one `/`, so that it has one aggregate and one id.
 */
import { ValidationError } from "./errors.ts";
import { type Parsed, refuseValue } from "./parsed.ts";
import { refuseDefinition } from "./refuse.ts";

/** The largest number of bytes in the id of a stream. */
export const STREAM_ID_BYTES_MAX = 200;

const STREAM = /^[a-z][a-z0-9-]{0,63}\/(?!\.{1,2}$)[A-Za-z0-9._~:@-]{1,200}$/;
const TYPE = /^[a-z][a-z0-9-]{0,63}$/;
const ID = /^[A-Za-z0-9._~:@-]{1,200}$/;
const WORD = /^[A-Za-z][A-Za-z0-9_-]{0,127}$/;

/** The parts of a stream's name. `type` is the name of the aggregate. */
export type ParsedStream = { readonly type: string; readonly id: string };

/**
 * Splits the name of a stream into the aggregate and the id.
 *
 * @example
 * parseStream("task/t1")     // { ok: true, value: { type: "task", id: "t1" } }
 * parseStream("task/../t1")  // { ok: false, problem: { path: [], reason: "…" } }
 */
export function parseStream(name: string): Parsed<ParsedStream> {
  const slash = name.indexOf("/");
  if (slash < 0) return refuseValue([], 'has no "/" between the aggregate and the id');
  const type = name.slice(0, slash);
  const id = name.slice(slash + 1);
  const reason = typeReason(type) ?? idReason(id);
  return reason === null ? { ok: true, value: { type, id } } : refuseValue([], reason);
}

/**
 * True if `parseStream` accepts the name. One expression decides, because a page of records needs this ten thousand
 * times.
 */
export function isStream(name: string): boolean {
  return STREAM.test(name);
}

/**
 * Returns the name of a stream.
 *
 * @throws ValidationError (`invalid`) if the id is not valid.
 *
 * @example
 * streamName("task", "t1") // "task/t1"
 */
export function streamName(type: string, id: string): string {
  const reason = typeReason(type) ?? idReason(id);
  if (reason === null) return `${type}/${id}`;
  throw new ValidationError({
    message: `The id ${shown(id)} cannot name a stream of ${shown(type)}: the name ${reason}`,
    fix: `Use an id of 1 to ${STREAM_ID_BYTES_MAX} of A-Z a-z 0-9 . _ ~ : @ -, such as randomId() of dacapo/client.`,
    details: { path: ["id"], reason },
  });
}

/**
 * Returns the aggregate of a stream: the text before the `/`. It accepts any text and does not check if the aggregate
 * exists.
 */
export function aggregateOf(stream: string): string {
  const slash = stream.indexOf("/");
  return slash < 0 ? stream : stream.slice(0, slash);
}

/** Refuses a name of an aggregate or a projection that cannot be part of a stream's name or of a URL. */
export function requireType(what: string, name: unknown): void {
  const reason =
    typeof name === "string" && TYPE.test(name)
      ? null
      : "must have 1 to 64 of the characters a-z 0-9 -, and a letter first";
  if (reason !== null) {
    refuseDefinition(`The name ${shown(name)} of ${what} ${reason}`, "Use a name such as `shopping-list`.");
  }
}

/** Refuses a name of an event, a command or a read that the wire does not accept or that a plain object has already. */
export function requireWord(what: string, name: string): void {
  if (WORD.test(name) && name !== "constructor" && name !== "prototype") return;
  refuseDefinition(
    `The name ${shown(name)} of ${what} is not allowed`,
    "Use 1 to 128 of A-Z a-z 0-9 _ -, with a letter first, such as TaskAdded, but not `constructor` or `prototype`.",
  );
}

function typeReason(type: string): string | null {
  return TYPE.test(type)
    ? null
    : "does not begin with an aggregate of 1 to 64 of the characters a-z 0-9 -, and a letter first";
}

function idReason(id: unknown): string | null {
  if (typeof id !== "string") return `has an id of type ${typeof id}, not a string`;
  if (id === "") return "has an empty id";
  if (id.length > STREAM_ID_BYTES_MAX) return `has an id longer than ${STREAM_ID_BYTES_MAX} bytes`;
  if (id === "." || id === "..") return "has an id that URL parsers remove from a path";
  return ID.test(id) ? null : "has an id with characters other than A-Z a-z 0-9 . _ ~ : @ -";
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
