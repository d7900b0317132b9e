/**
 * A commit record: what the server made of a commit. It is what is stored, paged, sent to sockets, sealed and folded.
 *
 * Holds: a record is never split; positions in a log and versions in a stream have no gaps; what stands under a mark never
 * changes, so two logs with the same mark at the same position have the same history up to there.
 */
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent } from "../domain/event.ts";
import { eventId } from "../values/id.ts";
import type { Json } from "../values/json.ts";
import { aggregateOf } from "../values/names.ts";

export type RecordEvent = {
  readonly type: string;
  /** Version of the data's form. */
  readonly v: number;
  readonly stream: string;
  readonly version: number;
  readonly data: Json;
};

export type CommitRecord = {
  /** Place of the first event in the log. */
  readonly position: number;
  readonly mark: string;
  /** The commit's id. */
  readonly commit: string;
  readonly client: string;
  readonly actor: string;
  /** The author's time, at most a day ahead of `received`. */
  readonly time: number;
  /** True where the author's clock was further ahead than that. */
  readonly clamped?: true;
  /** Milliseconds since the epoch by the server's clock. */
  readonly received: number;
  readonly meta: Json;
  /** At least one. */
  readonly events: readonly RecordEvent[];
};

/** The last event someone has: its position, and the mark of its record. `null` stands for nothing yet. */
export type Cursor = { readonly position: number; readonly mark: string };

/** Position of the last event of a record. */
export function lastPosition(record: Pick<CommitRecord, "position" | "events">): number {
  return record.position + record.events.length - 1;
}

export function cursorOf(record: CommitRecord): Cursor {
  return { position: lastPosition(record), mark: record.mark };
}

export function positionOf(cursor: Cursor | null): number {
  return cursor === null ? 0 : cursor.position;
}

export function sameCursor(left: Cursor | null, right: Cursor | null): boolean {
  return left?.position === right?.position && left?.mark === right?.mark;
}

/** A mark: 1 to 64 characters. Ours are 16 hexadecimal digits. */
export const MARK = /^[A-Za-z0-9_]{1,64}$/;
const CURSOR = /^([1-9][0-9]{0,15})-([A-Za-z0-9_]{1,64})$/;

/** The cursor as it travels: opaque to clients. */
export function encodeCursor(cursor: Cursor): string {
  return `${cursor.position}-${cursor.mark}`;
}

/** The cursor that a text stands for, or null where it is none. */
export function decodeCursor(text: string): Cursor | null {
  const [, position, mark] = CURSOR.exec(text) ?? [];
  if (position === undefined || mark === undefined || !Number.isSafeInteger(Number(position))) return null;
  return { position: Number(position), mark };
}

/**
 * The events of a record as the domain folds them: their data brought to today's form.
 *
 * An event whose type or version this code does not know comes as it is; folding it will say so. Throws what an app's
 * upcast throws.
 */
export function eventOf(domain: DomainDefinition, record: CommitRecord | PendingRecord, n: number): DomainEvent | null {
  const event = record.events[n];
  if (event === undefined) return null;
  const aggregate = aggregateOf(event.stream);
  const definition = domain.aggregates.get(aggregate)?.events.get(event.type);
  const data = definition && event.v < definition.version ? definition.upcast(event.v, event.data) : event.data;
  return {
    id: eventId(record.commit, n),
    type: event.type,
    data,
    aggregate,
    stream: event.stream,
    version: event.version,
    position: record.position === null ? null : record.position + n,
    time: record.time,
    actor: record.actor,
    client: record.client,
    meta: record.meta,
  };
}

/** The same, with the data as they stand where an app's upcast throws: enough to tell who was here first. */
export function readableEvent(
  domain: DomainDefinition,
  record: CommitRecord | PendingRecord,
  n: number,
): DomainEvent | null {
  try {
    return eventOf(domain, record, n);
  } catch {
    return eventOf({ ...domain, aggregates: new Map() }, record, n);
  }
}

/** What a pending commit would become: a record without a place. */
export type PendingRecord = Pick<CommitRecord, "commit" | "client" | "actor" | "time" | "meta" | "events"> & {
  readonly position: null;
};
