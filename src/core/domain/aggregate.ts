/**
 * An aggregate: initial state, events, `evolve` (folds one event), commands. The unit of consistency.
 *
 * Place: event → aggregate → projection → domain. An app's domain file makes handles; the rest of Dacapo knows only
 * their `definition`, where the types are erased.
 * Holds: everything shown in the handle's type is inferred from schemas and `initial`; what TypeScript cannot refuse
 * (and what JavaScript users get wrong) is refused when the program starts, with a DefinitionError.
 */
import type { CommandOptions } from "./command-types.ts";
import { defineCommand, type ErasedCommand, readTargets } from "./define-command.ts";
import type {
  AggregateDefinition,
  CommandDefinition,
  CommandRequest,
  EventDefinition,
  StreamRef,
} from "./definition.ts";
import type { DomainEvent } from "./event.ts";
import type { Aggregate, AnyAggregate, StateOf } from "./handle-types.ts";
import { findJsonProblem, type Json } from "../values/json.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { type InputOf, type OutputOf, parseJsonWith, type Schema } from "./schema.ts";
import { requireType, requireWord, streamName } from "../values/names.ts";
import { requireJson, versionedBy } from "./upcast.ts";

// Not exported: TypeScript writes out an alias that cannot be named, so a handle's type shows plain data, not schemas.
/** The data of each event as `evolve` and readers get it. */
type DataOf<E> = { readonly [K in keyof E]: OutputOf<E[K]> };
/** The data of each event as `emit` takes it. */
type DraftsOf<E> = { readonly [K in keyof E]: InputOf<E[K]> };
/** What the commands take. */
type InputMap<I> = { readonly [K in keyof I]: InputOf<I[K]> };

type EventCheck<S> = S extends Schema
  ? [OutputOf<S>] extends [InputOf<S>]
    ? unknown
    : "An event's schema must accept what it gives: its output is stored and folded without being parsed again. Trims and defaults are fine, string to Date is not"
  : Schema;

/** As a conditional, so that the literals of a state (`status: "open"`) do not widen. */
type Fold<State, Event> = [State] extends [infer S] ? (state: S, event: Event) => S : never;

/** The states that a command reads; what is no handle is `"self"`. */
type ReadStates<State, Reads> = {
  readonly [N in keyof Reads]: Reads[N] extends AnyAggregate ? StateOf<Reads[N]> : State;
};

export type AggregateOptions<Name extends string, State, E, I, R, Recorded extends boolean> = {
  /** Raise it when `evolve` or `initial` change: stored states are then made anew from the log. */
  readonly version: number;
  /** The state of a stream without events. */
  readonly initial: State;
  /** A schema for each event, or `event(schema).next(schema, upcast)` for one that changed. */
  readonly events: E & { readonly [K in keyof E]: EventCheck<E[K]> };
  /** Folds each event into the state. Pure: the same state and event give the same state, for ever. */
  readonly evolve: { readonly [K in keyof E]: Fold<State, DomainEvent<K & string, OutputOf<E[K]>, Name>> };
  readonly commands?: {
    readonly [K in keyof I]: CommandOptions<
      Name,
      State,
      DraftsOf<E>,
      DataOf<E>,
      InputMap<I>,
      I[K],
      K extends keyof R ? ReadStates<State, R[K]> : unknown
    >;
  } & {
    readonly [K in keyof R]: {
      /** States of other streams for `decide`, and a conflict when they change: `{ target: [column, (input) => input.column] }`. At most 16; `"self"` names this aggregate. */
      readonly reads?: {
        readonly [N in keyof R[K]]: readonly [
          (R[K][N] & (R[K][N] extends AnyAggregate ? unknown : AnyAggregate)) | "self",
          (input: K extends keyof I ? OutputOf<I[K]> : never) => string,
        ];
      };
    };
  };
  /** Facts without commands (a sensor's readings): one command for each event records it as it is. The server must allow it. */
  readonly recorded?: Recorded;
};

/**
 * Defines an aggregate.
 *
 * @example
 * const counter = aggregate("counter", {
 *   version: 1,
 *   initial: 0,
 *   events: { Added: v.object({ amount: v.number() }) },
 *   evolve: { Added: (total, { data }) => total + data.amount },
 *   commands: {
 *     add: {
 *       input: v.object({ amount: v.number() }),
 *       decide: (total, input, { emit, reject }) => (total + input.amount < 0 ? reject("below-zero") : emit("Added", input)),
 *     },
 *   },
 * });
 * counter.command.add("c1", { amount: 2 }); // { stream: "counter/c1", name: "add", v: 1, input: { amount: 2 } }
 */
export function aggregate<
  const Name extends string,
  State,
  E,
  I = Record<never, never>,
  R = Record<never, never>,
  const Recorded extends boolean = false,
>(
  name: Name,
  options: AggregateOptions<Name, State, E, I, R, Recorded>,
): Aggregate<Name, State, DataOf<E>, Recorded extends true ? DraftsOf<E> : InputMap<I>>;
export function aggregate(name: string, options: ErasedOptions): ErasedAggregate {
  const what = `aggregate ${name}`;
  requireType("an aggregate", name);
  requireFolding(what, options);
  const { version, initial, recorded = false } = options;
  const events = defineEvents(what, options.events);
  const definitions = new Map<string, CommandDefinition>();
  const command: Record<string, (id: string, input?: Json) => CommandRequest> = {};
  const written = recorded ? recordings(what, options) : (options.commands ?? {});
  for (const [key, one] of Object.entries(written)) {
    const definition = defineCommand(name, key, one, (stream) => commandsOf(command, stream));
    definitions.set(key, definition);
    command[key] = (id, input) => ({
      stream: streamName(name, id),
      name: key,
      v: definition.version,
      ...(input === undefined ? {} : { input }),
    });
  }
  return {
    name,
    definition: {
      name,
      version,
      initial,
      events,
      commands: definitions,
      evolve: foldOf(what, options.evolve, events),
      recorded,
    },
    command,
    reads: Object.values(written).flatMap(readTargets),
    ref: (id) => ({ stream: streamName(name, id) }),
  };
}

type ErasedOptions = {
  readonly version: number;
  readonly initial: Json;
  readonly events: { readonly [type: string]: Schema };
  readonly evolve: { readonly [type: string]: (state: Json, event: DomainEvent) => Json };
  readonly commands?: { readonly [name: string]: ErasedCommand };
  readonly recorded?: boolean;
};

type ErasedAggregate = Pick<AnyAggregate, "name" | "definition" | "reads"> & {
  readonly command: { readonly [name: string]: (id: string, input?: Json) => CommandRequest };
  readonly ref: (id: string) => StreamRef;
};

/** What aggregates and projections share: a version, and an initial value that can be stored. */
export function requireFolding(what: string, options: { readonly version: number; readonly initial: Json }): void {
  if (typeof options !== "object" || options === null)
    refuseDefinition(`The ${what} has no options`, "Give an object with version, initial and the rest.");
  if (!Number.isSafeInteger(options.version) || options.version < 1) {
    refuseDefinition(`The version of ${what} is ${String(options.version)}`, "Count from 1, in whole numbers.");
  }
  const problem = findJsonProblem(options.initial);
  if (problem) {
    refuseDefinition(
      `The initial value of ${what} ${problem.path.length > 0 ? `at ${problem.path.join(".")} ` : ""}${problem.reason}`,
      "States and rows are stored: use plain JSON. For none, use null.",
      { path: problem.path, reason: problem.reason },
    );
  }
}

function defineEvents(what: string, schemas: ErasedOptions["events"]): ReadonlyMap<string, EventDefinition> {
  const events = new Map<string, EventDefinition>();
  for (const [type, schema] of Object.entries(schemas ?? {})) {
    requireWord(`an event of ${what}`, type);
    const event = `event ${type} of ${what}`;
    const { version, schema: current, upcast } = versionedBy(event, schema);
    events.set(type, {
      version,
      parse: (data) => parseJsonWith(current, data),
      upcast: (v, data) => (v === version ? data : requireJson(event, upcast(v, data))),
    });
  }
  if (events.size > 0) return events;
  refuseDefinition(`The ${what} has no events`, "Give events: { TaskAdded: schema, … }.");
}

function foldOf(
  what: string,
  evolve: ErasedOptions["evolve"],
  events: ReadonlyMap<string, EventDefinition>,
): AggregateDefinition["evolve"] {
  const handlers = new Map(Object.entries(evolve ?? {}));
  for (const type of events.keys()) {
    if (typeof handlers.get(type) === "function") continue;
    refuseDefinition(
      `The ${what} does not evolve by its event ${type}`,
      `Add evolve: { ${type}: (state, { data }) => … }; to ignore it, give the state back.`,
    );
  }
  for (const type of handlers.keys()) {
    if (!events.has(type))
      refuseDefinition(
        `The ${what} evolves by ${type}, which is none of its events`,
        `Its events are ${[...events.keys()].join(", ")}.`,
      );
  }
  return (state, event) => {
    const next = handlers.get(event.type)?.(state, event);
    if (next !== undefined) return next;
    refuseDefinition(
      `The ${what} evolved by ${event.type} into undefined`,
      "Give the next state, or the state as it was, from evolve. For no state, use null.",
    );
  };
}

/** A command for each event, which records it as it is. */
function recordings(what: string, { events, commands }: ErasedOptions): { readonly [name: string]: ErasedCommand } {
  if (commands)
    refuseDefinition(
      `The ${what} is recorded and has commands`,
      "Leave out one of them: what is recorded comes without a decision.",
    );
  return Object.fromEntries(
    Object.entries(events).map(([type, schema]) => [
      type,
      { input: schema, decide: (_state: Json, data: unknown) => ({ type, data }), onConflict: "keep" },
    ]),
  );
}

function commandsOf(
  command: ErasedAggregate["command"],
  stream: string,
): { readonly [name: string]: (input?: Json) => CommandRequest } {
  const id = stream.slice(stream.indexOf("/") + 1);
  return Object.fromEntries(Object.entries(command).map(([name, make]) => [name, (input) => make(id, input)]));
}
