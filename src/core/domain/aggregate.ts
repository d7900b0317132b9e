/**
 * An aggregate, the unit of consistency: an initial state, events, `evolve` (which folds one event), and commands.
 *
 * Guarantees:
 * - TypeScript infers the whole type of a handle from the schemas and from `initial` (test:
 *   `schema.libraries.types.test.ts`).
 * - A mistake that TypeScript cannot see throws a DefinitionError when the program starts (test: `aggregate.test.ts`).
 */
import type { CommandContext, CommandOptions, DraftOf } from "./command-types.ts";
import { defineEvents, defineEvolve } from "./define-events.ts";
import { defineCommand, type ErasedCommand, readTargets } from "./define-command.ts";
import type { CommandDefinition, CommandRequest, StreamRef } from "./definition.ts";
import type { DomainEvent } from "./event.ts";
import { defineFormer, type ErasedFormer } from "./former-events.ts";
import type { Aggregate, AnyAggregate, StateOf } from "./handle-types.ts";
import { findJsonProblem, type Json } from "../values/json.ts";
import { describePlace } from "../values/parsed.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { type InputOf, type OutputOf, type Schema } from "./schema.ts";
import { requireType, streamName } from "../values/names.ts";

// If these types were exported, a handle's type would show their names. Now it shows plain data.
/** The data of each event as `evolve` and readers get it. */
type DataOf<E> = { readonly [K in keyof E]: OutputOf<E[K]> };
/** The data of each event as `emit` accepts it. */
type DraftsOf<E> = { readonly [K in keyof E]: InputOf<E[K]> };
/** The input that each command accepts. `C` are the names of all commands, `I` are the schemas of inputs by name. */
type InputMap<C extends string, I> = { readonly [K in C]: K extends keyof I ? InputOf<I[K]> : undefined };

/** The literal is the compiler's message. The reason: an output is stored and folded without another check. */
type EventCheck<S> = S extends Schema
  ? [OutputOf<S>] extends [InputOf<S>]
    ? unknown
    : "An event's schema must accept its own output. Trims and defaults are fine, string to Date is not"
  : Schema;

/** A conditional type. Otherwise TypeScript infers `string` instead of the literal `"open"`. */
type Fold<State, Event> = [State] extends [infer S] ? (state: S, event: Event) => S : never;

/** The states that a command reads. A read that is not a handle is `"self"`. */
type ReadStates<State, Reads> = {
  readonly [N in keyof Reads]: Reads[N] extends AnyAggregate ? StateOf<Reads[N]> : State;
};

/**
 * The options of `aggregate`. TypeScript infers all type parameters. `C` are the names of the commands. `I` cannot hold
 * them, because TypeScript infers no name from a command without an input.
 */
export type AggregateOptions<Name extends string, State, E, C extends string, I, R, F, Recorded extends boolean> = {
  /**
   * A whole number from 1. Raise it when `evolve` or `initial` change, so that Dacapo rebuilds stored states from the
   * log.
   */
  readonly version: number;
  /** The state of a stream without events. States are plain JSON. */
  readonly initial: State;
  /** A schema for each event, or `event(schema).next(schema, upcast)` for an event that changed. */
  readonly events: E & { readonly [K in keyof E]: EventCheck<E[K]> };
  /**
   * Events of an older form that this code reads as other events: several, one of another type, or none. Each has its
   * last schema, and a pure function that returns events of `events`. They have the position and the version of the
   * stored event. No schema checks their data again.
   *
   * A type of `events` may be here too, up to a version before its present one. Raise `version` when you change this.
   *
   * @default {}
   *
   * @example
   * former: {
   *   TaskMovedAndRenamed: [movedAndRenamed, (data, { emit }) => [emit("TaskMoved", data), emit("TaskRenamed", data)]],
   *   TaskOpened: [v.object({}), () => []],
   * }
   */
  readonly former?: {
    readonly [K in keyof F]: readonly [
      F[K] & (F[K] extends Schema ? unknown : Schema),
      (
        data: OutputOf<F[K]>,
        context: Pick<CommandContext<DataOf<E>>, "emit">,
      ) => DraftOf<DataOf<E>> | readonly DraftOf<DataOf<E>>[],
    ];
  };
  /**
   * Folds each event into the state. It is pure: the same state and event return the same state on every device.
   *
   * A function without parameters needs `as const` for a literal, because TypeScript reads it before it knows the
   * state: `OrderPaid: () => ({ status: "paid" as const })`.
   */
  readonly evolve: { readonly [K in keyof E]: Fold<State, DomainEvent<K & string, OutputOf<E[K]>, Name>> };
  /**
   * The commands, by name.
   *
   * @default {}
   */
  readonly commands?: {
    readonly [K in C]: CommandOptions<
      Name,
      State,
      DraftsOf<E>,
      DataOf<E>,
      InputMap<C, I>,
      K extends keyof I ? I[K] : undefined,
      K extends keyof R ? ReadStates<State, R[K]> : unknown
    >;
  } & {
    readonly [K in keyof I]: {
      readonly input?: I[K] & (I[K] extends Schema ? unknown : Schema);
    };
  } & {
    readonly [K in keyof R]: {
      /**
       * The states of other streams that `decide` needs, at most 16. If one of them changes, the command has a
       * conflict. `"self"` names this aggregate.
       *
       * @default {}
       *
       * @example
       * reads: { target: [column, (input) => input.column] }
       */
      readonly reads?: {
        readonly [N in keyof R[K]]: readonly [
          (R[K][N] & (R[K][N] extends AnyAggregate ? unknown : AnyAggregate)) | "self",
          (input: K extends keyof I ? OutputOf<I[K]> : never) => string,
        ];
      };
    };
  };
  /**
   * True for facts without decisions, such as the readings of a sensor. The aggregate then has one command for each
   * event, which records its input as the event. The server must allow it.
   *
   * @default false
   */
  readonly recorded?: Recorded;
};

/**
 * Defines an aggregate and returns its handle.
 *
 * @throws DefinitionError (`definition`) if a name, a version, a schema or a function is wrong.
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
 *       decide: (total, input, { emit, reject }) =>
 *         total + input.amount < 0 ? reject("below-zero") : emit("Added", input),
 *     },
 *   },
 * });
 * counter.command.add("c1", { amount: 2 }); // { stream: "counter/c1", name: "add", v: 1, input: { amount: 2 } }
 */
export function aggregate<
  const Name extends string,
  State,
  E,
  C extends string = never,
  I = Record<never, never>,
  R = Record<never, never>,
  F = Record<never, never>,
  const Recorded extends boolean = false,
>(
  name: Name,
  options: AggregateOptions<Name, State, E, C, I, R, F, Recorded>,
): Aggregate<Name, State, DataOf<E>, Recorded extends true ? DraftsOf<E> : InputMap<C, I>>;
export function aggregate(name: string, options: ErasedOptions): ErasedAggregate {
  const label = `aggregate ${name}`;
  requireType("an aggregate", name);
  requireFoldOptions(label, options);
  const { version, initial, recorded = false } = options;
  const events = defineEvents(label, options.events);
  const definitions = new Map<string, CommandDefinition>();
  const command: Record<string, (id: string, input?: Json) => CommandRequest> = {};
  const commands = recorded ? recordingCommands(label, options) : (options.commands ?? {});
  for (const [commandName, one] of Object.entries(commands)) {
    const definition = defineCommand(name, commandName, one, (stream) => streamCommands(command, stream));
    definitions.set(commandName, definition);
    command[commandName] = (id, input) => ({
      stream: streamName(name, id),
      name: commandName,
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
      former: defineFormer(label, options.former ?? {}, events),
      commands: definitions,
      evolve: defineEvolve(label, options.evolve, events),
      recorded,
    },
    command,
    reads: Object.values(commands).flatMap(readTargets),
    ref: (id) => ({ stream: streamName(name, id) }),
  };
}

type ErasedOptions = {
  readonly version: number;
  readonly initial: Json;
  readonly events: { readonly [type: string]: Schema };
  readonly former?: ErasedFormer;
  readonly evolve: { readonly [type: string]: (state: Json, event: DomainEvent) => Json };
  readonly commands?: { readonly [name: string]: ErasedCommand };
  readonly recorded?: boolean;
};

type ErasedAggregate = Pick<AnyAggregate, "name" | "definition" | "reads"> & {
  readonly command: { readonly [name: string]: (id: string, input?: Json) => CommandRequest };
  readonly ref: (id: string) => StreamRef;
};

/** Checks the options that aggregates and projections share: a version, and an initial value that can be stored. */
export function requireFoldOptions(label: string, options: { readonly version: number; readonly initial: Json }): void {
  if (typeof options !== "object" || options === null)
    refuseDefinition(`The ${label} has no options`, "Pass an object with version, initial and the other options.");
  if (!Number.isSafeInteger(options.version) || options.version < 1) {
    refuseDefinition(`The version of ${label} is ${String(options.version)}`, "Use a whole number, and count from 1.");
  }
  const problem = findJsonProblem(options.initial);
  if (problem) {
    refuseDefinition(
      `The initial value of ${label}${describePlace(problem.path)} ${problem.reason}`,
      "Use plain JSON, because states and rows are stored. Use null for an empty state or row.",
      { path: problem.path, reason: problem.reason },
    );
  }
}

/** Returns a command for each event, which records its input as the event. */
function recordingCommands(
  label: string,
  { events, commands }: ErasedOptions,
): { readonly [name: string]: ErasedCommand } {
  if (commands)
    refuseDefinition(
      `The ${label} is recorded and has commands`,
      "Remove one of them, because a recorded aggregate makes no decisions.",
    );
  return Object.fromEntries(
    Object.entries(events).map(([type, schema]) => [
      type,
      { input: schema, decide: (_state: Json, data: unknown) => ({ type, data }), onConflict: "keep" },
    ]),
  );
}

/** Returns the commands of one stream, without the id. */
function streamCommands(
  command: ErasedAggregate["command"],
  stream: string,
): { readonly [name: string]: (input?: Json) => CommandRequest } {
  const id = stream.slice(stream.indexOf("/") + 1);
  return Object.fromEntries(Object.entries(command).map(([name, request]) => [name, (input) => request(id, input)]));
}
