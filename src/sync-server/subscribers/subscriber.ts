/**
 * A subscriber: functions of the app that run for the events of a log, such as one that sends a mail.
 *
 * Place: the public function `subscriber` of `dacapo/sync-server`, and its checks.
 *
 * Guarantees: a subscriber is checked before the server listens (subscribers.test.ts).
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Erased } from "../../core/domain/erased.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { AnyAggregate, EventsOf } from "../../core/domain/handle-types.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { requireType } from "../../core/values/names.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import { TIMER_MS_MAX } from "../base/env.ts";
import type { ModelStore } from "../stores/model-store.ts";
import type { HandlerExecute } from "./handler-execute.ts";
import type { LanePolicy } from "./lanes.ts";

/** The second argument of a handler. */
export type HandlerContext = {
  /** The name of the log. */
  readonly log: string;
  /**
   * Executes commands whose commit id is derived from the event, so that a log records them once. The author is the
   * subscriber's name behind `~`.
   *
   * @example
   * await execute(order.command.ship(event.data.order));
   *
   * @throws RejectedError (`rejected`) if the domain rejects a command. Each later attempt gets the same rejection.
   * @throws ValidationError (`invalid`) if a command or an option is not valid.
   * @throws DacapoError (`gone`, `overloaded`, `unreachable`) if the log or the server cannot record now.
   * @throws StorageFullError (`storage-full`) if the store is full.
   */
  readonly execute: HandlerExecute;
  /**
   * A UUID of the subscriber, the log and the event. It is the same at each attempt. Pass it to the system outside, so
   * that it does the work once.
   */
  readonly effectId: string;
  /** 1 at the first attempt. */
  readonly attempt: number;
  /** Aborts when the time of the attempt is over, or when the server stops. */
  readonly signal: AbortSignal;
};

/** A handler for each event type. */
type Handlers<Event extends { readonly type: string }> = {
  readonly [Type in Event["type"]]?: (
    event: Extract<Event, { readonly type: Type }>,
    context: HandlerContext,
  ) => Promise<void> | void;
};

/** When a failed event is handled again. */
export type RetryOptions = {
  /** Attempts before the event is parked. @default 8 */
  readonly attempts?: number;
  /** Milliseconds after the first failure, at most 2_147_483_647. Each further failure doubles them. @default 200 */
  readonly firstMs?: number;
  /** The most milliseconds between two attempts, at most 2_147_483_647. @default 60_000 */
  readonly maxMs?: number;
};

/** The options of `subscriber`. TypeScript infers the type parameter. */
export type SubscriberOptions<From extends readonly AnyAggregate[]> = {
  /** The aggregates whose events it handles. At least one. */
  readonly from: From;
  /**
   * The first event. `beginning`: all events of each log, also those from before the subscriber existed. `since`: the
   * events that the server received at this time or later.
   *
   * @example
   * start: { since: new Date("2026-11-29T12:00:00Z") }
   */
  readonly start: "beginning" | { readonly since: Date };
  /** Handlers that run at once on a node, over all logs. Each stream has one at a time. @default 16 */
  readonly concurrency?: number;
  /** Milliseconds of an attempt, at most 2_147_483_647. Then its signal aborts, and it has failed. @default 30_000 */
  readonly timeoutMs?: number;
  /** When a failed event is handled again. @default 8 attempts within about 25 seconds */
  readonly retry?: RetryOptions;
  /**
   * What follows after the last attempt. `park`: the event waits for an operator, and other streams continue. `stop`:
   * all streams of the log wait.
   *
   * @default "park"
   */
  readonly afterRetries?: "park" | "stop";
  /**
   * The later events of a stream with a parked event. `hold`: they wait. `continue`: they are handled.
   *
   * @default "hold"
   */
  readonly afterPark?: "hold" | "continue";
  /** A handler for each event type. Events without a handler are passed over. */
  readonly on: Handlers<EventsOf<From[number]>>;
};

/** The handle of a subscriber. */
export type Subscriber = {
  /** The name, to which the stored place in each log belongs. */
  readonly name: string;
  /** The aggregates whose events it handles. */
  readonly from: readonly AnyAggregate[];
  /** For Dacapo only: the checked options. */
  readonly definition: SubscriberDefinition;
};

export type SubscriberDefinition = LanePolicy & {
  readonly name: string;
  /** The name of its follower in each log. */
  readonly follower: string;
  /** The names of its aggregates. */
  readonly from: ReadonlySet<string>;
  /** Milliseconds since the epoch. Events that were received earlier are passed over. */
  readonly sinceMs: number;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly firstMs: number;
  readonly maxMs: number;
  readonly handlers: ReadonlyMap<string, Handler>;
};

type Handler = Erased<[event: DomainEvent, context: HandlerContext], unknown>;

type ErasedOptions = {
  readonly from: readonly AnyAggregate[];
  readonly start: "beginning" | { readonly since: Date };
  readonly concurrency?: number;
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  readonly afterRetries?: "park" | "stop";
  readonly afterPark?: "hold" | "continue";
  readonly on: { readonly [type: string]: Handler | undefined };
};

const OPTIONS: OptionNames<ErasedOptions> = {
  from: true,
  start: true,
  concurrency: true,
  timeoutMs: true,
  retry: true,
  afterRetries: true,
  afterPark: true,
  on: true,
};
const RETRY_OPTIONS: OptionNames<RetryOptions> = { attempts: true, firstMs: true, maxMs: true };

/** The name of the follower of a subscriber. */
export const SUBSCRIBER_PREFIX = "subscriber/";
/** The table of the follower with the events that are not handled. */
export const WAITING = "waiting";

/**
 * Defines a subscriber and returns its handle, for the option `subscribers` of a server.
 *
 * Each event of its aggregates is handled at least once, and the events of a stream in order.
 *
 * @throws DefinitionError (`definition`) if a name, an option, an event type, a number or a function is wrong.
 *
 * @example
 * const mailer = subscriber("mailer", {
 *   from: [task],
 *   start: { since: new Date("2026-11-29T12:00:00Z") },
 *   on: {
 *     TaskAdded: async ({ data }, { effectId, signal }) => {
 *       await fetch(mailUrl, { method: "POST", headers: { "idempotency-key": effectId }, body: data.title, signal });
 *     },
 *   },
 * });
 */
export function subscriber<const From extends readonly AnyAggregate[]>(
  name: string,
  options: SubscriberOptions<From>,
): Subscriber;
export function subscriber(name: string, options: ErasedOptions): Subscriber {
  const label = `subscriber ${name}`;
  requireType("a subscriber", name);
  if (typeof options !== "object" || options === null)
    refuseDefinition(`The ${label} has no options`, "Pass an object with from, start and on.");
  const { from, retry = {}, afterRetries = "park", afterPark = "hold" } = options;
  requireKnownOptions(`The ${label}`, options, OPTIONS);
  requireKnownOptions(`\`retry\` of the ${label}`, retry, RETRY_OPTIONS);
  requireAggregates(label, from);
  requireOneOf(label, "afterRetries", afterRetries, ["park", "stop"]);
  requireOneOf(label, "afterPark", afterPark, ["hold", "continue"]);
  const whole = (option: string, value: number | undefined, byDefault: number, most?: number): number =>
    requireWhole(label, option, value ?? byDefault, most);
  return {
    name,
    from,
    definition: {
      name,
      follower: `${SUBSCRIBER_PREFIX}${name}`,
      from: new Set(from.map((aggregate) => aggregate.name)),
      sinceMs: requireStart(label, options.start),
      concurrency: whole("concurrency", options.concurrency, 16),
      timeoutMs: whole("timeoutMs", options.timeoutMs, 30_000, TIMER_MS_MAX),
      attempts: whole("retry.attempts", retry.attempts, 8),
      firstMs: whole("retry.firstMs", retry.firstMs, 200, TIMER_MS_MAX),
      maxMs: whole("retry.maxMs", retry.maxMs, 60_000, TIMER_MS_MAX),
      afterRetries,
      afterPark,
      handlers: requireHandlers(label, from, options.on),
    },
  };
}

/** Checks the option `subscribers` of a server. Without `store`: a store that keeps them follows later. */
export function checkedSubscribers(
  domain: DomainDefinition,
  handles: readonly Subscriber[],
  store?: { readonly models?: ModelStore },
): readonly SubscriberDefinition[] {
  const names = new Set<string>();
  for (const handle of handles) {
    if (!(handle?.definition?.handlers instanceof Map))
      refuseDefinition(
        "The option `subscribers` has an entry that is no subscriber and no process manager",
        "List results of subscriber() or processManager() here, and read models in `models`. An import may be " +
          "undefined if files import each other in a circle.",
      );
    if (names.has(handle.name))
      refuseDefinition(
        `The option \`subscribers\` has two subscribers of the name ${handle.name}`,
        "Rename one of them, because the stored place in a log belongs to the name.",
      );
    names.add(handle.name);
    for (const { name, definition } of handle.from)
      if (domain.aggregates.get(name) !== definition)
        refuseDefinition(
          `The subscriber ${handle.name} handles the aggregate ${name}, which the domain of the server does not have`,
          `Add ${name} to the domain's aggregates, and import the same handle in both places.`,
        );
  }
  if (names.size > 0 && store && !store.models)
    refuseDefinition(
      "The store of the server keeps no subscribers",
      "Use a store with the member `models`, such as sqlite() or memory(), or leave out the option `subscribers`.",
    );
  return handles.map(({ definition }) => definition);
}

function requireAggregates(label: string, from: readonly AnyAggregate[]): void {
  const list: unknown = from;
  if (Array.isArray(list) && list.length > 0 && from.every((one) => one?.definition?.events instanceof Map)) return;
  refuseDefinition(
    `The ${label} has no list of aggregates`,
    "Add from: [task, …]. An aggregate may be undefined if files import each other in a circle.",
  );
}

function requireHandlers(
  label: string,
  from: readonly AnyAggregate[],
  on: ErasedOptions["on"],
): ReadonlyMap<string, Handler> {
  const known = from.flatMap(({ definition }) => [...definition.events.keys()]);
  const handlers = new Map<string, Handler>();
  for (const [type, handler] of Object.entries(on ?? {})) {
    if (handler === undefined) continue;
    if (!known.includes(type))
      refuseDefinition(
        `The ${label} handles ${type}, which is not an event of its aggregates`,
        `Their events are ${known.join(", ")}.`,
      );
    if (typeof handler !== "function")
      refuseDefinition(
        `The handler of ${label} for ${type} is not a function`,
        `Write on: { ${type}: async (event, { effectId }) => … }.`,
      );
    handlers.set(type, handler);
  }
  if (handlers.size > 0) return handlers;
  refuseDefinition(`The ${label} handles no events`, "Add on: { TaskAdded: async (event, { effectId }) => … }.");
}

/** Returns the time of the option `start`, in milliseconds since the epoch. */
export function requireStart(label: string, start: ErasedOptions["start"]): number {
  if (start === "beginning") return -Infinity;
  const since = start?.since;
  if (since instanceof Date && !Number.isNaN(since.getTime())) return since.getTime();
  refuseDefinition(
    `The ${label} has no valid start`,
    'Write start: "beginning", or start: { since: new Date("2026-11-29T12:00:00Z") }.',
  );
}

function requireWhole(label: string, option: string, value: number, most = Infinity): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  const fix = `Use a whole number from 1${most === Infinity ? "" : ` to ${most}`}.`;
  refuseDefinition(`The ${option} of ${label} is ${String(value)}`, fix, { option });
}

function requireOneOf(label: string, option: string, value: string, values: readonly string[]): void {
  if (values.includes(value)) return;
  refuseDefinition(`The ${option} of ${label} is ${value}`, `Use ${values.join(" or ")}.`, { option });
}
