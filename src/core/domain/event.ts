/**
 * An event: an immutable fact, first as a draft of the domain, then with its place in the log.
 *
 *   draft (type, data)  →  event (plus author, time, place in the stream, place in the log)
 */
import type { Json } from "../values/json.ts";

/** An event without a place: the result of `emit` in `decide`. */
export type Draft<Type extends string = string, Data = Json> = {
  /** The event's type, such as `TaskAdded`. */
  readonly type: Type;
  /** The event's data, as the schema of its type returned it. */
  readonly data: Data;
};

/**
 * An event with its place. `aggregate` is a literal type in handlers, so that two aggregates may share an event type.
 */
export type DomainEvent<Type extends string = string, Data = Json, Aggregate extends string = string> = {
  /**
   * The commit's id and the event's place in the commit: `<commit id>:<n>`, where n counts from 0. It is unique in a
   * log.
   */
  readonly id: string;
  /** The event's type, such as `TaskAdded`. */
  readonly type: Type;
  /** The event's data, in the newest version of its schema. */
  readonly data: Data;
  /** The name of the aggregate that the event belongs to. */
  readonly aggregate: Aggregate;
  /** The stream: the aggregate and an id, such as `task/t1`. */
  readonly stream: string;
  /** The place in its stream: 1, 2, 3 … A pending event has the place that it would get now. */
  readonly version: number;
  /** The place in the log: 1, 2, 3 … The server assigns it. A pending event has null. */
  readonly position: number | null;
  /** Milliseconds since the epoch by the author's hybrid logical clock. It is information and never an order. */
  readonly time: number;
  /** The person who made it: the `user` of `openLog`. */
  readonly actor: string;
  /** The id of the device that made it. `actor` and `client` together are the author. */
  readonly client: string;
  /** The app's own notes of the commit. */
  readonly meta: Json;
  /** The id of the event that caused the commit. Absent: the commit has no cause. */
  readonly causedBy?: string;
  /** The id of the first commit of its chain of causes. Without a cause it is the id of its own commit. */
  readonly correlation: string;
};
