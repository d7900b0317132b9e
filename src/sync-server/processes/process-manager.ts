/**
 * A process manager: a state for each process, folded from the log, and the commands that follow from its events.
 *
 * Place: the public function `processManager` of `dacapo/sync-server`, and its checks.
 *
 * Guarantees: a process manager is checked before the server listens (processes.test.ts).
 */
import type { CommandRequest, DomainDefinition, StreamTransition } from "../../core/domain/definition.ts";
import type { Erased } from "../../core/domain/erased.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { AnyAggregate, EventsOf, Projection, StateOf } from "../../core/domain/handle-types.ts";
import { type EventAround, foldOf, type Keys } from "../../core/domain/projection.ts";
import { projectionIdentity } from "../../core/fold/identity.ts";
import type { Json } from "../../core/values/json.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { dropPromise } from "../../core/values/promise.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { requireStart, type Subscriber } from "../subscribers/subscriber.ts";

/** The third argument of a handler: the commands that follow from the event. */
export type ProcessVerbs = {
  /**
   * Sends a command, or several that succeed or fail together, to the log of the event. It is executed after the
   * handler, once.
   *
   * @example
   * run(order.command.ship(key));
   *
   * @throws ValidationError (`invalid`) if a command is not valid. The event is then parked.
   */
  readonly run: (commands: CommandRequest | readonly CommandRequest[]) => void;
  /**
   * Starts a timer: the command is executed when the time is over. `after` is milliseconds since the server received
   * the event, or a date. A timer of the same name is replaced.
   *
   * @example
   * later("payment-late", 15 * 60_000, order.command.cancel(key, { reason: "payment-late" }));
   *
   * @throws ValidationError (`invalid`) if the name, the time or a command is not valid. The event is then parked.
   */
  readonly later: (name: string, after: number | Date, commands: CommandRequest | readonly CommandRequest[]) => void;
  /**
   * Stops a timer. Without such a timer, it does nothing.
   *
   * @example
   * drop("payment-late");
   */
  readonly drop: (name: string) => void;
};

/** A handler for each event type. It returns the next row of the process, or null when the process has ended. */
type Handlers<Row, Event extends { readonly type: string }> = [Row] extends [infer R]
  ? { readonly [E in Event as E["type"]]?: (row: R, event: E, verbs: ProcessVerbs) => R }
  : never;

/** The argument of `onRejected`. */
export type RejectedCommand<Row> = {
  /** The key of the process. */
  readonly key: string;
  /** The row of the process. It cannot change here, because it is a fold of the log alone. */
  readonly row: Row;
  /** The domain's own code of the rejection, such as `sold-out`. */
  readonly code: string;
  /** The reason in words, for people. */
  readonly message: string;
  /** The commands of the rejected commit. */
  readonly commands: readonly CommandRequest[];
  /** The name of the timer. Null: the command was sent by `run`. */
  readonly timer: string | null;
};

/** The options of `processManager`. TypeScript infers both type parameters. */
export type ProcessManagerOptions<From extends readonly AnyAggregate[], Row> = {
  /**
   * A whole number from 1. Raise it when `initial`, `key` or a handler change. The server then folds the rows again
   * without sending a command, and reacts with the new code from its place in the log on.
   */
  readonly version: number;
  /** The aggregates whose events it handles. At least one. */
  readonly from: From;
  /**
   * The first event. `beginning`: all events of each log, also those from before the process manager existed. `since`:
   * the events that the server received at this time or later.
   *
   * @example
   * start: { since: new Date("2026-11-29T12:00:00Z") }
   */
  readonly start: "beginning" | { readonly since: Date };
  /** The row of a process before its first event. Null means that there is no row. Rows are plain JSON. */
  readonly initial: Row;
  /**
   * Returns the keys of the processes that an event belongs to. Null and undefined are skipped.
   *
   * @default one process for each stream: `(event) => event.stream`
   */
  readonly key?: (
    event: EventsOf<From[number]>,
    around: { readonly before: StateOf<From[number]>; readonly after: StateOf<From[number]> },
  ) => Keys;
  /**
   * A pure handler for each event type. It returns the next row, or null when the process has ended. An ended process
   * has no timers. Events without a handler are passed over.
   */
  readonly on: Handlers<Row, EventAround<From[number]>>;
  /**
   * Called after the log rejected a command of a process. It may send other commands.
   *
   * @default a rejection has no consequence
   */
  readonly onRejected?: (rejection: RejectedCommand<Row>, verbs: ProcessVerbs) => void;
};

/** The handle of a process manager. `Row` is the type of a row that exists, without null. */
export type ProcessManager<Name extends string, Row> = Projection<Name, Row> & {
  /** For Dacapo only: the checked options. */
  readonly process: ProcessOptions;
};

/** Any process manager, for functions with one as a parameter. */
export type AnyProcessManager = ProcessManager<string, unknown>;

type ProcessOptions = {
  /** Milliseconds since the epoch. Events that were received earlier are passed over. */
  readonly sinceMs: number;
  /** Returns the next row. It calls the verbs for the commands. */
  readonly react: (row: Json, event: DomainEvent & StreamTransition, verbs: ProcessVerbs) => Json;
  readonly onRejected: (rejection: RejectedCommand<Json>, verbs: ProcessVerbs) => void;
};

/** A process manager of a server. Its rows are read like those of a read model. */
export type ProcessDefinition = ReadModel &
  ProcessOptions & {
    /** Rises with each change of the code that folds its rows. An older release does not take over a newer one. */
    readonly release: Release;
  };

/** The version of a process manager, and the sum of the versions of its aggregates. */
export type Release = readonly [version: number, aggregates: number];

type Handler = Erased<[row: Json, event: DomainEvent & StreamTransition, verbs: ProcessVerbs], Json>;

/** A handler that sends no commands. */
type Fold = Erased<[row: Json, event: DomainEvent & StreamTransition], Json>;

type ErasedOptions = {
  readonly version: number;
  readonly from: readonly AnyAggregate[];
  readonly start: "beginning" | { readonly since: Date };
  readonly initial: Json;
  readonly key?: Erased<[event: DomainEvent, around: Omit<StreamTransition, "key">], unknown>;
  readonly on: { readonly [type: string]: Handler | undefined };
  readonly onRejected?: Erased<[rejection: RejectedCommand<Json>, verbs: ProcessVerbs], void>;
};

const OPTIONS: OptionNames<ErasedOptions> = {
  version: true,
  from: true,
  start: true,
  initial: true,
  key: true,
  on: true,
  onRejected: true,
};
const PREFIX = { live: "process/", beside: "process-beside/" } as const;

/** Verbs that do nothing, for a fold that does not react. */
export const NO_VERBS: ProcessVerbs = { run: () => {}, later: () => {}, drop: () => {} };

/**
 * Defines a process manager and returns its handle, for the option `subscribers` of a server.
 *
 * It reacts to each event exactly once: one write moves its place in the log, its rows and its commands.
 *
 * @throws DefinitionError (`definition`) if a name, an option, a version, an event type or a function is wrong.
 *
 * @example
 * const chores = processManager("chores", {
 *   version: 1,
 *   from: [task],
 *   start: "beginning",
 *   initial: null as { reminded: boolean } | null,
 *   on: {
 *     TaskAdded: (_, { stream }, { later }) => {
 *       later("remind", 24 * 60 * 60_000, task.command.remind(stream.slice("task/".length)));
 *       return { reminded: false };
 *     },
 *     TaskDone: () => null,
 *   },
 * });
 */
export function processManager<const Name extends string, const From extends readonly AnyAggregate[], Row>(
  name: Name,
  options: ProcessManagerOptions<From, Row>,
): ProcessManager<Name, NonNullable<Row>>;
export function processManager(name: string, options: ErasedOptions): AnyProcessManager {
  const label = `process manager ${name}`;
  const on = Object.entries(options?.on ?? {});
  const withoutVerbs: Record<string, Fold | undefined> = {};
  for (const [type, handler] of on) withoutVerbs[type] = isFunction(handler) ? withNoVerbs(handler) : handler;
  const fold = foldOf("process manager", name, { ...options, on: withoutVerbs });
  requireKnownOptions(`The ${label}`, options, OPTIONS);
  const { onRejected } = options;
  if (onRejected !== undefined && typeof onRejected !== "function")
    refuseDefinition(`onRejected of ${label} is not a function`, "Write onRejected: ({ key, code }, { run }) => …");
  const handlers = new Map(on);
  return {
    ...fold,
    process: {
      sinceMs: requireStart(label, options.start),
      react: (row, event, verbs) => {
        const next = handlers.get(event.type)?.(row, event, verbs);
        if (next !== undefined && !dropPromise(next)) return next;
        refuseDefinition(
          `The handler of ${label} for ${event.type} returned ${next === undefined ? "undefined" : "a promise"}`,
          "Return the next row, or the row itself. Return null when the process has ended. A handler is not async.",
        );
      },
      onRejected: (rejection, verbs) => {
        const result: unknown = onRejected?.(rejection, verbs);
        if (!dropPromise(result)) return;
        refuseDefinition(`onRejected of ${label} returned a promise`, "Write a function that is not async.");
      },
    },
  };
}

/** The subscribers and the process managers in the option `subscribers` of a server. */
export function splitSubscribers(handles: readonly (Subscriber | AnyProcessManager)[]): {
  readonly subscribers: readonly Subscriber[];
  readonly processes: readonly AnyProcessManager[];
} {
  const list: unknown = handles;
  if (!Array.isArray(list))
    refuseDefinition("The option `subscribers` is not an array", "Write subscribers: [mailer].");
  const subscribers: Subscriber[] = [];
  const processes: AnyProcessManager[] = [];
  // An entry may be undefined, after imports in a circle. The check of subscribers names it.
  for (const handle of handles) {
    if (handle !== undefined && "process" in handle) processes.push(handle);
    else subscribers.push(handle);
  }
  return { subscribers, processes };
}

/**
 * Checks the process managers of a server, and returns them by name. `taken` has the names of its subscribers. Without
 * `store`: a store that keeps them follows later.
 */
export function checkedProcesses(
  domain: DomainDefinition,
  handles: readonly AnyProcessManager[],
  taken: ReadonlySet<string>,
  store?: { readonly models?: ModelStore },
): ReadonlyMap<string, ProcessDefinition> {
  const found = new Map<string, ProcessDefinition>();
  for (const { name, definition: projection, from, process } of handles) {
    if (taken.has(name) || found.has(name))
      refuseDefinition(
        `The process manager ${name} has the name of a subscriber, a model or another process manager of the server`,
        "Rename one of them, because the rows and the stored place in a log belong to the name.",
      );
    for (const { definition } of from)
      if (domain.aggregates.get(definition.name) !== definition)
        refuseDefinition(
          `The process manager ${name} handles ${definition.name}, which the domain of the server does not have`,
          `Add ${definition.name} to the domain's aggregates, and import the same handle in both places.`,
        );
    const { version } = projection;
    const aggregates = from.reduce((sum, { definition }) => sum + definition.version, 0);
    found.set(name, {
      name,
      version,
      identity: projectionIdentity(domain, projection),
      follower: `${PREFIX.live}${name}`,
      beside: `${PREFIX.beside}${name}`,
      projection,
      domain: { ...domain, projections: new Map([[name, projection]]) },
      strong: null,
      sql: null,
      ...process,
      release: [version, aggregates],
    });
  }
  if (found.size > 0 && store && !store.models)
    refuseDefinition(
      "The store of the server keeps no process managers",
      "Use a store with the member `models`, such as sqlite() or memory(), or leave out the process managers.",
    );
  return found;
}

function withNoVerbs(handler: Handler): Fold {
  return (row, event) => handler(row, event, NO_VERBS);
}

function isFunction(handler: Handler | undefined): handler is Handler {
  return typeof handler === "function";
}
