/**
 * Checks with Standard Schema: a value and a schema of any library to the checked value or a problem.
 *
 * Guarantees (test: `schema.test.ts`):
 * - An error that a schema throws becomes a problem, never a crash.
 * - An asynchronous schema throws a DefinitionError, because a fold or a decision cannot wait.
 */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { DefinitionError } from "../values/errors.ts";
import { findJsonProblem, type Json, omitUndefined } from "../values/json.ts";
import { type Parsed, refuseValue } from "../values/parsed.ts";
import { dropPromise } from "../values/promise.ts";
import { reasonOf } from "../values/reason.ts";

/**
 * A schema of any library that implements Standard Schema: valibot, zod, arktype and others.
 *
 * @example
 * const title: Schema = v.object({ title: v.string() });
 */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** The type that a schema accepts, and `undefined` if there is no schema. */
export type InputOf<S> = S extends {
  readonly "~standard": { readonly types?: { readonly input: infer Input } | undefined };
}
  ? Input
  : undefined;

/** The type that a schema returns, and `undefined` if there is no schema. */
export type OutputOf<S> = S extends {
  readonly "~standard": { readonly types?: { readonly output: infer Output } | undefined };
}
  ? Output
  : undefined;

/** True if a value has the form of a Standard Schema. */
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
 * @throws DefinitionError (`definition`) if the schema is asynchronous.
 *
 * @example
 * parseWith(v.object({ title: v.string() }), { title: "Milk" }) // { ok: true, value: { title: "Milk" } }
 * parseWith(v.object({ title: v.string() }), { title: 1 })      // { ok: false, problem: { path: ["title"], reason:
 * "…" } }
 */
export function parseWith<Output>(schema: Schema<unknown, Output>, value: unknown): Parsed<Output> {
  let result: ReturnType<Schema<unknown, Output>["~standard"]["validate"]>;
  try {
    result = schema["~standard"].validate(value);
  } catch (error) {
    return refuseValue([], `was refused by a schema that threw ${reasonOf(error)}`);
  }
  if (typeof result !== "object" || result === null)
    return refuseValue([], "was refused by its schema, which returned no result");
  if (dropPromise(result)) throw asyncSchema(schema["~standard"].vendor);
  if (!result.issues) return { ok: true, value: result.value };

  const [first, ...others] = result.issues;
  if (!first) return refuseValue([], "was refused by its schema, which returned no reason");
  // Array.from is needed, because a library's path may be a subclass of Array, and `map` would create that class again.
  const path = Array.from(first.path ?? [], (step) => nameOf(typeof step === "object" ? step.key : step));
  return refuseValue(path, others.length > 0 ? `${first.message} (and ${others.length} more)` : first.message);
}

/** Checks a value with a schema whose output must also be plain JSON, because Dacapo stores it. */
export function parseJsonWith(schema: Schema, value: unknown): Parsed<Json> {
  const parsed = parseWith(schema, value);
  return parsed.ok ? parseJson(parsed.value) : parsed;
}

/** Checks that a value is plain JSON. Fields that are undefined are left out. */
export function parseJson(value: unknown): Parsed<Json> {
  return isJson(value)
    ? { ok: true, value: omitUndefined(value) }
    : { ok: false, problem: findJsonProblem(value) ?? { path: [], reason: "is not JSON" } };
}

function isJson(value: unknown): value is Json {
  return findJsonProblem(value) === null;
}

function nameOf(step: PropertyKey): string | number {
  return typeof step === "symbol" ? String(step) : step;
}

function asyncSchema(vendor: string): DefinitionError {
  return new DefinitionError({
    message: `A schema of ${vendor} validates asynchronously, but events and inputs need a synchronous schema`,
    fix: "Remove async checks from the schema. Do checks with I/O before execute, or in `permit` on the server.",
    details: { vendor },
  });
}
