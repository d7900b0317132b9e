/**
 * The handle of an open log: all that an app uses after `openLog`.
 *
 * Place: `openLog` returns it. The React hooks and the demo use this interface and not the worker behind it.
 *
 * Guarantees:
 * - Everything here is readonly and plain JSON.
 */
import type { HistoryEntry, LogStatus, Receipt, RejectedCommit, Settled } from "../messages/log-types.ts";
import type { RebuildProgress, RowsAt } from "../messages/row-types.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { AnyAggregate, AnyProjection, EventsOf, RowOf, StateOf } from "../../core/domain/handle-types.ts";
import type { Json, JsonInput } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import type { Live, LiveRows } from "./live-types.ts";

/**
 * The handle of an open log.
 *
 * Each call may also reject with `storage-full`, `storage-lost` or `log-closed`: see `code` of the error.
 *
 * @example
 * const log: LogHandle = await openLog("team-7", { worker, user: "ada" });
 * await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
 * await log.close();
 */
export interface LogHandle<PresenceData = Json> {
  /** The name of the log. */
  readonly log: string;
  /** The name of the user, which is the actor of the commits made here. */
  readonly user: string;
  /** The id of this device's database, which is the client of the commits made here. */
  readonly client: string;
  /**
   * Decides one or several commands as one commit. Resolves when the commit is durable on this device and the live rows
   * show it.
   *
   * If the call rejects, nothing was recorded.
   *
   * @example
   * await log.execute([task.command.add("t1", { title: "Milk", column: "todo" }), task.command.complete("t1")]);
   *
   * @param options.meta plain JSON that is stored with the commit. @default null
   * @throws {ValidationError} `invalid`: a command or `meta` is not plain JSON, or its schema refuses the input
   * @throws {RejectedError} `rejected`: the domain refused, with its own word in `details.code`
   * @throws {UnknownAggregateError} `unknown-aggregate`: the worker's domain lacks the aggregate
   * @throws {UnknownCommandError} `unknown-command`: the worker's domain lacks the command
   * @throws {StorageFullError} `storage-full`: the device has no room
   * @throws {StorageLostError} `storage-lost`: the browser cannot reach the database any more
   * @throws {LogClosedError} `log-closed`
   */
  execute(
    commands: CommandRequest | readonly CommandRequest[],
    options?: { readonly meta?: JsonInput },
  ): Promise<Receipt>;
  /**
   * Takes back the last commit of this device that can be taken back, as a new commit.
   *
   * A commit can be taken back if its commands define `undo` and it was neither rejected nor taken back. Resolves with
   * null where there is none.
   *
   * If another author wrote to one of its streams since, the call rejects with `details.code` `conflict`, and
   * `details.theirs` has the last 100 of these events, and `details.mine` has `{ stream, type }` of those that it would
   * take back. If only the server knows of such events, it rejects the undo. If the events since then are not all on
   * this device, because it joined the log from a base, the call rejects with `details.code` `before-base`.
   *
   * @example
   * const receipt = await log.undo();
   * if (!receipt) console.log("Nothing to undo");
   *
   * @param options.overwrite true: takes the commit back although another author wrote since. @default false
   * @throws as `execute` does
   */
  undo(options?: { readonly overwrite?: boolean }): Promise<Receipt | null>;
  /**
   * Brings back the commit that was taken back last, as a new commit.
   *
   * Resolves with null where there is none, or where a new commit was made since. Other authors' later events stop it
   * as they stop `undo`.
   *
   * @example
   * await log.redo();
   *
   * @param options.overwrite as in `undo`. @default false
   * @throws as `execute` does
   */
  redo(options?: { readonly overwrite?: boolean }): Promise<Receipt | null>;
  /**
   * Takes a pending commit out of the queue. It becomes a rejection with the code `withdrawn`.
   *
   * If the commit was already on its way to the server, its record may still arrive. The rejection then ends.
   *
   * @example
   * const receipt = await log.execute(task.command.complete("t1"));
   * await log.withdraw(receipt);
   *
   * @throws {StorageFullError} `storage-full`
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  withdraw(receipt: Receipt): Promise<void>;
  /**
   * Resolves once the server settled the commit, perhaps days later. A log without a server settles by itself.
   *
   * @example
   * const { outcome } = await log.settled(await log.execute(task.command.complete("t1")));
   *
   * @throws {RejectedError} `rejected`, with `details.code` `unknown-commit`: this device does not know the commit, or
   * not any more
   * @throws {LogClosedError} `log-closed`: the log was closed first. Call `settled` again after opening it.
   */
  settled(receipt: Receipt): Promise<Settled>;
  /**
   * Returns the live rows of a projection. Each call returns the same object.
   *
   * The rows come from the worker, so the first call returns an empty table: await `ready`.
   *
   * @example
   * const rows = log.rows(board);
   * rows.subscribe((entries) => console.log(entries.length));
   */
  rows<P extends AnyProjection>(projection: P): LiveRows<RowOf<P>>;
  /**
   * The state of syncing, with counts, positions and the present error.
   *
   * @example
   * log.status.subscribe(({ connection, error }) => console.log(connection, error?.fix));
   */
  readonly status: Live<LogStatus>;
  /**
   * The rejected commits of this device, each with `retry()` and `discard()`.
   *
   * @example
   * log.rejections.subscribe((rejections) => rejections.forEach(({ message }) => console.warn(message)));
   */
  readonly rejections: Live<readonly RejectedCommit[]>;
  /**
   * Reads the events of one stream, oldest first. Pending events come last.
   *
   * @example
   * const events = await log.history(task, "t1");
   * console.log(events.map(({ type, version }) => `${version}: ${type}`));
   *
   * @throws {RejectedError} `rejected`, with `details.code` `before-base`: the first events are not on this device
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  history<A extends AnyAggregate>(aggregate: A, id: string): Promise<readonly HistoryEntry<EventsOf<A>>[]>;
  /**
   * Reads the state of one stream at a version. Version 0 is the state before the first event.
   *
   * @example
   * const before = await log.stateAt(task, "t1", { version: 1 });
   *
   * @param at.version a version of the stream. @default the present state, pending events included
   * @throws {RejectedError} `rejected`, with `details.code` `no-such-version`, or `before-base` as in `history`
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  stateAt<A extends AnyAggregate>(aggregate: A, id: string, at?: { readonly version: number }): Promise<StateOf<A>>;
  /**
   * Reads the rows of a projection as they were after the event at a position of the log, and this event. Pending
   * commits are left out, because they have no position. Position 0 is the log before its first event.
   *
   * It folds this device's log up to the position, also without a network. With 10,000 events this takes about a tenth
   * of a second.
   *
   * @example
   * const { position } = log.status.get();
   * const { rows, event } = await log.rowsAt(board, { position: position - 1 });
   *
   * @param at.position 0 to `status.position`, which counts confirmed events
   * @throws {RejectedError} `rejected`, with `details.code` `no-such-position`: this device has no event there
   * @throws {ValidationError} `invalid`: the worker's domain lacks the projection
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  rowsAt<P extends AnyProjection>(projection: P, at: { readonly position: number }): Promise<RowsAt<RowOf<P>>>;
  /**
   * Folds the rows of a projection again from this device's log. Use it after a handler was corrected without a new
   * `version`, or after stored rows were damaged.
   *
   * Live rows stay and commands continue meanwhile. At the end, one write replaces the old rows by the new ones, in all
   * tabs. If the tab ends before that, the old rows stay. If another tab rebuilds at the same time, the
   * first one to end replaces the rows of both. The log is folded once for all projections, so the other rows are new
   * too.
   *
   * @example
   * await log.rebuild(board, { onProgress: ({ done, of }) => console.log(`${done} of ${of} events`) });
   *
   * @param options.onProgress called after every few commits, and at the end with `done` equal to `of`. The rebuild
   * continues after it returns. Its error is reported as uncaught.
   * @throws {ValidationError} `invalid`: the worker's domain lacks the projection
   * @throws {StorageFullError} `storage-full`: the old rows stay
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`: the old rows stay
   */
  rebuild(
    projection: AnyProjection,
    options?: { readonly onProgress?: (progress: RebuildProgress) => void },
  ): Promise<void>;
  /**
   * The presence of the other devices, and `set` for the presence of this tab.
   *
   * Presence is plain JSON of at most 1 KiB unless the server allows more. It is not stored, and ends with the
   * connection. Null shows nothing, and so does data that cannot be shown. A device has one entry: that of the tab that
   * called `set` last. If that tab closes, the entry of the tab before it shows again.
   *
   * @example
   * log.presence.set({ card: "t1" });
   * log.presence.subscribe((others) => console.log(others.map(({ actor }) => actor)));
   */
  readonly presence: Live<readonly TypedPresence<PresenceData>[]> & { set(data: PresenceData): void };
  /**
   * Returns everything that this device has of the log, as NDJSON: the confirmed records, pending commits and
   * rejections. If this device joined the log from a base, there are no records.
   * Reading the stream fails with `storage-lost` or `log-closed`.
   *
   * @example
   * const file = await new Response(log.export().pipeThrough(new TextEncoderStream())).blob();
   */
  export(): ReadableStream<string>;
  /**
   * Writes an exported log into a log of the same name that is empty on this device, whole or not at all.
   *
   * Memory holds the text meanwhile, because all of it is checked before it is written. Its records may have 60 Mi
   * characters at most.
   *
   * @example
   * await log.import(file.stream().pipeThrough(new TextDecoderStream()));
   *
   * @throws {ValidationError} `invalid`: the text is no export of this log, or has commits of another user
   * @throws {ConcurrencyError} `concurrency`: the log is not empty on this device
   * @throws {StorageFullError} `storage-full`
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  import(ndjson: ReadableStream<string>): Promise<void>;
  /**
   * Moves all commits of this log to the log of another user on this device, deletes this log here, and closes it.
   *
   * It is for the work of a guest who signs up: this log never reached a server. The commits keep their ids, and become
   * pending commits of the other user. Each one is decided again there, and by the server with that user's rights. If
   * the call fails half way, call it again.
   *
   * @example
   * const guest = await openLog("groceries", { worker, user: "guest" });
   * await guest.moveTo("ada");
   * const log = await openLog("groceries", { worker, user: "ada", sync });
   *
   * @throws {ConcurrencyError} `concurrency`: a server has commits of this log, or it has rejected commits
   * @throws {ValidationError} `invalid`: the name of the user is not allowed, or is the user of this log
   * @throws {StorageFullError} `storage-full`
   * @throws {StorageLostError} `storage-lost`
   * @throws {LogClosedError} `log-closed`
   */
  moveTo(user: string): Promise<void>;
  /**
   * Stops syncing in this tab. Commands still work, and their commits are kept.
   *
   * @example
   * log.pause();
   */
  pause(): void;
  /**
   * Syncs again in this tab, and tries at once. Call it too after a person signed in again.
   *
   * @example
   * log.resume();
   */
  resume(): void;
  /**
   * Removes `status.sentAgain` in this tab, after the app showed it.
   *
   * @example
   * log.acknowledge();
   */
  acknowledge(): void;
  /**
   * Closes this handle, and terminates its worker if `openLog` started it. Everything on the device stays.
   *
   * Calls that have no answer yet reject with `log-closed`. Closing twice is allowed.
   *
   * @example
   * await log.close();
   */
  close(): Promise<void>;
}

/**
 * A device that has the log open. The server verified `actor`. The device chose `client`.
 *
 * @example
 * const names = (others: readonly TypedPresence<Json>[]) => others.map(({ actor }) => actor);
 */
export type TypedPresence<Data> = Omit<Presence, "data"> & {
  /** The presence that the device's page set. Another release of the app may have set it, so check its shape. */
  readonly data: Data;
};
