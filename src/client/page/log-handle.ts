/**
 * What an app holds: the handle of an open log, and what it shows.
 *
 * Place: `open-log` gives it, the React hooks and the demo use it; the worker behind it is not seen.
 * Holds: everything here is readonly and plain JSON; a `Live` value calls its subscribers after it changed, never while.
 */
import type { HistoryEntry, LogStatus, Receipt, RejectedCommit, Settled } from "../messages/log-types.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection, EventsOf, RowOf, StateOf } from "../../core/domain/handle-types.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import type { RowEntry } from "../../core/fold/rows.ts";

/** A value that changes. */
export interface Live<Value> {
  readonly get: () => Value;
  /** Calls `listener` after each change, until the function that it gives is called. */
  readonly subscribe: (listener: (value: Value) => void) => () => void;
}

/** A live row table: what is confirmed, and over it what is pending here. */
export interface LiveRows<Row> extends Live<readonly TypedRowEntry<Row>[]> {
  /** The row under a key, or undefined. */
  row(key: string): TypedRowEntry<Row> | undefined;
  /** All rows, in order of key. The same array until something changes. */
  all(): readonly TypedRowEntry<Row>[];
  /** Resolves once the rows have come from the worker for the first time. */
  readonly ready: Promise<void>;
}

export type TypedRowEntry<Row> = Omit<RowEntry, "row"> & { readonly row: Row };

export interface LogHandle<PresenceData = Json> {
  readonly log: string;
  readonly user: string;
  /** This device: the client id that stands in its commits. */
  readonly client: string;
  /**
   * Decides one or several commands as one commit. Resolves when the commit is durable on this device.
   * Rejects with `ValidationError` or `RejectedError`, and then nothing was recorded.
   */
  execute(commands: CommandRequest | readonly CommandRequest[], options?: { readonly meta?: Json }): Promise<Receipt>;
  /**
   * Takes back the last commit made on this device that has not been taken back and names a way (`undo` of its commands), as
   * a new commit. Null: there is none. Rejects as `execute` does, where the domain refuses by now.
   */
  undo(): Promise<Receipt | null>;
  /** Brings back what was taken back last, unless something new was made since. */
  redo(): Promise<Receipt | null>;
  /** Takes a commit that still waits out of the queue; it stands among the rejections as `withdrawn`. If it was under way, it may still arrive. */
  withdraw(receipt: Receipt): Promise<void>;
  /** Resolves once the server has ended the commit. */
  settled(receipt: Receipt): Promise<Settled>;
  rows<P extends AnyProjection>(projection: P): LiveRows<RowOf<P>>;
  readonly status: Live<LogStatus>;
  readonly rejections: Live<readonly RejectedCommit[]>;
  /** The events of one stream, confirmed and pending, oldest first. */
  history<A extends AnyAggregate>(aggregate: A, id: string): Promise<readonly HistoryEntry<EventsOf<A>>[]>;
  /** The state of one stream as it was at a version, or as it is now with what is pending. */
  stateAt<A extends AnyAggregate>(aggregate: A, id: string, at?: { readonly version: number }): Promise<StateOf<A>>;
  /**
   * Who else is here, and what this tab shows of itself: plain JSON of at most 1 KiB, null for nothing. Not stored. Others see one entry of a
   * device, while it is online: that of the tab that spoke last; when that is closed, of the one before it.
   */
  readonly presence: Live<readonly TypedPresence<PresenceData>[]> & { set(data: PresenceData): void };
  /** All that this device holds, as NDJSON: the confirmed log, what is pending, what was refused. */
  export(): ReadableStream<string>;
  /**
   * Takes in what `export` gave, into a log that is empty on this device. Checked whole before anything is written, so it stands in memory
   * meanwhile; its records may be 60 Mi characters at most.
   */
  import(ndjson: ReadableStream<string>): Promise<void>;
  /** Stops and starts syncing in this tab. Work goes on, and is kept. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export type TypedPresence<Data> = Omit<Presence, "data"> & { readonly data: Data };
