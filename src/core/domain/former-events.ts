/**
 * Former events: events of an older form that this code reads as other events.
 *
 *   stored event ──versions of its schema──▶ its last form ──the app's function──▶ several events, one, or none
 *
 * Stored data never changes, and the events count as one stored event: they have its position and version.
 *
 * Guarantees (test: `former-events.test.ts`):
 * - Each event that the function returns is one of the aggregate's present events, with plain JSON as data.
 * - An event type may be present and former at the same time. Its versions then separate the two.
 */
import { ValidationError } from "../values/errors.ts";
import { requireWord } from "../values/names.ts";
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import type { EventDefinition, FormerDefinition } from "./definition.ts";
import { emit, isDraft } from "./call-app.ts";
import type { Erased } from "./erased.ts";
import type { Draft } from "./event.ts";
import type { Schema } from "./schema.ts";
import { requireJson, versionedBy } from "./upcast.ts";

/** The options of the former events, with their types erased. */
export type ErasedFormer = {
  readonly [type: string]: readonly [schema: Schema, upcast: Erased<[data: unknown, context: object], unknown>];
};

/** Checks the former events of an aggregate and returns their definitions. `label` is the noun for errors. */
export function defineFormer(
  label: string,
  former: ErasedFormer,
  events: ReadonlyMap<string, EventDefinition>,
): ReadonlyMap<string, FormerDefinition> {
  return new Map(
    Object.entries(former).map(([type, given]) => {
      requireWord(`a former event of ${label}`, type);
      const event = `former event ${type} of ${label}`;
      const [schema, upcast] = Array.isArray(given) ? given : [];
      if (typeof upcast !== "function")
        refuseDefinition(
          `The ${event} is not a schema with a function`,
          `Write former: { ${type}: [schema, (data, { emit }) => …] }.`,
        );
      const versions = versionedBy(event, schema);
      const present = events.get(type)?.version;
      if (present !== undefined && present <= versions.version)
        refuseDefinition(
          `The ${event} has version ${versions.version}, and so has the present event ${type}`,
          `Give the present event a later version: ${type}: event(old).next(schema, upcast).`,
        );
      return [
        type,
        {
          version: versions.version,
          upcast: (v, data) => requireDrafts(event, upcast(versions.upcast(v, data), { emit }), events),
        },
      ] satisfies [string, FormerDefinition];
    }),
  );
}

function requireDrafts(event: string, result: unknown, events: ReadonlyMap<string, EventDefinition>): readonly Draft[] {
  dropPromise(result);
  const drafts: readonly unknown[] = Array.isArray(result) ? result : [result];
  return drafts.map((draft) => {
    if (isDraft(draft) && events.has(draft.type)) return { type: draft.type, data: requireJson(event, draft.data) };
    const what = isDraft(draft) ? `the event ${draft.type}` : "a value that is no event";
    throw new ValidationError({
      message: `The function of the ${event} returned ${what}`,
      fix: `Return emit(type, data), an array of them, or []. Its events are ${[...events.keys()].join(", ")}.`,
      details: { path: [], reason: "is not a present event" },
    });
  });
}
