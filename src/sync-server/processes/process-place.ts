/**
 * The stored place of a process manager in a log: its checkpoint, its notes and its tables.
 *
 *     process/NAME         rows, states, waiting │ outbox, due
 *     process-beside/NAME  rows, states, waiting    folded by newer code, until they take the place of the others
 *
 * Guarantees: a write changes all of it or nothing, and only if nobody else changed it (M1, M2).
 */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { FollowerNotes } from "../read-models/follower-notes.ts";
import type { Follower, ModelStore } from "../stores/model-store.ts";
import type { SkippedEvent } from "../subscribers/place.ts";
import type { ProcessDefinition, Release } from "./process-manager.ts";

/** The tables of a process manager besides those of a read model and `WAITING`. */
export const OUTBOX = "outbox";
/** Keys of the next time of each process that has one. They have the order of time. */
export const DUE = "due";

/** The notes of a process manager. They have those of a read model, so that its rows are read in the same way. */
export type ProcessNotes = FollowerNotes & {
  /** The identity and the release of the code that folded the rows. */
  readonly identity: string;
  readonly release: Release;
  readonly isPaused: boolean;
  /** Changes of the waiting events. Rows beside these begin again after a change. */
  readonly edits: number;
  /** Events up to this position are folded without a reaction, because a reset began behind them. */
  readonly silentTo: number;
  /** The time at which the server received the last folded record, in milliseconds since the epoch. */
  readonly foldedUpTo: number;
  /** The least time of a command in the outbox, in milliseconds since the epoch. Null: the outbox has none. */
  readonly dueAt: number | null;
  /** True: waiting events may be runnable. */
  readonly isRetrying: boolean;
  /** The events that are not folded. `parkedCount` of them are parked. */
  readonly waiting: number;
  /** The commands in the outbox, and how many of them are parked. */
  readonly commands: number;
  readonly parkedCommands: number;
  /** The last skipped events and commands. */
  readonly skipped: readonly SkippedEvent[];
};

export type ProcessPlace = {
  /** 0: nothing is stored yet. */
  readonly revision: number;
  /** The end of the last record whose events were folded or wait. */
  readonly at: Cursor | null;
  readonly notes: ProcessNotes;
};

/** The places of a process manager in a log, and the head of the log, as of one moment. */
export type ProcessPlaces = {
  readonly head: Cursor | null;
  readonly live: ProcessPlace;
  /** The fold by newer code. */
  readonly beside: ProcessPlace;
};

/** Reads the places. `absent`: the log has no record. */
export async function readPlaces(
  models: ModelStore,
  log: LogName,
  manager: ProcessDefinition,
): Promise<ProcessPlaces | "absent" | "gone"> {
  const found = await models.followers(log);
  if (found.kind !== "open") return found.kind;
  const place = (name: string): ProcessPlace =>
    placeOf(
      manager,
      found.followers.find((follower) => follower.name === name),
    );
  return { head: found.head, live: place(manager.follower), beside: place(manager.beside) };
}

function placeOf(manager: ProcessDefinition, follower: Follower | undefined): ProcessPlace {
  const notes = emptyNotes(manager);
  if (!follower) return { revision: 0, at: null, notes };
  const { revision, at, text } = follower;
  return { revision, at, notes: { ...notes, ...parseOwnJson<Partial<ProcessNotes>>(text) } };
}

/** The notes of a place before the first event. */
export function emptyNotes({ identity, release, domain }: ProcessDefinition): ProcessNotes {
  return {
    phase: "building",
    domain: domain.version,
    movedAt: 0,
    parkedCount: 0,
    parked: [],
    hasUnknown: false,
    identity,
    release,
    isPaused: false,
    edits: 0,
    silentTo: 0,
    foldedUpTo: 0,
    dueAt: null,
    isRetrying: false,
    waiting: 0,
    commands: 0,
    parkedCommands: 0,
    skipped: [],
  };
}

/** The time at which the store's `due` names the log. It does not name it for a log that is behind its head. */
export function wakeOf({ isPaused, dueAt, isRetrying, hasUnknown }: ProcessNotes): number | null {
  if (isPaused) return null;
  // A node with newer code finds unknown events in a log that gets no record any more.
  return isRetrying || hasUnknown ? 0 : dueAt;
}

/** True: the checkpoint has not passed the events yet to which a reset does not react. */
export function isBehindReset({ at, notes }: ProcessPlace): boolean {
  return positionOf(at) < notes.silentTo;
}
