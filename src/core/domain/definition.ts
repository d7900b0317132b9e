/**
 * The domain as the rest of Dacapo uses it: names and plain functions, with types erased.
 *
 * The typed handles of `aggregate`, `projection` and `defineDomain` contain these definitions. Everything after the
 * domain folder knows only the definitions.
 *
 * Guarantees: a name of the wire is a key of a Map, because a plain object has keys that nobody defined.
 */
import type { Json } from "../values/json.ts";
import type { StreamName } from "../values/ids.ts";
import type { Parsed } from "../values/parsed.ts";
import type { DomainEvent, Draft } from "./event.ts";

/** The largest number of streams that one command may read besides its own. */
export const READS_MAX = 16;

/** A rejection by the domain. `code` is the domain's own code, such as `no-such-task`. `message` is for people. */
export type Rejection = {
  /** Marks the value as a rejection. */
  readonly rejected: true;
  /** The domain's own code, such as `no-such-task`. */
  readonly code: string;
  /** The reason in words, for people. */
  readonly message: string;
};

/** The decision of a command: events, which may be none, or a rejection. */
export type Decision = readonly Draft[] | Rejection;

/** A result of `onConflict`: decide again on the current state. */
export type Rebase = {
  /** Marks the value as this result. */
  readonly rebase: true;
};

/** A stream by its name, such as `{ stream: "task/t1" }`. */
export type StreamRef = {
  /** The stream's name: the aggregate and an id. */
  readonly stream: string;
};

/** A command that an app wants to execute. It is plain JSON and not yet part of a commit. */
export type CommandRequest = {
  /** The stream that the command writes to, such as `task/t1`. */
  readonly stream: string;
  /** The name of the command. */
  readonly name: string;
  /** The version of the input's schema. */
  readonly v: number;
  /** The input as the app passed it in. The schema has not checked it yet. */
  readonly input?: Json;
};

/** The context of `decide`. It depends on the commit alone. */
export type DecideContext = {
  readonly stream: string;
  readonly actor: string;
  /** Milliseconds since the epoch: the author's time, or the server's time for a command with `time: "server"`. */
  readonly time: number;
  /** Returns a new id, derived from the commit, so that each device that decides the commit gets the same one. */
  readonly id: () => string;
  /** The states of the streams that the command `reads`, by the names in `reads`. */
  readonly reads: Readonly<Record<string, Json>>;
};

/** The context of an `onConflict` function. */
export type MergeContext = DecideContext & {
  /** The events that the author expected. */
  readonly mine: readonly Draft[];
  /** The other authors' events that came first, or the latest of them. */
  readonly theirs: readonly DomainEvent[];
};

/** The rule for a command after other authors' events came first. */
export type ConflictPolicy =
  "rebase" | "keep" | "reject" | ((state: Json, input: unknown, context: MergeContext) => Decision | Rebase);

/** An event type of an aggregate. */
export type EventDefinition = {
  /** 1, and one more for each `.next`. */
  readonly version: number;
  /** Checks data of the current version. Dacapo stores the schema's output. */
  readonly parse: (data: unknown) => Parsed<Json>;
  /** Upcasts data of version `v` to the current version. It throws the error of the app's function. */
  readonly upcast: (v: number, data: Json) => Json;
};

/** An event that this code reads as other events. */
export type FormerDefinition = {
  /** Stored events of its type are former up to this version. */
  readonly version: number;
  /** Returns the present events in its place, maybe none. It throws the error of the app's function. */
  readonly upcast: (v: number, data: Json) => readonly Draft[];
};

/** A command of an aggregate. */
export type CommandDefinition = {
  /** 1, and one more for each `.next` of its input. */
  readonly version: number;
  /** Checks a raw input of the current version. `decide` gets the schema's output. */
  readonly parse: (input: unknown) => Parsed<unknown>;
  /** Upcasts a raw input of version `v` to the current version. It throws the error of the app's function. */
  readonly upcast: (v: number, input: Json | undefined) => Json | undefined;
  /** The streams whose states `decide` reads, by their names in its context. There are at most `READS_MAX`. */
  readonly reads: (input: unknown) => Readonly<Record<string, StreamName>>;
  readonly decide: (state: Json, input: unknown, context: DecideContext) => Decision;
  readonly onConflict: ConflictPolicy;
  /** The time that `decide` gets. With `server`, the device uses its own time as a forecast. */
  readonly time: "author" | "server";
  /** Returns the command that reverts this one, or null. It is null if the command cannot be undone. */
  readonly undo: ((facts: UndoFacts) => CommandRequest | null) | null;
};

/** The argument of `undo`. The device keeps it with the settled commit. */
export type UndoFacts = {
  readonly stream: string;
  /** The state before the command. */
  readonly before: Json;
  readonly input: unknown;
  readonly events: readonly Draft[];
};

/** An aggregate, with its types erased. */
export type AggregateDefinition = {
  readonly name: string;
  /** The version of `initial` and `evolve`. Dacapo rebuilds stored states of another version. */
  readonly version: number;
  /** The state of a stream without events. */
  readonly initial: Json;
  readonly events: ReadonlyMap<string, EventDefinition>;
  /** Events that this code reads as other events, by their stored types. */
  readonly former: ReadonlyMap<string, FormerDefinition>;
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  /** Folds one event of the current version. It throws the error of the app's function. */
  readonly evolve: (state: Json, event: DomainEvent) => Json;
  /**
   * True if it has one command for each event, which records its input without a decision. The server must allow it.
   */
  readonly recorded?: boolean;
};

/**
 * The facts about an event that a projection's handler gets: the row's key, and the stream's state before and after.
 */
export type StreamTransition = { readonly key: string; readonly before: Json; readonly after: Json };

/** A projection, with its types erased. */
export type ProjectionDefinition = {
  readonly name: string;
  /** The version of `initial`, `keys` and the handlers. Dacapo rebuilds stored rows of another version. */
  readonly version: number;
  /** The names of the aggregates whose events it folds. */
  readonly from: ReadonlySet<string>;
  /** The row of a key without a stored row. Null means that there is no row. */
  readonly initial: Json;
  /** True if a handler exists for events of this type of this aggregate. */
  readonly handles: (aggregate: string, type: string) => boolean;
  /** True without a `key`: each stream has one row of its own. */
  readonly isByStream: boolean;
  /** Returns the keys of the rows that an event changes, each one once. */
  readonly keys: (event: DomainEvent, before: Json, after: Json) => readonly string[];
  /** Returns the next row. Null removes the row. */
  readonly apply: (row: Json, event: DomainEvent & StreamTransition) => Json;
};

/** A domain, with its types erased. */
export type DomainDefinition = {
  /** The version of the domain. An app raises it with each release that changes the domain. */
  readonly version: number;
  readonly aggregates: ReadonlyMap<string, AggregateDefinition>;
  readonly projections: ReadonlyMap<string, ProjectionDefinition>;
};

/** True if a decision is a rejection. */
export function isRejection(decision: Decision | Rebase): decision is Rejection {
  return "rejected" in decision;
}
