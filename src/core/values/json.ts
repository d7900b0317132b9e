/**
 * Plain JSON: the only values that events, inputs, states and rows may contain.
 *
 * Guarantees:
 * - A value without a problem comes back equal from `JSON.parse(JSON.stringify(value))`, on every engine and store.
 *   Otherwise one event that only a parser accepts (very deep, not well-formed, `1e400`) would harm every reader.
 * - Only a field that is undefined does not come back, because JSON leaves it out (`omitUndefined`).
 * - No function here recurses, so that no input can exhaust the stack.
 */
import type { Path, Problem } from "./parsed.ts";

/** Any value of plain JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * JSON as an app writes it. A field that is undefined counts as left out, because forms return such fields.
 *
 * @example
 * const meta: JsonInput = { note: form.note, source: "form" }; // form.note may be undefined
 */
export type JsonInput =
  null | boolean | number | string | readonly JsonInput[] | { readonly [key: string]: JsonInput | undefined };

/** The largest number of levels of arrays and objects inside each other. `JSON.stringify` fails at about 5,000. */
export const JSON_DEPTH_MAX = 64;

/** One step of a path, with the steps before it. A path is built only for a problem, because most values have none. */
type PathStep = { readonly parent: PathStep | null; readonly key: string | number; readonly depth: number };

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Returns the first problem that keeps a value from crossing the wire unchanged, or null. A field that is undefined is
 * no problem. An undefined entry of an array is one, because JSON would turn it into null.
 *
 * @example
 * findJsonProblem({ title: "Milk" })      // null
 * findJsonProblem({ due: [1, Infinity] }) // { path: ["due", 1], reason: "is not a finite number" }
 */
export function findJsonProblem(value: unknown): Problem | null {
  try {
    return isFlat(value) ? null : findProblem(value);
  } catch {
    // Only an object of this program can throw here: a getter or a revoked proxy. A value of the wire cannot.
    return { path: [], reason: "cannot be read: something in it throws" };
  }
}

/**
 * True for a scalar or a plain object of scalars without a problem. This is the fast path, because most events are
 * flat.
 */
function isFlat(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return scalarProblem(value) === null;
  if (Array.isArray(value) || !isPlainObject(value)) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  // No list of entries, because every event passes here several times.
  for (const key in fields) {
    if (FORBIDDEN_KEYS.has(key) || !key.isWellFormed() || !Object.hasOwn(fields, key)) return false;
    const child = fields[key];
    if (child === undefined) continue;
    if ((typeof child === "object" && child !== null) || scalarProblem(child) !== null) return false;
  }
  return true;
}

function findProblem(value: unknown): Problem | null {
  const waiting: { readonly value: unknown; readonly step: PathStep | null }[] = [{ value, step: null }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { step } = next;
    const reason = scalarProblem(next.value);
    if (reason !== null) return { path: pathOf(step), reason };
    if (typeof next.value !== "object" || next.value === null) continue;

    const depth = (step?.depth ?? 0) + 1;
    if (depth > JSON_DEPTH_MAX) return { path: pathOf(step), reason: `is nested deeper than ${JSON_DEPTH_MAX} levels` };
    if (Array.isArray(next.value)) {
      for (let index = next.value.length - 1; index >= 0; index--) {
        if (!(index in next.value)) return { path: [...pathOf(step), index], reason: "is a hole in an array" };
        waiting.push({ value: next.value[index], step: { parent: step, key: index, depth } });
      }
      continue;
    }
    for (const [key, child] of Object.entries(next.value)) {
      if (FORBIDDEN_KEYS.has(key)) return { path: [...pathOf(step), key], reason: "is a forbidden key" };
      if (!key.isWellFormed()) return { path: pathOf(step), reason: "has a key with a lone surrogate" };
      if (child !== undefined) waiting.push({ value: child, step: { parent: step, key, depth } });
    }
  }
  return null;
}

function scalarProblem(value: unknown): string | null {
  switch (typeof value) {
    case "boolean":
      return null;
    case "string":
      return value.isWellFormed() ? null : "has a lone surrogate";
    case "number":
      if (!Number.isFinite(value)) return "is not a finite number";
      if (Object.is(value, -0)) return "is -0, which JSON turns into 0";
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? "is an integer too large to be exact" : null;
    case "object":
      return value === null || Array.isArray(value) || isPlainObject(value) ? null : "is not a plain object";
    default:
      return `is of type ${typeof value}, which JSON does not have`;
  }
}

/** Leaves out each field that is undefined, as JSON does. The value must be without a problem. */
export function omitUndefined(value: JsonInput): Json {
  return lacksUndefined(value) ? value : parseOwnJson(JSON.stringify(value));
}

/** Recurses at most `JSON_DEPTH_MAX` levels, because a deeper value has a problem. */
function lacksUndefined(value: JsonInput | undefined): value is Json {
  if (typeof value !== "object" || value === null) return value !== undefined;
  if (Array.isArray(value)) return value.every(lacksUndefined);
  const fields = value as Readonly<Record<string, JsonInput | undefined>>;
  // No list of values, because every event passes here.
  for (const key in fields) if (!lacksUndefined(fields[key])) return false;
  return true;
}

/** True for an object that is not an instance of a class. An array is not a plain object. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  // An object of another realm has another Object.prototype. The prototype of that prototype is null, too.
  return typeof prototype === "object" && Object.getPrototypeOf(prototype) === null;
}

function pathOf(last: PathStep | null): Path {
  const path: (string | number)[] = [];
  for (let step = last; step; step = step.parent) path.unshift(step.key);
  return path;
}

/** True if two JSON values are equal. The order of keys does not matter. Both values must be without a problem. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  const waiting: [Json | undefined, Json | undefined][] = [[left, right]];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [a, b] = next;
    if (a === b) continue;
    if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
    if (isArray(a) || isArray(b)) {
      if (!isArray(a) || !isArray(b) || a.length !== b.length) return false;
      for (let index = 0; index < a.length; index++) waiting.push([a[index], b[index]]);
      continue;
    }
    const keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
    for (const key of keys) {
      if (!Object.hasOwn(b, key)) return false;
      waiting.push([a[key], b[key]]);
    }
  }
  return true;
}

/**
 * Freezes a value and every part of it, and returns it. Dacapo shares values with an app's functions, which must not
 * change them.
 *
 * A part that is already frozen is skipped, so that a second call costs nothing.
 */
export function deepFreeze<T>(value: T): T {
  if (!isFreezable(value)) return value;
  const waiting: object[] = [value];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    Object.freeze(next);
    if (Array.isArray(next)) {
      for (const part of next as readonly unknown[]) if (isFreezable(part)) waiting.push(part);
      continue;
    }
    const parts = next as Readonly<Record<string, unknown>>;
    // No list of values, because every event passes here.
    for (const key in parts) if (isFreezable(parts[key]) && Object.hasOwn(parts, key)) waiting.push(parts[key]);
  }
  return value;
}

function isFreezable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Object.isFrozen(value);
}

// This function exists because Array.isArray does not narrow a readonly array.
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/**
 * Parses JSON that Dacapo wrote itself, so the caller knows its type.
 *
 * Use it only for a message between programs of the same release, such as a page and its worker, for a text that a
 * Dacapo store contains, for a value that Dacapo sealed, and for a copy of a value through its own text. Read any
 * other text with a reader of `core/wire`, because this function checks nothing.
 *
 * @throws a SyntaxError if the text is not JSON
 */
export function parseOwnJson<T>(text: string): T {
  return JSON.parse(text) as T;
}
