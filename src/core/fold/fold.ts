/**
 * Folding records: first the state of the event's own stream, then each projection that handles the event.
 *
 * Place: one engine for everything folded, the same on the device (confirmed rows and the overlay of pending ones), on the
 * server and in tests. The tables stand behind `Layer`.
 * Holds: a poison event harms one stream or one projection, never the log. A stream with an event that this code cannot
 * fold is unreadable from there on: its version goes on, its state stays, its later events are parked.
 */
import type { DomainDefinition } from "../domain/definition.ts";
import { reasonOf } from "../values/reason.ts";
import type { DomainEvent } from "../domain/event.ts";
import { eventId } from "../values/id.ts";
import { deepFreeze, type Json } from "../values/json.ts";
import { type CommitRecord, eventOf, type PendingRecord } from "../history/record.ts";
import { aggregateOf } from "../values/names.ts";

/** An aggregate's state and the version of its stream at which it stands. */
export type StreamState = { readonly version: number; readonly state: Json; readonly unreadable: Unreadable | null };

/** The event that this code could not fold, and why. */
export type Unreadable = { readonly event: string; readonly reason: string };

/** An event that was passed over, by one projection or (`projection: null`) by the stream itself. */
export type Parked = {
  readonly projection: string | null;
  readonly event: string;
  readonly stream: string;
  readonly reason: string;
};

/** An event that was folded into its stream, with the states around it. */
export type FoldStep = { readonly event: DomainEvent; readonly before: Json; readonly after: Json };

/** The tables that a fold reads and writes. */
export interface FoldTarget {
  /** The state of a stream; the aggregate's initial one at version 0 where nothing is stored. */
  stream(stream: string): StreamState;
  setStream(stream: string, state: StreamState): void;
  /** The stored row, or undefined. */
  row(projection: string, key: string): Json | undefined;
  /** Null: there is no row. */
  setRow(projection: string, key: string, row: Json): void;
  park(parked: Parked): void;
}

/** The state of a stream before its first event. */
export function emptyStream(domain: DomainDefinition, stream: string): StreamState {
  return { version: 0, state: domain.aggregates.get(aggregateOf(stream))?.initial ?? null, unreadable: null };
}

/** Folds all events of a record into a layer, and gives them in their place. */
export function foldRecord(domain: DomainDefinition, layer: FoldTarget, record: CommitRecord | PendingRecord): void {
  for (let n = 0; n < record.events.length; n++) foldEvent(domain, layer, record, n);
}

/** The next state of a stream after the n-th event of a record, which must be an event of that stream. */
export function foldStream(
  domain: DomainDefinition,
  at: StreamState,
  record: CommitRecord | PendingRecord,
  n: number,
): { readonly next: StreamState; readonly event: DomainEvent | null } {
  const version = record.events[n]?.version ?? at.version + 1;
  if (at.unreadable) return { next: { ...at, version }, event: null };
  try {
    const event = eventOf(domain, record, n);
    const reason = event ? unknownReason(domain, record, n) : "the record has no such event";
    if (!event || reason !== null)
      return { next: unreadable(at, version, record.commit, n, reason ?? "unknown"), event: null };
    const state = domain.aggregates.get(event.aggregate)?.evolve(at.state, event) ?? null;
    return { next: { version, state, unreadable: null }, event };
  } catch (error) {
    return { next: unreadable(at, version, record.commit, n, reasonOf(error)), event: null };
  }
}

function foldEvent(domain: DomainDefinition, layer: FoldTarget, record: CommitRecord | PendingRecord, n: number): void {
  const stream = record.events[n]?.stream ?? "";
  const at = layer.stream(stream);
  const { next, event } = foldStream(domain, at, record, n);
  layer.setStream(stream, next);
  if (!event) {
    const reason = next.unreadable?.reason ?? "";
    layer.park({ projection: null, event: eventId(record.commit, n), stream, reason });
    return;
  }
  foldRows(domain, layer, { event, before: at.state, after: next.state });
}

/** Folds an event into the rows that it touches. The rows that handlers are given are frozen. */
export function foldRows(
  domain: DomainDefinition,
  layer: Pick<FoldTarget, "row" | "setRow" | "park">,
  { event, before, after }: FoldStep,
): void {
  for (const projection of domain.projections.values()) {
    if (!projection.handles(event.aggregate, event.type)) continue;
    const { name, initial } = projection;
    try {
      const changes = projection.keys(event, before, after).map((key) => ({
        key,
        row: projection.apply(deepFreeze(layer.row(name, key) ?? initial), { ...event, key, before, after }),
      }));
      // Written only when every key was folded: an event is folded whole or parked whole.
      for (const { key, row } of changes) layer.setRow(name, key, row);
    } catch (error) {
      layer.park({ projection: name, event: event.id, stream: event.stream, reason: reasonOf(error) });
    }
  }
}

function unknownReason(domain: DomainDefinition, record: CommitRecord | PendingRecord, n: number): string | null {
  const event = record.events[n];
  if (!event) return "the record has no such event";
  const aggregate = domain.aggregates.get(aggregateOf(event.stream));
  if (!aggregate) return `this code knows no aggregate for ${event.stream}`;
  const definition = aggregate.events.get(event.type);
  if (!definition) return `this code knows no event ${event.type} of ${aggregate.name}`;
  return event.v > definition.version
    ? `event ${event.type} has version ${event.v}, this code knows ${definition.version}`
    : null;
}

function unreadable(at: StreamState, version: number, commit: string, n: number, reason: string): StreamState {
  return { version, state: at.state, unreadable: { event: eventId(commit, n), reason } };
}
