/**
 * Names: streams (`task/t1`), and what they are made of (aggregates, projections, events, commands, ids).
 *
 * Holds: all names are ASCII, so characters are bytes. A name is never a path (`.`, `..` and `/` are no ids: URL parsers
 * take them away), never a key of a plain object (everyone looks it up in a Map), and never needs escaping in a URL.
 * A stream's name has exactly one `/`, so it parses in one way.
 */
import type { Parsed } from "./parsed.ts";
import { ValidationError } from "./errors.ts";
import { refuseDefinition } from "./refuse.ts";

/** Bytes of the part of a stream's name that the app chooses. */
export const STREAM_ID_BYTES_MAX = 200;

const STREAM = /^[a-z][a-z0-9-]{0,63}\/(?!\.{1,2}$)[A-Za-z0-9._~:@-]{1,200}$/;
const TYPE = /^[a-z][a-z0-9-]{0,63}$/;
const ID = /^[A-Za-z0-9._~:@-]{1,200}$/;
const WORD = /^[A-Za-z][A-Za-z0-9_-]{0,127}$/;

export type StreamName = { readonly type: string; readonly id: string };

/**
 * Takes the name of a stream apart.
 *
 * @example
 * parseStream("task/t1")     // { ok: true, value: { type: "task", id: "t1" } }
 * parseStream("task/../t1")  // { ok: false, problem: { path: [], reason: "…" } }
 */
export function parseStream(name: string): Parsed<StreamName> {
  const slash = name.indexOf("/");
  if (slash < 0) return refused('has no "/" between the aggregate and the id');
  const type = name.slice(0, slash);
  const id = name.slice(slash + 1);
  const reason = typeReason(type) ?? idReason(id);
  return reason === null ? { ok: true, value: { type, id } } : refused(reason);
}

/** The same question in one step, for who needs the answer ten thousand times and the parts never. */
export function isStream(name: string): boolean {
  return STREAM.test(name);
}

/**
 * Makes the name of a stream, or throws a ValidationError.
 *
 * @example
 * streamName("task", "t1") // "task/t1"
 */
export function streamName(type: string, id: string): string {
  const reason = typeReason(type) ?? idReason(id);
  if (reason === null) return `${type}/${id}`;
  throw new ValidationError({
    message: `${shown(id)} cannot name a stream of ${shown(type)}: ${reason}`,
    fix: `Use an id of 1 to ${STREAM_ID_BYTES_MAX} of the characters A-Z a-z 0-9 . _ ~ : @ -, such as crypto.randomUUID().`,
    details: { path: ["id"], reason },
  });
}

/** The aggregate of a stream: what stands before the `/`. For any text; whether such an aggregate exists is asked elsewhere. */
export function aggregateOf(stream: string): string {
  const slash = stream.indexOf("/");
  return slash < 0 ? stream : stream.slice(0, slash);
}

/** Refuses, when the program starts, a name of an aggregate or a projection that could not stand in a stream's name or a URL. */
export function requireType(what: string, name: unknown): void {
  const reason = typeof name === "string" && TYPE.test(name) ? null : "is not 1 to 64 of a-z 0-9 -, a letter first";
  if (reason !== null) {
    refuseDefinition(`The name ${shown(name)} of ${what} ${reason}`, "Choose a name such as `shopping-list`.");
  }
}

/** The same for names of events, commands and reads. */
export function requireWord(what: string, name: string): void {
  if (WORD.test(name) && name !== "constructor" && name !== "prototype") return;
  refuseDefinition(
    `The name ${shown(name)} of ${what} is not allowed`,
    "Use up to 128 of A-Z a-z 0-9 _ -, a letter first, such as TaskAdded; not `constructor` or `prototype`.",
  );
}

function typeReason(type: string): string | null {
  return TYPE.test(type) ? null : "does not begin with 1 to 64 of a-z 0-9 -, a letter first";
}

function idReason(id: unknown): string | null {
  if (typeof id !== "string") return `has an id of type ${typeof id}, not a string`;
  if (id === "") return "has an empty id";
  if (id.length > STREAM_ID_BYTES_MAX) return `has an id longer than ${STREAM_ID_BYTES_MAX} bytes`;
  if (id === "." || id === "..") return "has an id that URL parsers take for a step in a path";
  return ID.test(id) ? null : "has an id with characters other than A-Z a-z 0-9 . _ ~ : @ -";
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function refused(reason: string): Parsed<never> {
  return { ok: false, problem: { path: [], reason } };
}
