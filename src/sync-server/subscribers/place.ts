/**
 * The stored place of a subscriber in a log: its checkpoint, its notes and its waiting events.
 *
 * Guarantees: a write changes all of it or nothing, and only if nobody else changed it (M1, M2).
 */
import { parseOwnJson } from "../../core/values/json.ts";
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { ModelStore, ModelWriteResult } from "../stores/model-store.ts";
import { ALL_ROWS, readPages } from "../stores/read-keys.ts";
import type { LaneChanges, UnknownEvent } from "./lanes.ts";
import { WAITING } from "./subscriber.ts";

/** An event that an operator skipped. */
export type SkippedEvent = {
  /** The id of the event. */
  readonly event: string;
  /** The operator's reason. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
};

export type PlaceNotes = {
  readonly isPaused: boolean;
  /** The resets until now. A runner of an earlier one stops. */
  readonly resets: number;
  /** The events that are not handled, and how many of them are parked. */
  readonly waiting: number;
  readonly parked: number;
  /** The events that the last node did not know: one of each type. */
  readonly unknown: readonly UnknownEvent[];
  /** The next attempt, in milliseconds since the epoch. Null: there is none. */
  readonly nextAt: number | null;
  /** The last skipped events. */
  readonly skipped: readonly SkippedEvent[];
};

export type Place = {
  /** 0: nothing is stored yet. */
  readonly revision: number;
  /** The end of the last record whose events were handled or wait. */
  readonly at: Cursor | null;
  readonly notes: PlaceNotes;
  readonly head: Cursor | null;
};

export type NextPlace = {
  readonly at: Cursor | null;
  readonly notes: Omit<PlaceNotes, "nextAt">;
  /** The next attempt, in milliseconds since the epoch. Infinity: there is none. */
  readonly wakeAt: number;
  readonly changes: LaneChanges;
  /** True: all waiting events are forgotten. */
  readonly isEmptied?: boolean;
};

/** Stored waiting events of a place, by key. */
export type WaitingRows = readonly (readonly [key: string, text: string | null])[];

const EMPTY: PlaceNotes = {
  isPaused: false,
  resets: 0,
  waiting: 0,
  parked: 0,
  unknown: [],
  nextAt: null,
  skipped: [],
};

/** Reads the place. `absent`: the log has no record. */
export async function readPlace(
  models: ModelStore,
  log: LogName,
  follower: string,
): Promise<Place | "absent" | "gone"> {
  const found = await models.followers(log);
  if (found.kind !== "open") return found.kind;
  const stored = found.followers.find(({ name }) => name === follower);
  return {
    revision: stored?.revision ?? 0,
    at: stored?.at ?? null,
    notes: stored ? { ...EMPTY, ...parseOwnJson<Partial<PlaceNotes>>(stored.text) } : EMPTY,
    head: found.head,
  };
}

/** True: until the next attempt, only code that knows more events has work in the log. */
export function waitsForNewerCode(
  { at, head, notes: { unknown, nextAt } }: Place,
  isUnknown: (event: UnknownEvent) => boolean,
  now: number,
): boolean {
  return unknown.length > 0 && unknown.every(isUnknown) && sameCursor(at, head) && (nextAt ?? Infinity) > now;
}

/** Reads the waiting rows of a revision. Null: the place changed while they were read. */
export async function readWaiting(
  models: ModelStore,
  log: LogName,
  follower: string,
  { revision, notes }: Place,
): Promise<WaitingRows | null> {
  if (notes.waiting === 0) return [];
  const rows: (readonly [string, string | null])[] = [];
  for await (const page of readPages(models, log, follower, WAITING, ALL_ROWS)) {
    if (page?.follower.revision !== revision) return null;
    rows.push(...page.rows);
  }
  return rows;
}

export function writePlace(
  models: ModelStore,
  log: LogName,
  follower: string,
  revision: number,
  { at, notes, wakeAt, changes, isEmptied = false }: NextPlace,
): Promise<ModelWriteResult> {
  const nextAt = notes.isPaused || wakeAt === Infinity ? null : Math.ceil(wakeAt);
  const next = {
    at,
    text: JSON.stringify({ ...notes, nextAt } satisfies PlaceNotes),
    // A node with newer code finds unknown events in a log that gets no record any more.
    wake: notes.unknown.length > 0 && !notes.isPaused ? 0 : nextAt,
    tables: { [WAITING]: isEmptied ? ("new" as const) : ("keep" as const) },
  };
  const hasRows = changes.set.length + changes.remove.length > 0;
  return models.write(log, {
    followers: [{ name: follower, revision, next }],
    rows: hasRows ? [{ follower, table: WAITING, ...changes }] : [],
  });
}
