/**
 * Whether a state would come back from storage as it is.
 *
 * Place: asked on the author's device, of the states that a new commit leaves. States are stored as JSON: a Date or a Set would live until the
 * next start and then be something else, which `evolve` does not expect.
 * Holds: lets pass what JSON leaves out without harm: fields that are undefined, and the sign of zero.
 */
import type { JsonProblem } from "./json.ts";

/** Far more than a state needs, and less than `JSON.stringify` can do. Ends the search in a circle, too. */
const STATE_DEPTH_MAX = 1_000;

type Place = { readonly value: unknown; readonly path: readonly (string | number)[] };

/** Where and why a state cannot be stored, or null. */
export function findUnstorable(state: unknown): JsonProblem | null {
  const waiting: Place[] = [{ value: state, path: [] }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, path } = next;
    const reason =
      path.length > STATE_DEPTH_MAX ? `is nested deeper than ${STATE_DEPTH_MAX} levels` : reasonAgainst(value);
    if (reason !== null) return { path, reason };
    if (typeof value !== "object" || value === null) continue;
    for (const [key, part] of Object.entries(value)) {
      if (isStored(part) || (part === undefined && !Array.isArray(value))) continue;
      waiting.push({ value: part, path: [...path, Array.isArray(value) ? Number(key) : key] });
    }
  }
  return null;
}

/** The most that a state is made of, told without a look inside. */
function isStored(value: unknown): boolean {
  return (
    typeof value === "string" ||
    typeof value === "boolean" ||
    value === null ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

function reasonAgainst(value: unknown): string | null {
  if (isStored(value)) return null;
  if (typeof value === "number") return "is not a finite number";
  if (typeof value !== "object" || value === null) return `is of type ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain =
    Array.isArray(value) ||
    prototype === null ||
    (typeof prototype === "object" && Object.getPrototypeOf(prototype) === null);
  return isPlain ? null : "is not a plain object";
}
