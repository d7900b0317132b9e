/** The definitions of an aggregate's events and of its fold, made from the options that an app wrote. */
import type { AggregateDefinition, EventDefinition } from "./definition.ts";
import type { DomainEvent } from "./event.ts";
import type { Json } from "../values/json.ts";
import { requireWord } from "../values/names.ts";
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { parseJsonWith, type Schema } from "./schema.ts";
import { requireJson, versionedBy } from "./upcast.ts";

/** Checks the schemas of the events and returns their definitions. `label` is the noun for errors. */
export function defineEvents(
  label: string,
  schemas: { readonly [type: string]: Schema },
): ReadonlyMap<string, EventDefinition> {
  const events = new Map<string, EventDefinition>();
  for (const [type, schema] of Object.entries(schemas ?? {})) {
    requireWord(`an event of ${label}`, type);
    const event = `event ${type} of ${label}`;
    const { version, schema: current, upcast } = versionedBy(event, schema);
    events.set(type, {
      version,
      parse: (data) => parseJsonWith(current, data),
      upcast: (v, data) => (v === version ? data : requireJson(event, upcast(v, data))),
    });
  }
  if (events.size > 0) return events;
  refuseDefinition(`The ${label} has no events`, "Add events: { TaskAdded: schema, … }.");
}

/** Checks that each event has a handler and each handler an event, and returns the fold. */
export function defineEvolve(
  label: string,
  evolve: { readonly [type: string]: (state: Json, event: DomainEvent) => Json },
  events: ReadonlyMap<string, EventDefinition>,
): AggregateDefinition["evolve"] {
  const handlers = new Map(Object.entries(evolve ?? {}));
  for (const type of events.keys()) {
    if (typeof handlers.get(type) === "function") continue;
    refuseDefinition(
      `The ${label} has no evolve function for its event ${type}`,
      `Add evolve: { ${type}: (state, { data }) => … }. Return the state itself to ignore the event.`,
    );
  }
  for (const type of handlers.keys()) {
    if (!events.has(type))
      refuseDefinition(
        `The ${label} has an evolve function for ${type}, which is not one of its events`,
        `Its events are ${[...events.keys()].join(", ")}. Remove the function, or add the event.`,
      );
  }
  return (state, event) => {
    const next = handlers.get(event.type)?.(state, event);
    if (next !== undefined && !dropPromise(next)) return next;
    refuseDefinition(
      `The evolve of ${label} returned ${next === undefined ? "undefined" : "a promise"} for the event ${event.type}`,
      "Return the next state, or the state itself. Use null for an empty state. The function cannot be async.",
    );
  };
}
