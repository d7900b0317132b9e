/**
 * A commit record: the server's decision of a commit. Stores, pages, sockets, seals and folds all work with records.
 *
 * Guarantees:
 * - A record is never split.
 * - Positions in a log and versions in a stream have no gaps. The readers of pages and the stores check it (S1, S3,
 *   S4).
 * - The history up to a mark never changes. Two logs with the same mark at the same position have the same history up
 *   to it.
 */
import type { Commit } from "./commit.ts";
import type { AggregateDefinition, DomainDefinition } from "../domain/definition.ts";
import { type Cause, correlationOf } from "./cause.ts";
import type { DomainEvent } from "../domain/event.ts";
import { eventId } from "../values/id.ts";
import type { Json } from "../values/json.ts";
import { aggregateOf } from "../values/names.ts";
import type { Actor, ClientId, CommitId, StreamName } from "../values/ids.ts";

/** An event of a record. */
export type RecordEvent = {
  readonly type: string;
  /** The version of the event's schema. */
  readonly v: number;
  readonly stream: StreamName;
  /** The place in the stream: 1, 2, 3 … */
  readonly version: number;
  readonly data: Json;
};

/** A commit that the server recorded. */
export type CommitRecord = Cause & {
  /** The place of the first event in the log: 1, 2, 3 … */
  readonly position: number;
  /** Identifies the history up to this record. */
  readonly mark: string;
  /** The commit's id. */
  readonly commit: CommitId;
  readonly client: ClientId;
  readonly actor: Actor;
  /** The author's time in milliseconds since the epoch, at most a day ahead of `received`. */
  readonly time: number;
  /** True if the author's clock was more than a day ahead, so that the server lowered `time`. */
  readonly clamped?: true;
  /** Milliseconds since the epoch by the server's clock. */
  readonly received: number;
  readonly meta: Json;
  /** At least one. */
  readonly events: readonly RecordEvent[];
};

/**
 * The end of a known part of a log: the position of the last event and the mark of its record. `null` is the beginning.
 */
export type Cursor = {
  /** The position of the last known event: 1, 2, 3 … */
  readonly position: number;
  /** The mark of the record with that event. */
  readonly mark: string;
};

/** Returns the position of the last event of a record. */
export function lastPosition(record: Pick<CommitRecord, "position" | "events">): number {
  return record.position + record.events.length - 1;
}

/** Returns the cursor of a reader that has everything up to this record. */
export function cursorOf(record: CommitRecord): Cursor {
  return { position: lastPosition(record), mark: record.mark };
}

/** Returns the position of a cursor, and 0 for the beginning. */
export function positionOf(cursor: Cursor | null): number {
  return cursor === null ? 0 : cursor.position;
}

/** True if both cursors are at the same position with the same mark. */
export function sameCursor(left: Cursor | null, right: Cursor | null): boolean {
  return left?.position === right?.position && left?.mark === right?.mark;
}

/** A mark: 1 to 64 characters. The marks of Dacapo's server are 16 hexadecimal digits. */
export const MARK = /^[A-Za-z0-9_]{1,64}$/;

const CURSOR = /^([1-9][0-9]{0,15})-([A-Za-z0-9_]{1,64})$/;

/** Returns the text of a cursor, which is opaque to clients. */
export function encodeCursor(cursor: Cursor): string {
  return `${cursor.position}-${cursor.mark}`;
}

/** Returns the cursor of a text, or null if the text is not a cursor. */
export function decodeCursor(text: string): Cursor | null {
  const [, position, mark] = CURSOR.exec(text) ?? [];
  if (position === undefined || mark === undefined || !Number.isSafeInteger(Number(position))) return null;
  return { position: Number(position), mark };
}

/**
 * Returns the n-th event of a record as the domain folds it: with its data upcast to the current version, or the events
 * that this code reads in its place, maybe none.
 *
 * An event of an unknown type or version comes back as it is, because folding it reports the problem. The function
 * throws the error of an app's upcast.
 */
export function eventsOf(domain: DomainDefinition, record: AnyRecord, n: number): readonly DomainEvent[] {
  return eventsAs(domain.aggregates.get(aggregateOf(record.events[n]?.stream ?? "")), record, n);
}

/** The same, for a caller that knows the aggregate. Undefined: the domain has none. */
export function eventsAs(
  definition: AggregateDefinition | undefined,
  record: AnyRecord,
  n: number,
): readonly DomainEvent[] {
  const stored = record.events[n];
  if (stored === undefined) return [];
  const { type, v, stream, version, data } = stored;
  const event: DomainEvent = {
    id: eventId(record.commit, n),
    type,
    data,
    aggregate: definition?.name ?? aggregateOf(stream),
    stream,
    version,
    position: record.position === null ? null : record.position + n,
    time: record.time,
    actor: record.actor,
    client: record.client,
    meta: record.meta,
    correlation: correlationOf(record),
    ...(record.causedBy && { causedBy: record.causedBy }),
  };
  const former = definition?.former.get(type);
  if (former && v <= former.version)
    return former
      .upcast(v, data)
      .map((draft, index) => ({ ...event, ...draft, id: index === 0 ? event.id : `${event.id}.${index}` }));
  const present = definition?.events.get(type);
  return [present && v < present.version ? { ...event, data: present.upcast(v, data) } : event];
}

/** The same, but with the stored data if an app's upcast throws. It is enough to name the events that came first. */
export function readableEvents(domain: DomainDefinition, record: AnyRecord, n: number): readonly DomainEvent[] {
  try {
    return eventsOf(domain, record, n);
  } catch {
    return eventsAs(undefined, record, n);
  }
}

/** A record with the fields that folding reads. Its position is null if it is pending. */
export type AnyRecord = Pick<CommitRecord, "commit" | "client" | "actor" | "time" | "meta" | "events" | keyof Cause> & {
  readonly position: number | null;
};

/** The record that a pending commit would become. It has no position yet. */
export type PendingRecord = AnyRecord & { readonly position: null };

/** Returns the record that a commit would become with these events. */
export function pendingRecord(commit: Commit, events: readonly RecordEvent[]): PendingRecord {
  return { ...commit, position: null, commit: commit.id, events };
}
