/** The text of a read model's follower: its phase, and the events that its rows lack. */
import { parseOwnJson } from "../../core/values/json.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Follower, FollowerNext } from "../stores/model-store.ts";
import { ROWS, STATES } from "./read-model.ts";

/** An event that the rows do not contain, and why. */
export type ParkedEvent = {
  /** The id of the event. */
  readonly event: string;
  /** The stream of the event. */
  readonly stream: string;
  /** The position of the event in the log. */
  readonly position: number;
  /** The reason, for people. */
  readonly reason: string;
};

export type FollowerNotes = {
  /** `building`: the rows have never reached the head of the log, so no reader gets them. */
  readonly phase: "building" | "ready";
  /** The version of the domain that folded the rows last. */
  readonly domain: number;
  /** Milliseconds since the epoch of the last fold. */
  readonly movedAt: number;
  /** All parked events, of which `parked` has the first. */
  readonly parkedCount: number;
  readonly parked: readonly ParkedEvent[];
  /** True: an event was parked because the code did not know it. Newer code folds the log again. */
  readonly hasUnknown: boolean;
};

/** Parked events that the notes keep. More are only counted. */
const PARKED_MAX = 100;

/** The notes of a follower. Null: the follower does not exist, or its text is of another release. */
export function notesOf(follower: Follower | undefined): FollowerNotes | null {
  if (!follower) return null;
  try {
    const notes = parseOwnJson<FollowerNotes>(follower.text);
    return Array.isArray(notes.parked) && typeof notes.movedAt === "number" ? notes : null;
  } catch {
    return null;
  }
}

export function notesText(notes: FollowerNotes): string {
  return JSON.stringify(notes);
}

/** The next state of a follower of a read model. `isNew`: its tables begin empty. */
export function nextOf(at: Cursor | null, notes: FollowerNotes, isNew: boolean): FollowerNext {
  const change = isNew ? "new" : "keep";
  return { at, text: notesText(notes), wake: null, tables: { [ROWS]: change, [STATES]: change } };
}

type ParkedNotes = Pick<FollowerNotes, "parkedCount" | "parked">;

/** Counts more parked events. Only the first ones are kept. */
export function withParked(before: ParkedNotes, parked: readonly ParkedEvent[]): ParkedNotes {
  return {
    parkedCount: before.parkedCount + parked.length,
    parked: [...before.parked, ...parked].slice(0, PARKED_MAX),
  };
}
