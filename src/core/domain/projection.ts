/**
 * A projection, the read model: a pure fold of events into rows. The same definition runs in the worker and on the
 * server.
 *
 * Guarantees (test: `projection.test.ts`):
 * - A row's next value depends only on the row, on the event, and on the state of the event's stream before and after
 *   it. Therefore Dacapo can rebuild rows from the log at any time.
 * - The type of rows comes from `initial`, never from the handlers.
 */
import { requireFoldOptions } from "./aggregate.ts";
import type { StreamTransition } from "./definition.ts";
import type { Erased } from "./erased.ts";
import type { DomainEvent } from "./event.ts";
import type { AnyAggregate, AnyProjection, EventsOf, Projection, TypesOf } from "./handle-types.ts";
import type { Json } from "../values/json.ts";
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { requireType } from "../values/names.ts";

/** The largest number of characters in one key. */
export const KEY_LENGTH_MAX = 512;

/** The state of the event's stream before and after it. */
type States<A extends AnyAggregate> = { readonly before: TypesOf<A>["state"]; readonly after: TypesOf<A>["state"] };

/** Any event of some aggregates, with the row's key and the state of its stream before and after it. */
export type EventAround<A extends AnyAggregate> = A extends AnyAggregate
  ? {
      [Type in keyof TypesOf<A>["events"] & string]: DomainEvent<
        Type,
        TypesOf<A>["events"][Type],
        TypesOf<A>["name"]
      > & { readonly key: string } & States<A>;
    }[keyof TypesOf<A>["events"] & string]
  : never;

/** A conditional type, so that `initial` alone decides the type of the row, before TypeScript reads the handlers. */
type Handlers<Row, Event extends { readonly type: string }> = [Row] extends [infer R]
  ? { readonly [E in Event as E["type"]]?: (row: R, event: E) => R }
  : never;

/** The keys of the rows that an event changes: one key, several keys, or none. */
export type Keys = string | null | undefined | readonly (string | null | undefined)[];

/** The options of `projection`. TypeScript infers both type parameters. */
export type ProjectionOptions<From extends readonly AnyAggregate[], Row> = {
  /**
   * A whole number from 1. Raise it when `initial`, `key` or a handler change, so that Dacapo rebuilds the rows from
   * the log.
   */
  readonly version: number;
  /** The aggregates whose events it folds. At least one. */
  readonly from: From;
  /**
   * The row of a key without a row yet. Null means that there is no row. Rows are plain JSON. An event whose handler
   * returns another row is parked.
   */
  readonly initial: Row;
  /**
   * Returns the keys of the rows that an event changes: up to 512 characters each. Null and undefined are skipped.
   *
   * @default one row for each stream: `(event) => event.stream`
   */
  readonly key?: (event: EventsOf<From[number]>, around: States<From[number]>) => Keys;
  /**
   * A handler for each event type. It returns the next row, or null to remove the row. It cannot be async. Events
   * without a handler change no row.
   */
  readonly on: Handlers<Row, EventAround<From[number]>>;
};

/**
 * Defines a projection and returns its handle.
 *
 * @throws DefinitionError (`definition`) if a name, a version, an event type or a function is wrong.
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
  return foldOf("projection", name, options);
}

/** Returns the handle of a fold of events into rows, checked. `kind` names it in errors. */
export function foldOf(kind: string, name: string, options: ErasedOptions): AnyProjection {
  const label = `${kind} ${name}`;
  requireType(`a ${kind}`, name);
  requireFoldOptions(label, options);
  const { version, from, initial, key, on } = options;
  requireFrom(label, from);
  if (key !== undefined && typeof key !== "function")
    refuseDefinition(
      `The key of ${label} is not a function`,
      "Write key: (event, { before, after }) => …, or leave it out.",
    );
  const types = new Map(from.map((aggregate) => [aggregate.name, aggregate.definition.events]));
  const handlers = requireHandlers(
    label,
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
      isByStream: !key,
      keys: (event, before, after) => (key ? requireKeys(label, key(event, { before, after })) : [event.stream]),
      apply: (row, event) => {
        const next = handlers.get(event.type)?.(row, event);
        if (next !== undefined && !dropPromise(next)) return next;
        refuseDefinition(
          `The handler of ${label} for ${event.type} returned ${next === undefined ? "undefined" : "a promise"}`,
          "Return the next row, or the row itself. Return null to remove the row. The function cannot be async.",
        );
      },
    },
  };
}

type Handler = Erased<[row: Json, event: DomainEvent & StreamTransition], Json>;

export type ErasedOptions = {
  readonly version: number;
  readonly from: readonly AnyAggregate[];
  readonly initial: Json;
  readonly key?: Erased<[event: DomainEvent, around: Omit<StreamTransition, "key">], unknown>;
  readonly on: { readonly [type: string]: Handler | undefined };
};

function requireFrom(label: string, from: readonly AnyAggregate[]): void {
  const untyped: unknown = from;
  if (
    !Array.isArray(untyped) ||
    untyped.length === 0 ||
    !from.every((aggregate) => aggregate?.definition?.events instanceof Map)
  ) {
    refuseDefinition(
      `The ${label} has no list of aggregates`,
      "Add from: [task, …]. An aggregate may be undefined if files import each other in a circle.",
    );
  }
  const names = from.map((aggregate) => aggregate.name);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined)
    refuseDefinition(`The ${label} names the aggregate ${repeated} twice`, "Name each aggregate once.");
}

/** Checks that each handler is a function for a known event type, and returns the handlers. */
function requireHandlers(
  label: string,
  on: { readonly [type: string]: Handler | undefined },
  knownTypes: readonly string[],
): ReadonlyMap<string, Handler> {
  const handlers = new Map<string, Handler>();
  for (const [type, handler] of Object.entries(on ?? {})) {
    if (handler === undefined) continue;
    if (!knownTypes.includes(type))
      refuseDefinition(
        `The ${label} handles ${type}, which is not an event of its aggregates`,
        `Their events are ${knownTypes.join(", ")}.`,
      );
    if (typeof handler !== "function")
      refuseDefinition(
        `The handler of ${label} for ${type} is not a function`,
        `Write on: { ${type}: (row, { data }) => … }.`,
      );
    handlers.set(type, handler);
  }
  if (handlers.size > 0) return handlers;
  refuseDefinition(`The ${label} handles no events`, "Add on: { TaskAdded: (row, { data }) => … }.");
}

/** Checks the result of an app's key function, and returns its keys, each one once. */
function requireKeys(label: string, result: unknown): readonly string[] {
  const keys = new Set<string>();
  for (const key of Array.isArray(result) ? result : [result]) {
    if (key === undefined || key === null) continue;
    if (typeof key !== "string" || key.length > KEY_LENGTH_MAX || !key.isWellFormed()) {
      const wrong =
        typeof key === "string"
          ? "a text that is too long or not well-formed"
          : dropPromise(key)
            ? "a promise"
            : `a key of type ${typeof key}`;
      refuseDefinition(
        `The key function of ${label} returned ${wrong}`,
        `Return strings of up to ${KEY_LENGTH_MAX} characters, or undefined for no row.`,
      );
    }
    keys.add(key);
  }
  return [...keys];
}
