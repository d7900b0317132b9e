/**
 * The domain as the rest of Dacapo sees it: names and plain functions, types erased.
 *
 * `aggregate`, `projection` and `defineDomain` give typed handles that carry one of these; decide, reconcile, fold and
 * the shells know only these. Names that come from the wire look up a Map, never a plain object.
 */
import type { Parsed } from "../values/parsed.ts";
import type { DomainEvent, Draft } from "./event.ts";
import type { Json } from "../values/json.ts";
/** A refusal by the domain. `code` is the domain's own word, such as `no-such-task`. */
export type Rejection = { readonly rejected: true; readonly code: string; readonly message: string };

/** What deciding a command gives: events (perhaps none) or a rejection. */
export type Decision = readonly Draft[] | Rejection;

/** What `onConflict` may also say: decide again on the current state. */
export type Rebase = { readonly rebase: true };

/** A stream by name, such as `{ stream: "task/t1" }`; the typed handle also knows the type of its state. */
export type StreamRef = { readonly stream: string };

/** One command as an app asks for it, before it is part of a commit. Plain JSON. */
export type CommandRequest = {
  readonly stream: string;
  readonly name: string;
  readonly v: number;
  readonly input?: Json;
};

/** What a command's `decide` is told besides state and input. All of it is a function of the commit. */
export type DecideContext = {
  readonly stream: string;
  readonly actor: string;
  /** Milliseconds since the epoch: the author's claim, or the server's time for a command marked so. */
  readonly time: number;
  /** A new id, derived from the commit: the same wherever the commit is decided. */
  readonly id: () => string;
  /** The states of the streams that the command `reads`, by the names it gave them. */
  readonly reads: Readonly<Record<string, Json>>;
};

/** What a merge function is told: the current state, what the author meant, what came first. */
export type MergeContext = DecideContext & {
  readonly mine: readonly Draft[];
  readonly theirs: readonly DomainEvent[];
};

export type ConflictPolicy =
  "rebase" | "keep" | "reject" | ((state: Json, input: unknown, context: MergeContext) => Decision | Rebase);

export type EventDefinition = {
  /** 1 and one more for each `.next`. */
  readonly version: number;
  /** Checks data of the current version. The value is stored as it came: a schema accepts what it gives. */
  readonly parse: (data: unknown) => Parsed<Json>;
  /** Brings data written as version `v` to the current version. Throws what the app's function throws. */
  readonly upcast: (v: number, data: Json) => Json;
};

export type CommandDefinition = {
  readonly version: number;
  /** Checks a raw input of the current version; the schema's output goes to `decide`. */
  readonly parse: (input: unknown) => Parsed<unknown>;
  readonly upcast: (v: number, input: Json | undefined) => Json | undefined;
  /** Streams whose state `decide` reads, by the name under which it sees them. At most 16. */
  readonly reads: (input: unknown) => Readonly<Record<string, StreamRef>>;
  readonly decide: (state: Json, input: unknown, context: DecideContext) => Decision;
  readonly onConflict: ConflictPolicy;
  /** `server`: decided with the server's time, the client's being a guess. */
  readonly time: "author" | "server";
  /** The command that takes this one back, or null where there is none. */
  readonly undo: ((facts: UndoFacts) => CommandRequest | null) | null;
};

/** What an inverse may be made of; kept with the settled commit. */
export type UndoFacts = {
  readonly stream: string;
  readonly before: Json;
  readonly input: unknown;
  readonly events: readonly Draft[];
};

export type AggregateDefinition = {
  readonly name: string;
  /** Version of the folding. Stored states of another version are made anew. */
  readonly version: number;
  readonly initial: Json;
  readonly events: ReadonlyMap<string, EventDefinition>;
  readonly commands: ReadonlyMap<string, CommandDefinition>;
  /** Folds one event of the current version. Throws what the app's function throws. */
  readonly evolve: (state: Json, event: DomainEvent) => Json;
  /** True for facts without decisions: its commands (one for each event, of its name) record what they are given. The server must allow it. */
  readonly recorded?: boolean;
};

/** What a projection's handler is told around an event. */
export type StreamTransition = { readonly key: string; readonly before: Json; readonly after: Json };

export type ProjectionDefinition = {
  readonly name: string;
  readonly version: number;
  /** Names of the aggregates whose events it folds. */
  readonly from: ReadonlySet<string>;
  /** The row where none is stored; null: there is no row. */
  readonly initial: Json;
  /** True where a handler stands for events of this type of this aggregate. */
  readonly handles: (aggregate: string, type: string) => boolean;
  /** The rows that an event touches: none, one or several keys, without doubles. */
  readonly keys: (event: DomainEvent, before: Json, after: Json) => readonly string[];
  /** The next row; null: there is no row. */
  readonly apply: (row: Json, event: DomainEvent & StreamTransition) => Json;
};

export type DomainDefinition = {
  /** Raised with each release that changes the domain. */
  readonly version: number;
  readonly aggregates: ReadonlyMap<string, AggregateDefinition>;
  readonly projections: ReadonlyMap<string, ProjectionDefinition>;
};

export function isRejection(decision: Decision | Rebase): decision is Rejection {
  return "rejected" in decision;
}

/** Streams that one command may read besides its own. */
export const READS_MAX = 16;
