/**
 * A search for the value in a state that would not come back from storage as it is.
 *
 * The search exists because states are stored as JSON. A Date or a Set would work until the next start and would then
 * be another type, which `evolve` does not expect.
 *
 * Guarantees:
 * - JSON may leave out two things without harm: a field that is undefined, and the sign of zero. The search accepts
 *   both.
 * - The search ends for every state, because its depth has a limit.
 */
import { isPlainObject } from "./json.ts";
import type { Path, Problem } from "./parsed.ts";

/**
 * Far more levels than a state needs, and fewer than `JSON.stringify` can write. The limit also ends the search in a
 * circle.
 */
const STATE_DEPTH_MAX = 1_000;

/**
 * Returns the place and the reason of a value that cannot be stored, or null.
 *
 * @param trustsFrozen true: a frozen part was searched before, so it is not searched again
 */
export function findUnstorable(state: unknown, trustsFrozen = false): Problem | null {
  const waiting: { readonly value: unknown; readonly path: Path }[] = [{ value: state, path: [] }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, path } = next;
    const reason =
      path.length > STATE_DEPTH_MAX ? `is nested deeper than ${STATE_DEPTH_MAX} levels` : reasonAgainst(value);
    if (reason !== null) return { path, reason };
    const visit = (child: unknown, key: string | number) => {
      if (isStorableScalar(child) || (child === undefined && !Array.isArray(value))) return;
      if (trustsFrozen && Object.isFrozen(child) && reasonAgainst(child) === null) return;
      waiting.push({ value: child, path: [...path, key] });
    };
    // No list of entries, because every row passes here.
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === "object")
      for (const key in value)
        if (Object.hasOwn(value, key)) visit((value as Readonly<Record<string, unknown>>)[key], key);
  }
  return null;
}

/** True for a scalar that storage returns as it is. Most of a state consists of such values. */
function isStorableScalar(value: unknown): boolean {
  return (
    typeof value === "string" ||
    typeof value === "boolean" ||
    value === null ||
    (typeof value === "number" && Number.isFinite(value))
  );
}

function reasonAgainst(value: unknown): string | null {
  if (isStorableScalar(value)) return null;
  if (typeof value === "number") return "is not a finite number";
  if (typeof value !== "object" || value === null) return `is of type ${typeof value}`;
  return Array.isArray(value) || isPlainObject(value) ? null : "is not a plain object";
}
