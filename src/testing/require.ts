/** Assertions of the conformance suites: they throw a plain Error that says what was expected and what came, in any runner. */
import { type Json, sameJson } from "../core/values/json.ts";

export function requireThat(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`Expected: ${what}`);
}

export function requireEqual(actual: Json, expected: Json, what: string): void {
  if (!sameJson(actual, expected))
    throw new Error(`${what}\n  expected ${shown(expected)}\n  but got  ${shown(actual)}`);
}

/** Resolves with what the promise was rejected with. */
export async function requireRejection(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection: ${what}`);
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 2_000 ? `${text.slice(0, 2_000)}… (${text.length} characters)` : text;
}
