/**
 * Handles: what `aggregate` and `projection` give an app, and the types that can be taken from them.
 *
 * Place: types only. The names in a handle's type are plain maps of data, never schemas: hovers and `.d.ts` stay readable.
 */
import type { CommandContext, EventOf, InputArgument } from "./command-types.ts";
import type { AggregateDefinition, CommandRequest, ProjectionDefinition, StreamRef } from "./definition.ts";
import type { InputOf } from "./schema.ts";

/** The handle of an aggregate. `Events` maps event types to data, `Inputs` commands to inputs. */
export type Aggregate<Name extends string, State, Events, Inputs> = {
  readonly name: Name;
  readonly definition: AggregateDefinition;
  /** Requests for `execute`: `task.command.add("t1", { title: "Milk" })`. Plain JSON. */
  readonly command: {
    readonly [K in keyof Inputs]: (id: string, ...input: InputArgument<Inputs[K]>) => CommandRequest;
  };
  /** A stream by its id: `task.ref("t1")` is `{ stream: "task/t1" }`. Throws a ValidationError for an id that cannot be one. */
  readonly ref: (id: string) => TypedStreamRef<State>;
  /** Other aggregates whose states its commands read. */
  readonly reads: readonly AnyAggregate[];
  /** Types only: never there at run time. */
  readonly "~types"?: { readonly name: Name; readonly state: State; readonly events: Events; readonly inputs: Inputs };
};

/** Any aggregate, for functions that take one. */
export type AnyAggregate = {
  readonly name: string;
  readonly definition: AggregateDefinition;
  readonly reads: readonly AnyAggregate[];
  readonly "~types"?: {
    readonly name: string;
    readonly state: unknown;
    readonly events: unknown;
    readonly inputs: unknown;
  };
};

/** A stream that knows the type of its state. */
export type TypedStreamRef<State> = StreamRef & { readonly "~state"?: State };

/** The types that a handle carries. */
export type TypesOf<A extends AnyAggregate> = NonNullable<A["~types"]>;

/** The state of an aggregate: `StateOf<typeof task>`. */
export type StateOf<A extends AnyAggregate> = TypesOf<A>["state"];

/** Any event of an aggregate, for functions of your own: `EventsOf<typeof task>`. Narrow it by `type`. */
export type EventsOf<A extends AnyAggregate> = A extends AnyAggregate
  ? EventOf<TypesOf<A>["events"], TypesOf<A>["name"]>
  : never;

/** The inputs of an aggregate's commands by name: `InputsOf<typeof task>["add"]`. */
export type InputsOf<A extends AnyAggregate> = TypesOf<A>["inputs"];

/**
 * What `decide` gets as its third argument, for handlers in files of their own: `Context<typeof task>` in tests and
 * tools, `Context<typeof taskEvents>` of the map of schemas in what the aggregate itself is made of.
 */
export type Context<A> = A extends AnyAggregate
  ? CommandContext<TypesOf<A>["events"]>
  : CommandContext<{ readonly [K in keyof A]: InputOf<A[K]> }>;

/** The handle of a projection. `Row` is a row that is there: without null. */
export type Projection<Name extends string, Row> = {
  readonly name: Name;
  readonly definition: ProjectionDefinition;
  /** The aggregates whose events it folds. */
  readonly from: readonly AnyAggregate[];
  /** Types only: never there at run time. */
  readonly "~types"?: { readonly row: Row };
};

/** Any projection, for functions that take one. */
export type AnyProjection = Projection<string, unknown>;

/** A row of a projection, as tables hold it: `RowOf<typeof board>`. */
export type RowOf<P extends AnyProjection> = NonNullable<P["~types"]>["row"];
