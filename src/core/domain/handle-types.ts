/**
 * The types of the handles that `aggregate` and `projection` return, and the types that an app reads from a handle.
 *
 * A handle's type contains plain maps of data and never schemas, because hovers and `.d.ts` files stay readable then.
 */
import type { CommandContext, EventOf, InputArgument } from "./command-types.ts";
import type { AggregateDefinition, CommandRequest, ProjectionDefinition, StreamRef } from "./definition.ts";
import type { InputOf } from "./schema.ts";

/** The handle of an aggregate. `Events` maps event types to data. `Inputs` maps commands to inputs. */
export type Aggregate<Name extends string, State, Events, Inputs> = {
  /** The name, which is the first part of each stream's name. */
  readonly name: Name;
  /** For Dacapo only: the aggregate with its types erased. */
  readonly definition: AggregateDefinition;
  /**
   * Makes requests for `execute`. A request is plain JSON.
   *
   * @throws ValidationError (`invalid`) if the id cannot name a stream.
   *
   * @example
   * await log.execute(task.command.add("t1", { title: "Milk" }));
   */
  readonly command: {
    readonly [K in keyof Inputs]: (id: string, ...input: InputArgument<Inputs[K]>) => CommandRequest;
  };
  /**
   * Returns the stream of an id.
   *
   * @throws ValidationError (`invalid`) if the id cannot name a stream.
   *
   * @example
   * task.ref("t1") // { stream: "task/t1" }
   */
  readonly ref: (id: string) => TypedStreamRef<State>;
  /** The other aggregates whose states its commands read. */
  readonly reads: readonly AnyAggregate[];
  /** Types only. The field does not exist at run time. */
  readonly "~types"?: { readonly name: Name; readonly state: State; readonly events: Events; readonly inputs: Inputs };
};

/** Any aggregate, for functions with an aggregate as a parameter. */
export type AnyAggregate = {
  /** The name, which is the first part of each stream's name. */
  readonly name: string;
  /** For Dacapo only: the aggregate with its types erased. */
  readonly definition: AggregateDefinition;
  /** The other aggregates whose states its commands read. */
  readonly reads: readonly AnyAggregate[];
  /** Types only. The field does not exist at run time. */
  readonly "~types"?: {
    readonly name: string;
    readonly state: unknown;
    readonly events: unknown;
    readonly inputs: unknown;
  };
};

/** A stream with the type of its state. */
export type TypedStreamRef<State> = StreamRef & {
  /** Types only. The field does not exist at run time. */
  readonly "~state"?: State;
};

/** The types that a handle carries. */
export type TypesOf<A extends AnyAggregate> = NonNullable<A["~types"]>;

/**
 * The state of an aggregate.
 *
 * @example
 * type Task = StateOf<typeof task>;
 */
export type StateOf<A extends AnyAggregate> = TypesOf<A>["state"];

/**
 * Any event of an aggregate, for functions of your own. Narrow it by `type`.
 *
 * @example
 * const describe = (event: EventsOf<typeof task>) => (event.type === "TaskAdded" ? event.data.title : event.type);
 */
export type EventsOf<A extends AnyAggregate> = A extends AnyAggregate
  ? EventOf<TypesOf<A>["events"], TypesOf<A>["name"]>
  : never;

/**
 * The inputs of an aggregate's commands, by the name of the command.
 *
 * @example
 * type NewTask = InputsOf<typeof task>["add"];
 */
export type InputsOf<A extends AnyAggregate> = TypesOf<A>["inputs"];

/**
 * The third argument of `decide`, for handlers in files of their own.
 *
 * Use the map of schemas for a handler of the aggregate itself, because the aggregate does not exist before its
 * handlers.
 *
 * @example
 * const taskEvents = { TaskAdded: v.object({ title: v.string() }) };
 * const add = (_: Task, input: { title: string }, { emit }: Context<typeof taskEvents>) => emit("TaskAdded", input);
 */
export type Context<A> = A extends AnyAggregate
  ? CommandContext<TypesOf<A>["events"]>
  : CommandContext<{ readonly [K in keyof A]: InputOf<A[K]> }>;

/** The handle of a projection. `Row` is the type of a row that exists, without null. */
export type Projection<Name extends string, Row> = {
  /** The name, to which stored rows belong. */
  readonly name: Name;
  /** For Dacapo only: the projection with its types erased. */
  readonly definition: ProjectionDefinition;
  /** The aggregates whose events it folds. */
  readonly from: readonly AnyAggregate[];
  /** Types only. The field does not exist at run time. */
  readonly "~types"?: { readonly row: Row };
};

/** Any projection, for functions with a projection as a parameter. */
export type AnyProjection = Projection<string, unknown>;

/**
 * A row of a projection.
 *
 * @example
 * type Card = RowOf<typeof board>;
 */
export type RowOf<P extends AnyProjection> = NonNullable<P["~types"]>["row"];
