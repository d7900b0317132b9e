/**
 * The assertions of the conformance suites. They throw a plain Error with the expected and the actual value, in every
 * runner.
 */
import { type Json, sameJson } from "../core/values/json.ts";

/** Throws if the condition is false. `expectation` is a clause, such as "the log is empty". */
export function requireThat(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new Error(`Expected: ${expectation}`);
}

/** Throws if two values are not equal. `label` names the value. */
export function requireEqual(actual: Json, expected: Json, label: string): void {
  if (!sameJson(actual, expected))
    throw new Error(`${label}\n  expected ${shownJson(expected)}\n  but got  ${shownJson(actual)}`);
}

/** Resolves with the error that the promise rejects with, and rejects if the promise resolves. */
export async function requireRejection(promise: Promise<unknown>, label: string): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a rejection: ${label}`);
}

function shownJson(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 2_000 ? `${text.slice(0, 2_000)}… (${text.length} characters)` : text;
}
