/**
 * Versions of a schema: data of an older release is upcast to the current version when it is read.
 *
 *   v1 ──upcast──▶ v2 ──upcast──▶ v3 (the current version, which alone checks new values)
 *
 * Guarantees (test: `upcast.test.ts`):
 * - Versions count 1, 2, 3 …, and each schema of the chain has one.
 * - No schema checks old data again, because it was accepted once.
 * - The result of an upcast is plain JSON. Otherwise it is a ValidationError.
 * - Stored data never changes.
 */
import { ValidationError } from "../values/errors.ts";
import type { Json } from "../values/json.ts";
import { describePlace } from "../values/parsed.ts";
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { type InputOf, type OutputOf, parseJson, isSchema, type Schema } from "./schema.ts";

/** A schema with its older versions. It is itself the Standard Schema of the current version. */
export interface EventVersions<Input, Output> extends Schema<Input, Output> {
  readonly "~steps": readonly Step[];
  /**
   * Adds the next version: its schema, and a pure function that turns data of the last version into data of this one.
   *
   * @throws DefinitionError (`definition`) if the schema or the function is missing.
   */
  next<S extends Schema>(schema: S, upcast: (old: Output) => OutputOf<S>): EventVersions<InputOf<S>, OutputOf<S>>;
}

/**
 * The schema of a command's input with its older versions.
 *
 * An input travels raw. Therefore an upcast gets the type that the old schema accepts, and returns the type that the
 * new one accepts.
 */
export interface InputVersions<Input, Output> extends Schema<Input, Output> {
  readonly "~steps": readonly Step[];
  /**
   * Adds the next version: its schema, and a pure function that turns an input of the last version into one of this
   * version.
   *
   * @throws DefinitionError (`definition`) if the schema or the function is missing.
   */
  next<S extends Schema>(schema: S, upcast: (old: Input) => InputOf<S>): InputVersions<InputOf<S>, OutputOf<S>>;
}

/**
 * Starts the versions of an event whose data changes over time.
 *
 * @throws DefinitionError (`definition`) if the argument is not a schema.
 *
 * @example
 * const TaskAdded = event(v.object({ title: v.string() }))
 *   .next(v.object({ title: v.string(), column: v.string() }), (old) => ({ ...old, column: "todo" }));
 */
export function event<S extends Schema>(schema: S): EventVersions<InputOf<S>, OutputOf<S>>;
export function event(schema: Schema): ErasedVersions {
  return versions([{ schema: requireSchema("call of event()", schema), upcast: null }]);
}

/**
 * Starts the versions of a command's input, because requests of an older release may wait on a device for weeks.
 *
 * @throws DefinitionError (`definition`) if the argument is not a schema.
 *
 * @example
 * const addInput = input(v.object({ title: v.string() }))
 *   .next(v.object({ title: v.string(), column: v.string() }), (old) => ({ ...old, column: "todo" }));
 */
export function input<S extends Schema>(schema: S): InputVersions<InputOf<S>, OutputOf<S>>;
export function input(schema: Schema): ErasedVersions {
  return versions([{ schema: requireSchema("call of input()", schema), upcast: null }]);
}

/** The current schema of an event or an input and its upcast, with types erased. */
export type Versioned = {
  readonly version: number;
  readonly schema: Schema;
  /** Upcasts data of version `v`. It throws the error of the app's function. The result is not checked. */
  readonly upcast: (v: number, data: unknown) => unknown;
};

/**
 * Returns the result of an upcast if it is plain JSON. Otherwise it throws a ValidationError. `label` is the noun for
 * errors.
 */
export function requireJson(label: string, value: unknown): Json {
  const parsed = parseJson(value);
  if (parsed.ok) return parsed.value;
  dropPromise(value);
  const { path, reason } = parsed.problem;
  throw new ValidationError({
    message: `An upcast of the ${label} returned a value that${describePlace(path)} ${reason}`,
    fix: "Return all data of the next version from each upcast, as plain JSON.",
    details: { path, reason },
  });
}

/** Returns the versions of a schema, or of a chain of schemas. `label` is the noun for errors. */
export function versionedBy(label: string, schema: unknown): Versioned {
  const current = requireSchema(label, schema);
  const steps = isVersions(current) ? current["~steps"] : [{ schema: current, upcast: null }];
  return {
    version: steps.length,
    schema: current,
    upcast: (v, data) => upcastFrom(label, steps, v, data),
  };
}

type Step = { readonly schema: Schema; readonly upcast: ((old: unknown) => unknown) | null };

interface ErasedVersions extends Schema {
  readonly "~steps": readonly Step[];
  next(schema: Schema, upcast: (old: unknown) => unknown): ErasedVersions;
}

function versions(steps: readonly [Step, ...Step[]]): ErasedVersions {
  const current = steps[steps.length - 1] ?? steps[0];
  return {
    "~standard": current.schema["~standard"],
    "~steps": steps,
    next(schema, upcast) {
      if (typeof upcast !== "function") {
        refuseDefinition(`.next() for version ${steps.length + 1} has no upcast`, "Write .next(schema, (old) => new).");
      }
      return versions([...steps, { schema: requireSchema("call of .next()", schema), upcast }]);
    },
  };
}

function isVersions(schema: Schema): schema is ErasedVersions {
  return "~steps" in schema;
}

function upcastFrom(label: string, steps: readonly Step[], v: number, data: unknown): unknown {
  if (!Number.isSafeInteger(v) || v < 1 || v > steps.length) {
    throw new ValidationError({
      message: `The ${label} has the versions 1 to ${steps.length}, but the data has version ${v}`,
      fix: v > steps.length ? "A newer release wrote the data: update this one." : "Count versions from 1.",
      details: { path: ["v"], reason: `is not between 1 and ${steps.length}` },
    });
  }
  let value = data;
  for (const step of steps.slice(v)) value = step.upcast?.(value);
  return value;
}

function requireSchema(label: string, schema: unknown): Schema {
  if (isSchema(schema)) return schema;
  refuseDefinition(
    `The ${label} has no schema`,
    "Pass a schema of a library that implements Standard Schema, such as v.object({ title: v.string() }) of valibot.",
  );
}
