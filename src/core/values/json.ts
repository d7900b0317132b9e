/**
 * Plain JSON: what may stand in events, inputs, states and rows.
 *
 * Holds: everything that passes `checkJson` comes back equal from
 * `JSON.parse(JSON.stringify(value))`, on every engine and store. A value that only a parser accepts
 * (very deep, not well-formed, `1e400`) must never reach a fold: one such event would harm every
 * reader. Nothing here recurses, so that no input can exhaust the stack.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Levels of arrays and objects that may stand inside each other. `JSON.stringify` fails at some 5,000. */
export const JSON_DEPTH_MAX = 64;

/** Where in a value something is wrong, and what. The path is empty for the value itself. */
export type JsonProblem = { readonly path: readonly (string | number)[]; readonly reason: string };

type Place = { readonly parent: Place | null; readonly step: string | number; readonly depth: number };

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Tells what keeps a value from surviving the wire unchanged, or null.
 *
 * @example
 * checkJson({ title: "Milk" })            // null
 * checkJson({ due: [1, Infinity] })       // { path: ["due", 1], reason: "is not a finite number" }
 */
export function findJsonProblem(value: unknown): JsonProblem | null {
  try {
    return isFlat(value) ? null : findProblem(value);
  } catch {
    // Only what lives in this program can do so: a getter that throws, a revoked proxy. Nothing of the wire.
    return { path: [], reason: "cannot be read: something in it throws" };
  }
}

/** True for a scalar or a plain object of scalars, without a problem: most events. What is not is looked through in full. */
function isFlat(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return checkScalar(value) === null;
  if (Array.isArray(value) || !isPlainObject(value)) return false;
  for (const [key, child] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key) || !key.isWellFormed()) return false;
    if ((typeof child === "object" && child !== null) || checkScalar(child) !== null) return false;
  }
  return true;
}

function findProblem(value: unknown): JsonProblem | null {
  const waiting: { readonly value: unknown; readonly place: Place | null }[] = [{ value, place: null }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { place } = next;
    const reason = checkScalar(next.value);
    if (reason !== null) return { path: pathOf(place), reason };
    if (typeof next.value !== "object" || next.value === null) continue;

    const depth = (place?.depth ?? 0) + 1;
    if (depth > JSON_DEPTH_MAX)
      return { path: pathOf(place), reason: `is nested deeper than ${JSON_DEPTH_MAX} levels` };
    if (Array.isArray(next.value)) {
      for (let index = next.value.length - 1; index >= 0; index--) {
        if (!(index in next.value)) return { path: [...pathOf(place), index], reason: "is a hole in an array" };
        waiting.push({ value: next.value[index], place: { parent: place, step: index, depth } });
      }
      continue;
    }
    for (const [key, child] of Object.entries(next.value)) {
      if (FORBIDDEN_KEYS.has(key)) return { path: [...pathOf(place), key], reason: "is a forbidden key" };
      if (!key.isWellFormed()) return { path: pathOf(place), reason: "has a key with a lone surrogate" };
      waiting.push({ value: child, place: { parent: place, step: key, depth } });
    }
  }
  return null;
}

function checkScalar(value: unknown): string | null {
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

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  // An object of another realm (a frame, a worker test) has another Object.prototype: its own prototype is null.
  return typeof prototype === "object" && Object.getPrototypeOf(prototype) === null;
}

function pathOf(place: Place | null): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at = place; at; at = at.parent) path.unshift(at.step);
  return path;
}

/** Equality of two JSON values, whatever the order of their keys. Both must have passed `checkJson`. */
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
 * The value itself, which nobody can change any more: what an app's function is given is shared with what was made of it.
 * A part that is frozen is not looked into again, so to freeze what is frozen costs nothing.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  const waiting: object[] = [value];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    Object.freeze(next);
    for (const part of Object.values(next))
      if (typeof part === "object" && part !== null && !Object.isFrozen(part)) waiting.push(part);
  }
  return value;
}

// Array.isArray does not narrow a readonly array.
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
