/**
 * An event: an immutable fact, first as the domain drafts it, then as the log holds it.
 *
 * The value grows on its way and never changes: draft (type, data) → event (who, when, where in its stream and in the log).
 */
import type { Json } from "../values/json.ts";

/** What `decide` gives: a fact before anyone has placed it. */
export type Draft<Type extends string = string, Data = Json> = { readonly type: Type; readonly data: Data };

/** A fact in its place. `aggregate` is literal in typed handlers, so that two aggregates may share an event type. */
export type DomainEvent<Type extends string = string, Data = Json, Aggregate extends string = string> = {
  /** The commit's id and the event's place in it: `<commit>:<n>`, n from 0. Unique in a log. */
  readonly id: string;
  readonly type: Type;
  readonly data: Data;
  readonly aggregate: Aggregate;
  /** `type/id`, such as `task/t1`. */
  readonly stream: string;
  /** Place in its stream: 1, 2, 3 … For a pending event: where it would stand today. */
  readonly version: number;
  /** Place in the log: 1, 2, 3 … given by the server; null while pending. */
  readonly position: number | null;
  /** Milliseconds since the epoch by the author's hybrid logical clock; information, never order. */
  readonly time: number;
  readonly actor: string;
  /** The device that made it: together with `actor` it tells whose own event this is. */
  readonly client: string;
  readonly meta: Json;
};
