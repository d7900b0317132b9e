/**
 * Standard Schema: any schema library's schema to a value or a problem, at once.
 *
 * Holds: total for synchronous schemas: what a schema throws is a problem, never a crash. An asynchronous schema is a
 * mistake of the program (a fold or a decision cannot wait, and would differ from device to device) and throws.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Parsed } from "../values/parsed.ts";
import { DefinitionError } from "../values/errors.ts";
import { findJsonProblem, type Json } from "../values/json.ts";

/** A schema of any library that speaks Standard Schema: valibot, zod, arktype and others. */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** What a schema takes. `undefined` where there is no schema. */
export type InputOf<S> = S extends {
  readonly "~standard": { readonly types?: { readonly input: infer Input } | undefined };
}
  ? Input
  : undefined;

/** What a schema gives. `undefined` where there is no schema. */
export type OutputOf<S> = S extends {
  readonly "~standard": { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : undefined;

export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || !("~standard" in value))
    return false;
  const standard = value["~standard"];
  return (
    typeof standard === "object" &&
    standard !== null &&
    "validate" in standard &&
    typeof standard.validate === "function"
  );
}

/**
 * Checks a value with a schema.
 *
 * @example
 * parseWith(v.object({ title: v.string() }), { title: "Milk" }) // { ok: true, value: { title: "Milk" } }
 * parseWith(v.object({ title: v.string() }), { title: 1 })      // { ok: false, problem: { path: ["title"], reason: "…" } }
 */
export function parseWith<Output>(schema: Schema<unknown, Output>, value: unknown): Parsed<Output> {
  let result: ReturnType<Schema<unknown, Output>["~standard"]["validate"]>;
  try {
    result = schema["~standard"].validate(value);
  } catch (error) {
    return refused(
      [],
      `was refused by a schema that threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    );
  }
  if (typeof result !== "object" || result === null)
    return refused([], "was refused by its schema, which gave no result");
  if ("then" in result) throw asyncSchema(schema["~standard"].vendor, result);
  if (!result.issues) return { ok: true, value: result.value };

  const [first, ...others] = result.issues;
  if (!first) return refused([], "was refused by its schema, which does not say why");
  // Array.from: a library's path may be an array of a class of its own, and map would make another such.
  const path = Array.from(first.path ?? [], (step) => nameOf(typeof step === "object" ? step.key : step));
  return refused(path, others.length > 0 ? `${first.message} (and ${others.length} more)` : first.message);
}

/** The same where the output is stored: it must be plain JSON, too. */
export function parseJsonWith(schema: Schema, value: unknown): Parsed<Json> {
  const parsed = parseWith(schema, value);
  return parsed.ok ? parseJson(parsed.value) : parsed;
}

/** Checks that a value is plain JSON. */
export function parseJson(value: unknown): Parsed<Json> {
  return isJson(value)
    ? { ok: true, value }
    : { ok: false, problem: findJsonProblem(value) ?? { path: [], reason: "is not JSON" } };
}

function isJson(value: unknown): value is Json {
  return findJsonProblem(value) === null;
}

function nameOf(step: PropertyKey): string | number {
  return typeof step === "symbol" ? String(step) : step;
}

function asyncSchema(vendor: string, result: PromiseLike<unknown>): DefinitionError {
  // Nobody waits for the result: its failure must not end the process as an unhandled rejection.
  result.then(undefined, () => {});
  return new DefinitionError({
    message: `A schema (${vendor}) validates asynchronously; events and inputs are validated synchronously, the same on every device`,
    fix: "Remove async checks and transforms from the schema. Check what needs I/O before execute, or on the server in `permit`.",
    details: { vendor },
  });
}

function refused(path: readonly (string | number)[], reason: string): Parsed<never> {
  return { ok: false, problem: { path, reason } };
}
