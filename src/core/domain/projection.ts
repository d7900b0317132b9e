/**
 * A projection: a pure fold of events into rows, the read model.
 *
 * Place: event → aggregate → projection → domain. The same definition runs in the worker and on the server.
 * Holds: a row's next value depends on the row and the event (and the state of the event's own stream around it) alone,
 * so rows can be made anew from the log at any time. The type of rows comes from `initial`, never from the handlers.
 */
import { requireFolding } from "./aggregate.ts";
import type { StreamTransition } from "./definition.ts";
import type { Erased } from "./erased.ts";
import type { DomainEvent } from "./event.ts";
import type { AnyAggregate, AnyProjection, EventsOf, Projection, TypesOf } from "./handle-types.ts";
import type { Json } from "../values/json.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { requireType } from "../values/names.ts";

/** Characters of one key. */
export const KEY_LENGTH_MAX = 512;

/** The state of the event's stream before and after it. */
type States<A extends AnyAggregate> = { readonly before: TypesOf<A>["state"]; readonly after: TypesOf<A>["state"] };

/** Any event of some aggregates, with what its own stream was before and after it. */
type EventAround<A extends AnyAggregate> = A extends AnyAggregate
  ? {
      [Type in keyof TypesOf<A>["events"] & string]: DomainEvent<
        Type,
        TypesOf<A>["events"][Type],
        TypesOf<A>["name"]
      > & { readonly key: string } & States<A>;
    }[keyof TypesOf<A>["events"] & string]
  : never;

/** As a conditional, so that the row's type is settled by `initial` before handlers are looked at. */
type Handlers<Row, Event extends { readonly type: string }> = [Row] extends [infer R]
  ? { readonly [E in Event as E["type"]]?: (row: R, event: E) => R }
  : never;

/** Keys that an event touches. */
export type Keys = string | null | undefined | readonly (string | null | undefined)[];

export type ProjectionOptions<From extends readonly AnyAggregate[], Row> = {
  /** Raise it when `initial`, `key` or a handler change: the rows are then made anew from the log. */
  readonly version: number;
  readonly from: From;
  /** The row where there is none yet; null: there is no row. */
  readonly initial: Row;
  /** The rows that an event touches. Default: one row a stream, `event.stream`. null and undefined are left out. */
  readonly key?: (event: EventsOf<From[number]>, around: States<From[number]>) => Keys;
  /** A handler gives the next row; null removes it. Events without a handler leave all rows as they are. */
  readonly on: Handlers<Row, EventAround<From[number]>>;
};

/**
 * Defines a projection.
 *
 * @example
 * const titles = projection("titles", {
 *   version: 1,
 *   from: [task],
 *   initial: null as string | null,
 *   on: { TaskAdded: (_, { data }) => data.title, TaskRenamed: (row, { data }) => row && data.title },
 * });
 */
export function projection<const Name extends string, const From extends readonly AnyAggregate[], Row>(
  name: Name,
  options: ProjectionOptions<From, Row>,
): Projection<Name, NonNullable<Row>>;
export function projection(name: string, options: ErasedOptions): AnyProjection {
  const what = `projection ${name}`;
  requireType("a projection", name);
  requireFolding(what, options);
  const { version, from, initial, key, on } = options;
  requireFrom(what, from);
  if (key !== undefined && typeof key !== "function")
    refuseDefinition(
      `The key of ${what} is not a function`,
      "Give key: (event, { before, after }) => … or leave it out.",
    );
  const types = new Map(from.map((aggregate) => [aggregate.name, aggregate.definition.events]));
  const handlers = handlersOf(
    what,
    on,
    [...types.values()].flatMap((events) => [...events.keys()]),
  );

  return {
    name,
    from,
    definition: {
      name,
      version,
      from: new Set(types.keys()),
      initial,
      handles: (aggregate, type) => handlers.has(type) && types.get(aggregate)?.has(type) === true,
      keys: (event, before, after) => (key ? keysOf(what, key(event, { before, after })) : [event.stream]),
      apply: (row, event) => {
        const next = handlers.get(event.type)?.(row, event);
        if (next !== undefined) return next;
        refuseDefinition(
          `The ${what} made undefined of ${event.type}`,
          "Give the next row, or the row as it was. For no row, use null.",
        );
      },
    },
  };
}

type Handler = Erased<[row: Json, event: DomainEvent & StreamTransition], Json>;

type ErasedOptions = {
  readonly version: number;
  readonly from: readonly AnyAggregate[];
  readonly initial: Json;
  readonly key?: Erased<[event: DomainEvent, around: Omit<StreamTransition, "key">], unknown>;
  readonly on: { readonly [type: string]: Handler | undefined };
};

function requireFrom(what: string, from: readonly AnyAggregate[]): void {
  const given: unknown = from;
  if (
    !Array.isArray(given) ||
    given.length === 0 ||
    !from.every((aggregate) => aggregate?.definition?.events instanceof Map)
  ) {
    refuseDefinition(
      `The ${what} does not say from which aggregates`,
      "Give from: [task, …], the handles that aggregate() gave.",
    );
  }
  const names = from.map((aggregate) => aggregate.name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    refuseDefinition(`The ${what} names the aggregate ${twice} twice`, "Name each aggregate once.");
}

function handlersOf(
  what: string,
  on: { readonly [type: string]: Handler | undefined },
  known: readonly string[],
): ReadonlyMap<string, Handler> {
  const handlers = new Map<string, Handler>();
  for (const [type, handler] of Object.entries(on ?? {})) {
    if (handler === undefined) continue;
    if (!known.includes(type))
      refuseDefinition(
        `The ${what} handles ${type}, which is no event of its aggregates`,
        `Their events are ${known.join(", ")}.`,
      );
    if (typeof handler !== "function")
      refuseDefinition(
        `The handler of ${what} for ${type} is not a function`,
        `Give on: { ${type}: (row, { data }) => … }.`,
      );
    handlers.set(type, handler);
  }
  if (handlers.size > 0) return handlers;
  refuseDefinition(`The ${what} handles no events`, "Give on: { TaskAdded: (row, { data }) => … }.");
}

function keysOf(what: string, given: unknown): readonly string[] {
  const keys = new Set<string>();
  for (const key of Array.isArray(given) ? given : [given]) {
    if (key === undefined || key === null) continue;
    if (typeof key !== "string" || key.length > KEY_LENGTH_MAX || !key.isWellFormed()) {
      refuseDefinition(
        `The key function of ${what} gave ${typeof key === "string" ? "a text that is too long or not well-formed" : `a key of type ${typeof key}`}`,
        `Give strings of up to ${KEY_LENGTH_MAX} characters, or undefined for none.`,
      );
    }
    keys.add(key);
  }
  return [...keys];
}
