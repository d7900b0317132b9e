/**
 * Tests of a domain: given events, when a command is decided, expect events or a rejection. Or expect rows.
 *
 * Place: exported by `dacapo/testing`.
 *
 * Guarantees:
 * - Commands are decided and events are folded with the code of device and server, so conflict policies are tested as
 *   they will act.
 * - There is no test runner inside. A failed expectation throws an Error with the difference.
 */
import type { DraftOf } from "../core/domain/command-types.ts";
import type { CommandRequest } from "../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection, RowOf, TypesOf } from "../core/domain/handle-types.ts";
import { type Json, sameJson } from "../core/values/json.ts";
import {
  asReceived,
  type ErasedEvent,
  type ErasedOutcome,
  type Facts,
  outcomeOf,
  rowsOf,
  SOMEONE,
  TIME,
} from "./given-outcome.ts";
import { jsonDiff } from "./json-diff.ts";

/** An event of an aggregate as a test writes it down. */
export type DraftIn<A extends AnyAggregate> = A extends AnyAggregate ? DraftOf<TypesOf<A>["events"]> : never;

/** An event of a test, with its stream, author and time if they matter. */
export type GivenEvent<A extends AnyAggregate> = DraftIn<A> & {
  /**
   * The id of its stream.
   *
   * @default the id of the command's stream
   */
  readonly id?: string;
  /**
   * Its actor.
   *
   * @default "someone", and "someone-else" in `meanwhile`
   */
  readonly by?: string;
  /**
   * Milliseconds since the epoch.
   *
   * @default 2030-01-01 UTC
   */
  readonly time?: number;
};

/** An event that names its stream, for projections of several aggregates. */
export type StreamEvent = {
  /** The stream's name, such as `task/t1`. */
  readonly stream: string;
  /** The event's type. */
  readonly type: string;
  /** The event's data. */
  readonly data: Json;
  /**
   * The actor who made it.
   *
   * @default "someone-else"
   */
  readonly by?: string;
  /**
   * Milliseconds since the epoch.
   *
   * @default 2030-01-01 UTC
   */
  readonly time?: number;
};

/** A rejection: its code is the domain's own, or one of Dacapo's such as `invalid-input`. */
export type ExpectedRejection = {
  /** The expected code. */
  readonly rejected: string;
  /** The expected message. Left out: any message. */
  readonly message?: string;
};

/** The outcome of a command. */
export type GivenOutcome<A extends AnyAggregate> =
  { readonly events: readonly (DraftIn<A> & { readonly stream: string })[] } | Required<ExpectedRejection>;

/** Given events. The next step is `when`. */
export type Given<A extends AnyAggregate> = {
  /** Adds events of another stream, such as a stream that a command reads. */
  readonly and: <B extends AnyAggregate>(aggregate: B, id: string, events: readonly GivenEvent<B>[]) => Given<A | B>;
  /**
   * Sets the actor of the command.
   *
   * @default "someone"
   */
  readonly by: (actor: string) => Given<A>;
  /**
   * Sets the time of the command, in milliseconds since the epoch.
   *
   * @default 2030-01-01 UTC
   */
  readonly at: (time: number) => Given<A>;
  /** Adds events of other authors that the actor of the command has not seen. `onConflict` decides. */
  readonly meanwhile: (events: readonly GivenEvent<A>[]) => Given<A>;
  /** Decides one command, or several as one commit. */
  readonly when: (command: CommandRequest | readonly CommandRequest[]) => GivenCommand<A>;
  /** Folds the events into the rows of a projection. */
  readonly rows: <P extends AnyProjection>(projection: P) => GivenRows<RowOf<P>>;
};

/** A command that was decided on given events. */
export type GivenCommand<A extends AnyAggregate> = {
  /** The outcome, for your own assertions. */
  readonly outcome: GivenOutcome<A>;
  /** Throws an Error with the difference if the outcome differs. `[]` expects a command without events. */
  readonly expect: (expected: readonly (DraftIn<A> & { readonly stream?: string })[] | ExpectedRejection) => void;
};

/** The rows of a projection over given events. */
export type GivenRows<Row> = {
  /** All rows by their keys, for your own assertions. */
  readonly rows: { readonly [key: string]: Row };
  /** Throws an Error with the difference if the rows differ. */
  readonly expect: (rows: { readonly [key: string]: Row }) => void;
};

const SOMEONE_ELSE = "someone-else";

/**
 * Starts a test with the events of a stream. The n-th given event has the id `given-n:0`.
 *
 * @example
 * const added = { type: "TaskAdded", data: { title: "Milk", column: "todo" } } as const;
 * given(task, [added]).when(task.command.complete("t1")).expect([{ type: "TaskCompleted", data: {} }]);
 * given(task, []).when(task.command.complete("t1")).expect({ rejected: "no-such-task" });
 * // With another stream that the command reads:
 * given(task, [added]).and(column, "done", [{ type: "ColumnAdded", data: { name: "Done" } }])
 *   .when(task.command.move("t1", { column: "done" })).expect([{ type: "TaskMoved", data: { column: "done" } }]);
 * // Another author was first:
 * given(task, [added]).meanwhile([{ type: "TaskRenamed", data: { title: "Bread" } }])
 *   .when(task.command.rename("t1", { title: "Butter" })).expect({ rejected: "renamed-meanwhile" });
 * @throws Error from `when` and `rows`, if a given event could not be in a log
 */
export function given<A extends AnyAggregate>(aggregate: A, events: readonly GivenEvent<A>[]): Given<A>;
/**
 * Starts a test of a projection with events of any streams, in the order of the log.
 *
 * @example
 * given([{ stream: "task/t1", type: "TaskAdded", data: { title: "Milk", column: "todo" } }])
 *   .rows(board).expect({ "task/t1": { title: "Milk", done: false } });
 * @throws Error from `rows`, if a given event could not be in a log, or a handler threw
 */
export function given(events: readonly StreamEvent[]): Pick<Given<never>, "rows">;
export function given(first: AnyAggregate | readonly StreamEvent[], events: readonly ErasedEvent[] = []): object {
  if ("definition" in first)
    return givenWith({
      aggregates: [first],
      events: events.map((event) => ({ ...event, aggregate: first.name })),
      meanwhile: [],
      actor: SOMEONE,
      time: TIME,
    });
  return givenWith({ aggregates: [], events: first, meanwhile: [], actor: SOMEONE, time: TIME });
}

type ErasedExpectation =
  readonly { readonly type: string; readonly data: Json; readonly stream?: string }[] | ExpectedRejection;

type ErasedGiven = {
  readonly and: (aggregate: AnyAggregate, id: string, events: readonly ErasedEvent[]) => ErasedGiven;
  readonly by: (actor: string) => ErasedGiven;
  readonly at: (time: number) => ErasedGiven;
  readonly meanwhile: (events: readonly ErasedEvent[]) => ErasedGiven;
  readonly when: (command: CommandRequest | readonly CommandRequest[]) => {
    readonly outcome: ErasedOutcome;
    readonly expect: (expected: ErasedExpectation) => void;
  };
  readonly rows: (projection: AnyProjection) => {
    readonly rows: { readonly [key: string]: Json };
    readonly expect: (rows: { readonly [key: string]: Json }) => void;
  };
};

function givenWith(facts: Facts): ErasedGiven {
  const [main] = facts.aggregates;
  return {
    and: (aggregate, id, events) =>
      givenWith({
        ...facts,
        aggregates: [...facts.aggregates, aggregate],
        events: [
          ...facts.events,
          ...events.map((event) => ({ ...event, aggregate: aggregate.name, id: event.id ?? id })),
        ],
      }),
    by: (actor) => givenWith({ ...facts, actor }),
    at: (time) => givenWith({ ...facts, time }),
    meanwhile: (events) =>
      givenWith({
        ...facts,
        meanwhile: [
          ...facts.meanwhile,
          ...events.map((event) => ({
            ...event,
            aggregate: aggregateWith(facts.aggregates, event.type) ?? main?.name ?? "",
            by: event.by ?? SOMEONE_ELSE,
          })),
        ],
      }),
    when: (command) => {
      const requests = "stream" in command ? [command] : command;
      const outcome = outcomeOf(facts, requests);
      return { outcome, expect: (expected) => expectOutcome(requests, outcome, expected) };
    },
    rows: (projection) => {
      const rows = rowsOf(facts, projection);
      return { rows, expect: (expected) => expectSame(`The projection ${projection.name}`, rows, expected) };
    },
  };
}

/** The aggregate that has events of a type, if there is exactly one. */
function aggregateWith(aggregates: readonly AnyAggregate[], type: string): string | null {
  const having = aggregates.filter(({ definition }) => definition.events.has(type));
  return having.length === 1 ? (having[0]?.name ?? null) : null;
}

function expectOutcome(requests: readonly CommandRequest[], outcome: ErasedOutcome, expected: ErasedExpectation): void {
  const what = requests.map(({ stream, name }) => `${name} on ${stream}`).join(" and ");
  if ("rejected" in expected) {
    // The message is compared only if the test names one.
    const actual: Json =
      "events" in outcome ? outcome : expected.message === undefined ? { rejected: outcome.rejected } : outcome;
    return expectSame(what, actual, expected, "rejected" in outcome ? outcome.message : undefined);
  }
  if ("rejected" in outcome) return expectSame(what, outcome, expected);
  const actual = outcome.events.map(({ type, data, stream }, n) => ({
    type,
    data,
    ...(expected[n]?.stream !== undefined && { stream }),
  }));
  expectSame(what, actual, expected);
}

function expectSame(what: string, actual: Json, wanted: Json, remark?: string): void {
  const expected = asReceived(wanted);
  if (sameJson(actual, expected)) return;
  const message = remark === undefined ? "" : `\nThe message is: ${remark}`;
  const title = `${what} differs from the expectation (- expected, + actual)`;
  throw new Error(`${title}${message}\n\n${jsonDiff(expected, actual)}\n`);
}
