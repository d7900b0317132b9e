/** The plain values that the handle shows to an app and that the worker sends to the page. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { Parked } from "../../core/fold/fold.ts";
import type { PlainError } from "../../core/values/errors.ts";

/** A commit that is durable on this device. */
export type Receipt = { readonly commit: string };

/**
 * What became of a commit. `position` is that of its last event; for one that gave no events, where this device's log
 * stood when it ended. `rejected` carries the server's reason.
 */
export type Settled =
  | { readonly outcome: "accepted" | "rebased"; readonly commit: string; readonly position: number }
  | {
      readonly outcome: "rejected";
      readonly commit: string;
      readonly code: string;
      readonly message: string;
      readonly command: number;
    };

/**
 * - `local`: opened without `sync`; this device itself confirms.
 * - `paused`: switched off by `log.pause()`.
 * - `following`: another tab of this browser syncs.
 * - `offline`: no network, or the server does not answer; tried again by itself.
 * - `connecting`, `catching-up`, `live`: on the way, behind, and up to date with an open socket.
 * - `stopped`: nothing goes on until something is done: see `error`.
 */
export type Connection =
  "local" | "paused" | "following" | "offline" | "connecting" | "catching-up" | "live" | "stopped";

export type LogStatus = {
  readonly connection: Connection;
  /** True where this tab is the one that syncs. */
  readonly leader: boolean;
  /** Commits made here and not ended by the server. */
  readonly pending: number;
  /** Pending commits that the server would reject as things stand: id and reason. */
  readonly doubtful: readonly { readonly commit: string; readonly code: string; readonly message: string }[];
  readonly rejections: number;
  /** Milliseconds since the epoch; null before the first time since the log was opened. Not stored: that would cost a write for each pull that brings nothing. */
  readonly lastSyncedAt: number | null;
  /** Position up to which this device has the log, and the server's last known one. */
  readonly position: number;
  readonly head: number;
  /** Events that this code could not fold: how many, and the first of them. */
  readonly parked: { readonly count: number; readonly events: readonly Parked[] };
  readonly error: PlainError | null;
};

/** A commit that the server refused. Kept, over reloads, until it is retried or discarded. */
export type RejectedCommit = {
  readonly commit: string;
  readonly commands: readonly CommandRequest[];
  readonly code: string;
  readonly message: string;
  /** Index of the command that was refused. */
  readonly command: number;
  /** The events of others that came first, as far as they were told. */
  readonly theirs: readonly DomainEvent[];
  readonly rejectedAt: number;
  /** Executes the same commands on today's state, as a new commit, and ends this rejection. Fails as `execute` does. */
  retry(): Promise<Receipt>;
  discard(): Promise<void>;
};

/** An event in a stream's history; `pending` while only this device has it. */
export type HistoryEntry<Event = DomainEvent> = Event & { readonly pending: boolean };
