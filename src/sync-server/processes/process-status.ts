/** The facts about process managers that operators of a server read: places, commands, and what is parked. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { SkippedEvent } from "../subscribers/place.ts";

/** The place of a process manager in a log. */
export type ProcessStatus = {
  /** The name of the process manager. */
  readonly name: string;
  /**
   * `running`: it handles events. `building`: it folds earlier events without a reaction, after a new version or a
   * reset. `paused`: by `pause`. `outdated`: newer code runs it. `diverged`: the log does not contain its place, so it
   * needs a reset.
   */
  readonly state: "running" | "building" | "paused" | "outdated" | "diverged";
  /** The cursor of its checkpoint. Each event up to it was folded, or waits. Null: the beginning. */
  readonly at: string | null;
  /** Events of the log behind the checkpoint. */
  readonly behind: number;
  /** Events that wait behind a parked one, and the parked ones. */
  readonly waiting: number;
  /** The parked events and commands. */
  readonly parked: number;
  /** Commands that are not executed yet, also those of timers. */
  readonly commands: number;
  /** The time of the next command, in milliseconds since the epoch. 0: now. Null: no command waits for a time. */
  readonly nextAt: number | null;
  /** The last skipped events and commands. */
  readonly skipped: readonly SkippedEvent[];
  /** The reason why its last run failed on this node, such as a damaged record. Null: it did not fail. */
  readonly lastError: string | null;
};

/** A page of the commands that wait. It has all commands of each of its processes. */
export type CommandsPage = {
  /**
   * The process of the last command of the page before.
   *
   * @default the page begins at the first process
   */
  readonly after?: string;
  /**
   * The page ends with the process that reaches this number of commands: 1 to 5,000.
   *
   * @default 500
   */
  readonly limit?: number;
};

/** A command that is not executed yet. */
export type WaitingCommand = {
  /** The id of its commit. */
  readonly id: string;
  /** The key of its process. */
  readonly process: string;
  /** The name of the timer. Null: it was sent by `run`. */
  readonly timer: string | null;
  /** The time from which it can be executed, in milliseconds since the epoch. */
  readonly due: number;
  /** The commands of the commit. */
  readonly commands: readonly CommandRequest[];
  /** The attempts that failed, because the log could not record. */
  readonly failures: number;
  /** The reason of the last failure, for people. Null: no attempt failed. */
  readonly error: string | null;
};

/** An event that a process manager could not fold, or a command whose consequence it could not decide. */
export type ParkedByProcess =
  | {
      /** An event that waits for an operator. Later events of its processes wait behind it. */
      readonly kind: "event";
      /** The id of the event. */
      readonly id: string;
      /** The type of the event. */
      readonly type: string;
      /** The stream of the event. */
      readonly stream: string;
      /** The place in its stream. */
      readonly version: number;
      /** The place in the log. */
      readonly position: number;
      /** The reason, for people. */
      readonly reason: string;
    }
  | {
      /** A command that waits for an operator. Later commands of its process wait behind it. */
      readonly kind: "command";
      /** The id of its commit. */
      readonly id: string;
      /** The key of its process. */
      readonly process: string;
      /** The commands of the commit. */
      readonly commands: readonly CommandRequest[];
      /** The reason, for people. */
      readonly reason: string;
    };
