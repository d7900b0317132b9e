/**
 * Versions of a shape: what was written by an older release is brought to the current version when it is read.
 *
 * Holds: versions count 1, 2, 3 …, one for each schema of the chain; only the last one checks new values, and nothing
 * old is parsed again: an upcast from version v runs the steps v → v+1 → … and its result must be plain JSON. What is
 * stored never changes.
 */
import { ValidationError } from "../values/errors.ts";
import type { Json } from "../values/json.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { type InputOf, type OutputOf, parseJson, isSchema, type Schema } from "./schema.ts";

/** A schema with a history of versions. It is a Standard Schema itself: that of the current version. */
export interface EventVersions<Input, Output> extends Schema<Input, Output> {
  readonly "~steps": readonly Step[];
  /** The next version: its schema, and the function that makes its data of the last version's. */
  next<S extends Schema>(schema: S, upcast: (old: Output) => OutputOf<S>): EventVersions<InputOf<S>, OutputOf<S>>;
}

/** The same for the input of a command, which travels raw: an upcast goes from what the old schema took to what the new one takes. */
export interface InputVersions<Input, Output> extends Schema<Input, Output> {
  readonly "~steps": readonly Step[];
  /** The next version: its schema, and the function that makes its input of the last version's. */
  next<S extends Schema>(schema: S, upcast: (old: Input) => InputOf<S>): InputVersions<InputOf<S>, OutputOf<S>>;
}

/**
 * An event whose data changed shape over time.
 *
 * @example
 * const TaskAdded = event(v.object({ title: v.string() }))
 *   .next(v.object({ title: v.string(), column: v.string() }), (old) => ({ ...old, column: "todo" }));
 */
export function event<S extends Schema>(schema: S): EventVersions<InputOf<S>, OutputOf<S>>;
export function event(schema: Schema): ErasedVersions {
  return versions([{ schema: requireSchema("event()", schema), upcast: null }]);
}

/**
 * A command's input whose shape changed over time. Requests made by older releases may wait on devices for weeks.
 *
 * @example
 * const addInput = input(v.object({ title: v.string() }))
 *   .next(v.object({ title: v.string(), column: v.string() }), (old) => ({ ...old, column: "todo" }));
 */
export function input<S extends Schema>(schema: S): InputVersions<InputOf<S>, OutputOf<S>>;
export function input(schema: Schema): ErasedVersions {
  return versions([{ schema: requireSchema("input()", schema), upcast: null }]);
}

/** What an event or an input is checked and upcast with, types erased. */
export type Versioned = {
  readonly version: number;
  readonly schema: Schema;
  /** Throws what the app's function throws. What it gives is not checked. */
  readonly upcast: (v: number, data: unknown) => unknown;
};

/** The value that an upcast gave, where it is plain JSON. */
export function requireJson(what: string, value: unknown): Json {
  const parsed = parseJson(value);
  if (parsed.ok) return parsed.value;
  const { path, reason } = parsed.problem;
  throw new ValidationError({
    message: `An upcast of ${what} gave a value that ${path.length > 0 ? `at ${path.join(".")} ` : ""}${reason}`,
    fix: "Let each upcast give the whole of the next version's data, as plain JSON.",
    details: { path, reason },
  });
}

/** The versions of a schema or of a chain of them. `what` names it in errors. */
export function versionedBy(what: string, schema: unknown): Versioned {
  const current = requireSchema(what, schema);
  const steps = isVersions(current) ? current["~steps"] : [{ schema: current, upcast: null }];
  return {
    version: steps.length,
    schema: steps.at(-1)?.schema ?? current,
    upcast: (v, data) => upcastFrom(what, steps, v, data),
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
        refuseDefinition(
          `.next() for version ${steps.length + 1} has no upcast`,
          "Give .next(schema, (old) => new) a function.",
        );
      }
      return versions([...steps, { schema: requireSchema(".next()", schema), upcast }]);
    },
  };
}

function isVersions(schema: Schema): schema is ErasedVersions {
  return "~steps" in schema;
}

function upcastFrom(what: string, steps: readonly Step[], v: number, data: unknown): unknown {
  if (!Number.isSafeInteger(v) || v < 1 || v > steps.length) {
    throw new ValidationError({
      message: `${what} is known in the versions 1 to ${steps.length}, not in version ${v}`,
      fix: v > steps.length ? "It was written by a newer release: update this one." : "Versions count from 1.",
      details: { path: ["v"], reason: `is not between 1 and ${steps.length}` },
    });
  }
  let value = data;
  for (const step of steps.slice(v)) value = step.upcast?.(value);
  return value;
}

function requireSchema(what: string, schema: unknown): Schema {
  if (isSchema(schema)) return schema;
  refuseDefinition(
    `${what} was not given a schema`,
    "Give a schema of a library that speaks Standard Schema, such as v.object({ title: v.string() }) of valibot.",
  );
}
