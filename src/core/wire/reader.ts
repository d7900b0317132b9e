/**
 * Readers: untrusted JSON to a typed value, or where and why not.
 *
 * Holds: total and without recursion over input: any value gives a value or a problem, never another throw; only named
 * fields are taken, into new objects, so a forged key goes nowhere. Free JSON passes `checkJson`. A page holds ten thousand records and
 * seldom a problem: the way to one is put together only once it was met.
 */
import type { Parsed } from "../values/parsed.ts";
import { findJsonProblem, type Json } from "../values/json.ts";

type Path = readonly (string | number)[];

/** Takes a value apart, or throws a ParseFailure, which `parse` catches. `path` leads from the reader that was called first, or from one inside. */
export type Reader<T> = (value: unknown, path: Path) => T;

export type ReadBy<R> = R extends Reader<infer T> ? T : never;

class ParseFailure extends Error {
  readonly path: Path;
  constructor(path: Path, reason: string) {
    super(reason);
    this.path = path;
  }
}

/** Where a reader inside another one begins. */
const HERE: Path = [];

/** The failure as the outer reader tells it. */
function below(step: string | number, path: Path, error: unknown): unknown {
  return error instanceof ParseFailure ? new ParseFailure([...path, step, ...error.path], error.message) : error;
}

export function parse<T>(reader: Reader<T>, value: unknown): Parsed<T> {
  try {
    return { ok: true, value: reader(value, []) };
  } catch (error) {
    if (!(error instanceof ParseFailure)) throw error;
    return { ok: false, problem: { path: error.path, reason: error.message } };
  }
}

/** Parses a text as JSON and reads it. */
export function parseText<T>(reader: Reader<T>, text: string): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: { path: [], reason: "is not JSON" } };
  }
  return parse(reader, value);
}

export function fail(path: Path, reason: string): never {
  throw new ParseFailure(path, reason);
}

/** A string of at most `max` UTF-16 units that matches a form. */
export function text(max: number, form?: RegExp): Reader<string> {
  return (value, path) => {
    if (typeof value !== "string") fail(path, "is not a string");
    if (value.length > max) fail(path, `is longer than ${max}`);
    if (!value.isWellFormed()) fail(path, "has a lone surrogate");
    if (form && !form.test(value)) fail(path, "does not have the right form");
    return value;
  };
}

/** A whole number within bounds. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, path) => {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) fail(path, "is not a whole number");
    if (value < min || value > max) fail(path, `is not between ${min} and ${max}`);
    return value;
  };
}

/** A time: milliseconds since the epoch, with a fraction, within the years that a Date knows. */
export const time: Reader<number> = (value, path) => {
  if (typeof value !== "number" || !(Math.abs(value) <= 8.64e15)) fail(path, "is not a time");
  return value;
};

export const json: Reader<Json> = (value, path) => {
  const problem = findJsonProblem(value);
  if (problem) fail([...path, ...problem.path], problem.reason);
  // What checkJson lets pass is Json; the compiler cannot follow a check without recursion.
  return value as Json;
};

export const anything: Reader<unknown> = (value) => value;

export function literal<T extends string | boolean>(...allowed: readonly T[]): Reader<T> {
  return (value, path) => allowed.find((one) => one === value) ?? fail(path, `is not ${allowed.join(" or ")}`);
}

export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value, path) => (value === null ? null : reader(value, path));
}

export function list<T>(reader: Reader<T>, max: number, min = 0): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, "is not an array");
    if (value.length < min || value.length > max) fail(path, `has ${value.length} entries, not ${min} to ${max}`);
    const taken: T[] = [];
    try {
      for (const entry of value as readonly unknown[]) taken.push(reader(entry, HERE));
    } catch (error) {
      throw below(taken.length, path, error);
    }
    return taken;
  };
}

type Fields = { readonly [name: string]: Reader<unknown> };
type Shape<Needed extends Fields, Optional extends Fields> = { readonly [K in keyof Needed]: ReadBy<Needed[K]> } & {
  readonly [K in keyof Optional]?: ReadBy<Optional[K]>;
};

/** An object with these fields; other fields are left behind. */
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
    const taken: Record<string, unknown> = {};
    let at = "";
    try {
      for (const { name, reader, isNeeded } of fields) {
        at = name;
        if (Object.hasOwn(given, name)) taken[name] = reader(given[name], HERE);
        else if (isNeeded) fail(HERE, "is missing");
      }
    } catch (error) {
      throw below(at, path, error);
    }
    // Each field was read by the reader of its name just above.
    return taken as Shape<Needed, Optional>;
  };
}
