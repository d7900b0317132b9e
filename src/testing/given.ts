/**
 * Tests of a domain: given what happened, when someone commands, expect events or a rejection; or expect rows.
 *
 * Place: `dacapo/testing`. Runs the same `reconcile` and the same folding as device and server, so policies for conflicts are
 * tested as they will act. No test runner inside: what does not hold throws an Error with the difference.
 */
import type { DraftOf } from "../core/domain/command-types.ts";
import type { Commit } from "../core/history/commit.ts";
import { prepareCommand } from "../core/decide/decide-command.ts";
import type { CommandRequest, DomainDefinition } from "../core/domain/definition.ts";
import { foldRecord } from "../core/fold/fold.ts";
import type { AnyAggregate, AnyProjection, RowOf, TypesOf } from "../core/domain/handle-types.ts";
import { type Json, sameJson } from "../core/values/json.ts";
import { reconcileCommit } from "../core/decide/reconcile-commit.ts";
import { ConfirmedRows } from "../core/fold/rows.ts";
import { streamName } from "../core/values/names.ts";
import { domainOf, GivenStreams, type PlacedEvent } from "./given-streams.ts";
import { jsonDiff } from "./json-diff.ts";

/** An event of an aggregate as a test writes it down. */
export type DraftIn<A extends AnyAggregate> = A extends AnyAggregate ? DraftOf<TypesOf<A>["events"]> : never;

/** Whose event it is, and when it was made, where that matters. `id`: of its stream; left out: the stream of the command. */
export type GivenEvent<A extends AnyAggregate> = DraftIn<A> & {
  readonly id?: string;
  readonly by?: string;
  readonly time?: number;
};

/** An event that names its stream, for projections of several aggregates. */
export type StreamEvent = {
  readonly stream: string;
  readonly type: string;
  readonly data: Json;
  readonly by?: string;
  readonly time?: number;
};

/** The domain's word for why not, or `invalid-input`. */
export type ExpectedRejection = { readonly rejected: string; readonly message?: string };

/** What came of a command. */
export type GivenOutcome<A extends AnyAggregate> =
  { readonly events: readonly (DraftIn<A> & { readonly stream: string })[] } | Required<ExpectedRejection>;

export type Given<A extends AnyAggregate> = {
  /** Events of one more stream, such as one that a command reads. */
  readonly and: <B extends AnyAggregate>(aggregate: B, id: string, events: readonly GivenEvent<B>[]) => Given<A | B>;
  /** Who commands. Default `someone`. */
  readonly by: (actor: string) => Given<A>;
  /** When, in milliseconds since the epoch. */
  readonly at: (time: number) => Given<A>;
  /** Events of others that came first: the one who commands had not seen them. `onConflict` decides. */
  readonly meanwhile: (events: readonly GivenEvent<A>[]) => Given<A>;
  /** One command, or several as one commit. */
  readonly when: (command: CommandRequest | readonly CommandRequest[]) => GivenCommand<A>;
  /** What a projection makes of the events. */
  readonly rows: <P extends AnyProjection>(projection: P) => GivenRows<RowOf<P>>;
};

export type GivenCommand<A extends AnyAggregate> = {
  /** For assertions of your own. */
  readonly outcome: GivenOutcome<A>;
  /** Throws an Error with the difference where something else came. `[]`: accepted, and nothing happened. */
  readonly expect: (expected: readonly (DraftIn<A> & { readonly stream?: string })[] | ExpectedRejection) => void;
};

export type GivenRows<Row> = {
  /** All rows by their keys, for assertions of your own. */
  readonly rows: { readonly [key: string]: Row };
  /** Throws an Error with the difference where there are other rows. */
  readonly expect: (rows: { readonly [key: string]: Row }) => void;
};

/** The n-th given event is of the commit `given-n`, so its id is `given-n:0`. */
const TIME = Date.UTC(2030, 0, 1);
const SOMEONE = "someone";
const SOMEONE_ELSE = "someone-else";

/**
 * Begins a test with what has happened on a stream.
 *
 * @example
 * const added = { type: "TaskAdded", data: { title: "Milk", column: "todo" } } as const;
 * given(task, [added]).when(task.command.complete("t1")).expect([{ type: "TaskCompleted", data: {} }]);
 * given(task, []).when(task.command.complete("t1")).expect({ rejected: "no-such-task" });
 * // With another stream that the command reads:
 * given(task, [added]).and(column, "done", [{ type: "ColumnAdded", data: { name: "Done" } }])
 *   .when(task.command.move("t1", { column: "done" })).expect([{ type: "TaskMoved", data: { column: "done" } }]);
 * // Someone else was first:
 * given(task, [added]).meanwhile([{ type: "TaskRenamed", data: { title: "Bread" } }])
 *   .when(task.command.rename("t1", { title: "Butter" })).expect({ rejected: "renamed-meanwhile" });
 */
export function given<A extends AnyAggregate>(aggregate: A, events: readonly GivenEvent<A>[]): Given<A>;
/**
 * Begins a test of a projection with events of any streams, in the order in which they happened.
 *
 * @example
 * given([{ stream: "task/t1", type: "TaskAdded", data: { title: "Milk", column: "todo" } }])
 *   .rows(board).expect({ "task/t1": { title: "Milk", done: false } });
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

type ErasedEvent = {
  readonly type: string;
  readonly data: Json;
  readonly by?: string;
  readonly time?: number;
  readonly stream?: string;
  readonly id?: string;
  readonly aggregate?: string;
};
type ErasedOutcome =
  | { readonly events: readonly { readonly type: string; readonly data: Json; readonly stream: string }[] }
  | Required<ExpectedRejection>;
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

type Facts = {
  readonly aggregates: readonly AnyAggregate[];
  readonly events: readonly ErasedEvent[];
  readonly meanwhile: readonly ErasedEvent[];
  readonly actor: string;
  readonly time: number;
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
      return { rows, expect: (expected) => expectSame(`The rows of ${projection.name}`, rows, expected) };
    },
  };
}

function outcomeOf(facts: Facts, requests: readonly CommandRequest[]): ErasedOutcome {
  const [first] = requests;
  if (!first)
    throw new Error('when() was given no command. Give one, such as task.command.complete("t1"), or several as a list');
  const domain = domainOf(facts.aggregates);
  const streams = new GivenStreams(domain, placed(facts.events, first.stream));
  const commit = commitOf(domain, facts, requests, (stream) => streams.state(stream).version);
  const asSeen = new GivenStreams(domain, placed(facts.events, first.stream));
  for (const event of placed(facts.meanwhile, first.stream)) streams.add(event);
  const reconciled = reconcileCommit(domain, commit, {
    mode: "server",
    now: facts.time,
    window: (stream) => {
      const from = asSeen.state(stream).version;
      return {
        current: streams.state(stream),
        from,
        since: streams.since(stream, from),
        authored: () => asSeen.state(stream),
      };
    },
  });
  if (reconciled.kind === "rejected") return { rejected: reconciled.defect.code, message: reconciled.defect.message };
  return { events: reconciled.events.map(({ type, data, stream }) => ({ type, data, stream })) };
}

function commitOf(
  domain: DomainDefinition,
  { actor, time }: Facts,
  requests: readonly CommandRequest[],
  versionOf: (stream: string) => number,
): Commit {
  const seen = (stream: string) => ({ stream, seen: versionOf(stream) });
  const commands = requests.map((request) => {
    const prepared = prepareCommand(domain, request);
    const reads = "ready" in prepared ? [...new Set(Object.values(prepared.ready.reads))] : [];
    return { ...request, ...seen(request.stream), reads: reads.map(seen), events: [] };
  });
  return { id: "given-command", client: "00000000-0000-7000-8000-000000000002", actor, time, meta: null, commands };
}

function rowsOf(facts: Facts, projection: AnyProjection): { readonly [key: string]: Json } {
  const { definition } = projection;
  const domain = {
    ...domainOf([...facts.aggregates, ...projection.from]),
    projections: new Map([[definition.name, definition]]),
  };
  const layer = new ConfirmedRows(domain, () => {});
  const [from] = projection.from;
  const events = placed(
    [...facts.events, ...facts.meanwhile],
    streamName(facts.aggregates[0]?.name ?? from?.name ?? "", "1"),
  );
  for (const record of new GivenStreams(domain, events).records) foldRecord(domain, layer, record);
  const [parked] = layer.parked;
  if (parked)
    throw new Error(
      `The projection ${projection.name} could not fold ${parked.event} of ${parked.stream}: ${parked.reason}`,
    );
  return Object.fromEntries(layer.tables.get(projection.name) ?? []);
}

/** Where an event does not say which stream is its own, it is that of the command. */
function placed(events: readonly ErasedEvent[], stream: string): PlacedEvent[] {
  return events.map(({ type, data, by = SOMEONE, time = TIME, aggregate = "", id, stream: own }) => ({
    type,
    data,
    by,
    time,
    stream: own ?? (id === undefined ? stream : streamName(aggregate, id)),
  }));
}

/** The aggregate that has events of a type, where it is one alone. */
function aggregateWith(aggregates: readonly AnyAggregate[], type: string): string | null {
  const having = aggregates.filter(({ definition }) => definition.events.has(type));
  return having.length === 1 ? (having[0]?.name ?? null) : null;
}

function expectOutcome(requests: readonly CommandRequest[], outcome: ErasedOutcome, expected: ErasedExpectation): void {
  const what = requests.map(({ stream, name }) => `${name} on ${stream}`).join(" and ");
  if ("rejected" in expected) {
    // A message is compared where the test names one.
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

function expectSame(what: string, actual: Json, expected: Json, remark?: string): void {
  if (sameJson(actual, expected)) return;
  throw new Error(
    `${what}: not what was expected (- expected, + came)${remark === undefined ? "" : `\nIt says: ${remark}`}\n\n${jsonDiff(expected, actual)}\n`,
  );
}
