/**
 * Parses JSON that a program of this project wrote, so the caller knows its type.
 *
 * This is the only place that trusts JSON without a reader. `JSON.parse` itself returns `any`, which would hide mistakes.
 */
export function parseOwnJson<T>(text: string): T {
  return JSON.parse(text) as T;
}
