/**
 * Readers: functions that turn untrusted JSON into a typed value, or into a problem with its place.
 *
 * Guarantees (test: `wire.fuzz.test.ts`):
 * - `parse` and `parseText` return a value or a problem for every input. They never throw.
 * - No reader recurses over its input, so that a deep input cannot exhaust the stack.
 * - A reader returns an object with only the fields that it names, so that a forged key is lost.
 * - Free JSON has no problem that `findJsonProblem` finds.
 *
 * A page contains ten thousand records, seldom a problem and seldom an unknown field. Therefore a path is built only
 * after a failure, and an object is copied only if it has other fields.
 */
import { findJsonProblem, type Json } from "../values/json.ts";
import { type Parsed, type Path, refuseValue } from "../values/parsed.ts";

/**
 * Returns the typed value, or throws a ParseFailure, which `parse` catches. `path` is the place of the value for a
 * failure.
 */
export type Reader<T> = (value: unknown, path: Path) => T;

/** The type that a reader returns. */
export type ReadBy<R> = R extends Reader<infer T> ? T : never;

class ParseFailure extends Error {
  readonly path: Path;
  constructor(path: Path, reason: string) {
    super(reason);
    this.path = path;
  }
}

/** The path of a reader inside another one. The outer reader adds its own path to a failure. */
const HERE: Path = [];

/** Returns the failure of an inner reader with the path of the outer one in front. */
function failureBelow(step: string | number, path: Path, error: unknown): unknown {
  return error instanceof ParseFailure ? new ParseFailure([...path, step, ...error.path], error.message) : error;
}

/** Reads a value. */
export function parse<T>(reader: Reader<T>, value: unknown): Parsed<T> {
  try {
    return { ok: true, value: reader(value, []) };
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return refuseValue(error.path, error.message);
  }
}

/** Parses a text as JSON and reads it. */
export function parseText<T>(reader: Reader<T>, text: string): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuseValue([], "is not JSON");
  }
  return parse(reader, value);
}

/** Ends a reader with a problem. The reason is a predicate, such as `is not a string`. */
export function fail(path: Path, reason: string): never {
  throw new ParseFailure(path, reason);
}

/** A well-formed string of at most `max` UTF-16 units that matches a form. */
/* @__NO_SIDE_EFFECTS__ */
export function text(max: number, form?: RegExp): Reader<string> {
  return (value, path) => {
    if (typeof value !== "string") fail(path, "is not a string");
    if (value.length > max) fail(path, `is longer than ${max}`);
    if (!value.isWellFormed()) fail(path, "has a lone surrogate");
    if (form && !form.test(value)) fail(path, "does not have the right form");
    return value;
  };
}

/** A safe integer from `min` to `max`. */
/* @__NO_SIDE_EFFECTS__ */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) fail(path, "is not a whole number");
    if (value < min || value > max) fail(path, `is not between ${min} and ${max}`);
    return value;
  };
}

/** A time in milliseconds since the epoch, with a fraction, inside the years that a Date can show. */
export const time: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !(Math.abs(value) <= 8.64e15)) fail(path, "is not a time");
  return value;
};

/** Free JSON, such as the data of an event. */
export const json: Reader<Json> = (value, path) => {
  const problem = findJsonProblem(value);
  if (problem) fail([...path, ...problem.path], problem.reason);
  // A cast is needed, because the compiler cannot see that a value without a problem is Json.
  return value as Json;
};

/** Any value, unchecked. */
export const anything: Reader<unknown> = (value) => value;

/** One of some values. */
/* @__NO_SIDE_EFFECTS__ */
export function literal<T extends string | boolean>(...allowed: readonly T[]): Reader<T> {
  return (value, path) => allowed.find((one) => one === value) ?? fail(path, `is not ${allowed.join(" or ")}`);
}

/** Null, or a value of another reader. */
/* @__NO_SIDE_EFFECTS__ */
export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value, path) => (value === null ? null : reader(value, path));
}

/** An array of `min` to `max` entries. */
/* @__NO_SIDE_EFFECTS__ */
export function list<T>(reader: Reader<T>, max: number, min = 0): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, "is not an array");
    if (value.length < min || value.length > max) fail(path, `has ${value.length} entries, not ${min} to ${max}`);
    const given: readonly unknown[] = value;
    let copy: unknown[] | null = null;
    let index = 0;
    try {
      for (; index < given.length; index++) {
        const read = reader(given[index], HERE);
        if (read !== given[index]) copy ??= [...given];
        if (copy) copy[index] = read;
      }
    } catch (error) {
      throw failureBelow(index, path, error);
    }
    // A cast is needed, because the compiler cannot see that the loop read each entry.
    return (copy ?? given) as readonly T[];
  };
}

type Fields = { readonly [name: string]: Reader<unknown> };
type Shape<Needed extends Fields, Optional extends Fields> = { readonly [K in keyof Needed]: ReadBy<Needed[K]> } & {
  readonly [K in keyof Optional]?: ReadBy<Optional[K]>;
};

/** An object with these fields, and no others: the given one, or a copy without its other fields. */
/* @__NO_SIDE_EFFECTS__ */
export function shape<Needed extends Fields, Optional extends Fields = Record<never, never>>(
  needed: Needed,
  optional?: Optional,
): Reader<Shape<Needed, Optional>> {
  const fields = [
    ...Object.entries(needed).map(([name, reader]) => ({ name, reader, isNeeded: true })),
    ...Object.entries(optional ?? {}).map(([name, reader]) => ({ name, reader, isNeeded: false })),
  ];
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) fail(path, "is not an object");
    const given = value as Readonly<Record<string, unknown>>;
    let copy: Record<string, unknown> | null = null;
    let found = 0;
    let field = "";
    try {
      for (const { name, reader, isNeeded } of fields) {
        field = name;
        if (!Object.hasOwn(given, name)) {
          if (isNeeded) fail(HERE, "is missing");
          continue;
        }
        found++;
        const read = reader(given[name], HERE);
        if (read !== given[name]) copy ??= pick(given, fields);
        if (copy) copy[name] = read;
      }
    } catch (error) {
      throw failureBelow(field, path, error);
    }
    if (Object.keys(given).length !== found) copy ??= pick(given, fields);
    // A cast is needed, because the compiler cannot see that the loop read each field with its own reader.
    return (copy ?? given) as Shape<Needed, Optional>;
  };
}

/** Copies the fields with these names, read or not. */
function pick(
  given: Readonly<Record<string, unknown>>,
  fields: readonly { readonly name: string }[],
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const { name } of fields) if (Object.hasOwn(given, name)) copy[name] = given[name];
  return copy;
}
