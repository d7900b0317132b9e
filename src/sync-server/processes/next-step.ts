/**
 * Decides the next step of a process manager in one log, and the time at which it must wake. Pure.
 *
 *     places, head, now ── nextStep ──> build | swap | retry | react | execute | rest(nextWakeAt)
 *
 * A server with timers waits for `nextWakeAt`. A runtime that sleeps sets its alarm to it. Both then run until a rest.
 *
 * Guarantees (next-step.test.ts):
 * - Newer code folds beside, and takes over only at the cursor of the older code. Older code does not take over.
 * - Nothing is due before its time by the clock of the node, and nothing that is due is left out.
 * - Events and commands take turns, so that neither waits for ever.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { isBehindReset, type ProcessNotes, type ProcessPlace, type ProcessPlaces } from "./process-place.ts";
import type { ProcessDefinition, Release } from "./process-manager.ts";

export type ProcessStep =
  /** Folds a page of the log beside the rows of older code. `isNew`: from the beginning. */
  | { readonly kind: "build"; readonly isNew: boolean }
  /** Puts the rows beside in the place of the others. */
  | { readonly kind: "swap" }
  /** Folds waiting events that can be folded now. */
  | { readonly kind: "retry" }
  /** Folds a page of the log. */
  | { readonly kind: "react" }
  /** Executes the commands that are due. */
  | { readonly kind: "execute" }
  /** Nothing is left to do until this time, in milliseconds since the epoch, or until the log grows. */
  | { readonly kind: "rest"; readonly until: number };

export type ProcessFacts = ProcessPlaces & {
  readonly manager: Pick<ProcessDefinition, "identity" | "release"> & { readonly domain: { readonly version: number } };
  readonly now: number;
  /** The last step folded events, so that commands have their turn. */
  readonly isTurnOfCommands: boolean;
  /** The next event is one that this code does not know. A node with newer code may fold it. */
  readonly isBeforeUnknown: boolean;
};

/** Waiting events above which the checkpoint stops. */
export const WAITING_MAX = 10_000;

export function nextStep(facts: ProcessFacts): ProcessStep {
  const { manager, live, head, now, isTurnOfCommands } = facts;
  const { notes } = live;
  if (head === null || notes.isPaused || isOutdated(manager, live)) return { kind: "rest", until: Infinity };
  if (notes.identity !== manager.identity) return takeOver(facts);
  if (mayRetry(manager, notes)) return { kind: "retry" };
  const isDue = nextWakeAt(notes) <= now && !isBehindReset(live);
  const hasEvents = hasReadableEvents(facts);
  if (hasEvents && !(isTurnOfCommands && isDue)) return { kind: "react" };
  return isDue ? { kind: "execute" } : { kind: "rest", until: nextWakeAt(notes) };
}

/**
 * The time at which commands are due, in milliseconds since the epoch. Infinity: at no time. Events of the log are due
 * when the log grows.
 */
export function nextWakeAt({ isPaused, dueAt }: Pick<ProcessNotes, "isPaused" | "dueAt">): number {
  return isPaused ? Infinity : (dueAt ?? Infinity);
}

/** True: newer code folds this log, so that this code does nothing in it. */
export function isOutdated({ identity, release }: ProcessFacts["manager"], { revision, notes }: ProcessPlace): boolean {
  return revision > 0 && notes.identity !== identity && !isNewer(release, notes.release);
}

/** True: this code reads events that older code parked as unknown. */
export function knowsMore({ domain }: ProcessFacts["manager"], notes: ProcessNotes): boolean {
  return notes.hasUnknown && notes.domain < domain.version;
}

/** True: the log has events that a page can add. */
export function hasReadableEvents({ live, head, isBeforeUnknown }: ProcessFacts): boolean {
  return !sameCursor(live.at, head) && live.notes.waiting < WAITING_MAX && !isBeforeUnknown;
}

/**
 * The time up to which all events are folded. A timer that was due before it can be executed, because no event in time
 * can drop it any more. Infinity: all readable events are folded.
 */
export function foldedUpTo({ live, head }: { readonly live: ProcessPlace; readonly head: Cursor | null }): number {
  const isComplete = sameCursor(live.at, head) || live.notes.waiting >= WAITING_MAX;
  return isComplete ? Infinity : live.notes.foldedUpTo;
}

function mayRetry(manager: ProcessFacts["manager"], notes: ProcessNotes): boolean {
  return notes.waiting > 0 && (notes.isRetrying || knowsMore(manager, notes));
}

function takeOver({ manager, live, beside }: ProcessFacts): ProcessStep {
  const isMine =
    beside.revision > 0 &&
    beside.notes.identity === manager.identity &&
    beside.notes.edits === live.notes.edits &&
    positionOf(beside.at) <= positionOf(live.at);
  if (!isMine) return { kind: "build", isNew: true };
  return sameCursor(beside.at, live.at) ? { kind: "swap" } : { kind: "build", isNew: false };
}

function isNewer([version, aggregates]: Release, [otherVersion, otherAggregates]: Release): boolean {
  return version === otherVersion ? aggregates > otherAggregates : version > otherVersion;
}
