/**
 * Folding records: first the state of the event's own stream, then each projection that handles the event.
 *
 * Device, server and tests fold with this code, into different tables (`FoldTarget`).
 *
 * Guarantees, each with its test in test/unit/core/fold/fold.test.ts:
 * - An event that cannot be folded stops one stream or one projection, never the log.
 * - A stream is unreadable from its first event that this code cannot fold. Its version continues, its state stays, and
 *   its later events are parked.
 * - The same records fold to the same bytes, at once or in parts.
 */
import type { AggregateDefinition, DomainDefinition } from "../domain/definition.ts";
import { findUnstorable } from "../values/find-unstorable.ts";
import { describePlace } from "../values/parsed.ts";
import { reasonOf } from "../values/reason.ts";
import type { DomainEvent } from "../domain/event.ts";
import { eventId } from "../values/id.ts";
import { deepFreeze, type Json } from "../values/json.ts";
import { type AnyRecord, eventsAs, type RecordEvent } from "../history/record.ts";
import { aggregateOf } from "../values/names.ts";
import type { CommitId, StreamName } from "../values/ids.ts";

/** The state of a stream, and the version of the last event folded into it. */
export type StreamState = { readonly version: number; readonly state: Json; readonly unreadable: Unreadable | null };

/** The event that this code could not fold, and why. */
export type Unreadable = { readonly event: string; readonly reason: string };

/** An event that one projection skipped. With `projection: null`, the stream itself skipped it. */
export type Parked = {
  readonly projection: string | null;
  readonly event: string;
  readonly stream: StreamName;
  readonly reason: string;
};

/** An event that was folded into its stream, with the states before and after it. */
export type FoldStep = { readonly event: DomainEvent; readonly before: Json; readonly after: Json };

/** The tables that a fold reads and writes. */
export interface FoldTarget {
  /** The state of a stream. Without stored events: the aggregate's initial state at version 0. */
  stream(stream: StreamName): StreamState;
  setStream(stream: StreamName, state: StreamState): void;
  /** The stored row, or undefined. */
  row(projection: string, key: string): Json | undefined;
  /** Stores a row. Null removes it. */
  setRow(projection: string, key: string, row: Json): void;
  park(parked: Parked): void;
}

/** The state of a stream before its first event. */
export function emptyStream(domain: DomainDefinition, stream: StreamName): StreamState {
  return { version: 0, state: domain.aggregates.get(aggregateOf(stream))?.initial ?? null, unreadable: null };
}

/** Folds all events of a record into a target, in their order. */
export function foldRecord(domain: DomainDefinition, target: FoldTarget, record: AnyRecord): void {
  for (let n = 0; n < record.events.length; n++) foldEvent(domain, target, record, n);
}

/** A folded event of a record: the next state of its stream, and the events that were folded, maybe none. */
export type FoldedStream = { readonly next: StreamState; readonly steps: readonly FoldStep[] };

/**
 * Folds the n-th event of a record into the state of its stream, which the caller passes as `at`.
 *
 * If the event could not be folded, `next` is unreadable and there are no steps.
 */
export function foldStream(domain: DomainDefinition, at: StreamState, record: AnyRecord, n: number): FoldedStream {
  const version = record.events[n]?.version ?? at.version + 1;
  if (at.unreadable) return { next: { ...at, version }, steps: [] };
  try {
    const aggregate = domain.aggregates.get(aggregateOf(record.events[n]?.stream ?? ""));
    const reason = unknownReason(aggregate, record.events[n]);
    if (!aggregate || reason !== null)
      return { next: unreadable(at, version, record.commit, n, reason ?? "unknown"), steps: [] };
    let { state } = at;
    const steps = eventsAs(aggregate, record, n).map((event): FoldStep => {
      const before = state;
      state = aggregate.evolve(state, event) ?? null;
      return { event, before, after: state };
    });
    return { next: { version, state, unreadable: null }, steps };
  } catch (error) {
    return { next: unreadable(at, version, record.commit, n, reasonOf(error)), steps: [] };
  }
}

function foldEvent(domain: DomainDefinition, target: FoldTarget, record: AnyRecord, n: number): void {
  const stream = record.events[n]?.stream ?? "";
  const { next, steps } = foldStream(domain, target.stream(stream), record, n);
  target.setStream(stream, next);
  if (next.unreadable)
    target.park({ projection: null, event: eventId(record.commit, n), stream, reason: next.unreadable.reason });
  for (const step of steps) foldRows(domain, target, step);
}

/** Folds an event into the rows that it touches. Handlers get frozen rows, because a row may be shared. */
export function foldRows(
  domain: DomainDefinition,
  target: Pick<FoldTarget, "row" | "setRow" | "park">,
  { event, before, after }: FoldStep,
  check: (projection: string, key: string, row: Json) => void = requireStorable,
): void {
  for (const projection of domain.projections.values()) {
    if (!projection.handles(event.aggregate, event.type)) continue;
    const { name, initial } = projection;
    try {
      const changes = projection.keys(event, before, after).map((key) => {
        const row = projection.apply(deepFreeze(target.row(name, key) ?? initial), { ...event, key, before, after });
        check(name, key, row);
        return { key, row };
      });
      // Written after every key was folded, because an event is folded whole or parked whole.
      for (const { key, row } of changes) target.setRow(name, key, row);
    } catch (error) {
      target.park({ projection: name, event: event.id, stream: event.stream, reason: reasonOf(error) });
    }
  }
}

/** Throws, so that the event is parked, for a row that storage would not return as it is. */
function requireStorable(projection: string, key: string, row: Json): void {
  // A frozen part is of a row, an event or a state, so it was checked before. A search of it would make long rows slow.
  const problem = findUnstorable(row, true);
  if (problem)
    throw new Error(`The row ${key} of ${projection} is not JSON${describePlace(problem.path)}: ${problem.reason}`);
}

function unknownReason(aggregate: AggregateDefinition | undefined, event: RecordEvent | undefined): string | null {
  if (!event) return "the record has no such event";
  if (!aggregate) return `this code knows no aggregate for ${event.stream}`;
  if (event.v <= (aggregate.former.get(event.type)?.version ?? 0)) return null;
  const definition = aggregate.events.get(event.type);
  if (!definition) return `this code knows no event ${event.type} of ${aggregate.name}`;
  return event.v > definition.version
    ? `event ${event.type} has version ${event.v}, this code knows ${definition.version}`
    : null;
}

function unreadable(at: StreamState, version: number, commitId: CommitId, n: number, reason: string): StreamState {
  return { version, state: at.state, unreadable: { event: eventId(commitId, n), reason } };
}
