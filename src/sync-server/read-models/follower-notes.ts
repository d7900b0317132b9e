/** The text of a read model's follower: its phase, the events that its rows lack, and its job. */
import { parseOwnJson } from "../../core/values/json.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Follower, FollowerNext, TableChange } from "../stores/model-store.ts";
import { sqlTable } from "../stores/sql-tables.ts";
import { type ReadModel, ROWS, STATES } from "./read-model.ts";
import { begunAgain, hasEnded, type JobNotes } from "./job.ts";

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
  /**
   * `building`: the rows have never reached the head of the log, so no reader gets them. `purged`: an operator removed
   * them, and they do not follow the log.
   */
  readonly phase: "building" | "ready" | "purged";
  /** The version of the domain that folded the rows last. */
  readonly domain: number;
  /** Milliseconds since the epoch of the last fold. */
  readonly movedAt: number;
  /** Milliseconds since the epoch at which the rows became ready. Absent: code before this field built them. */
  readonly readyAt?: number;
  /** All parked events, of which `parked` has the first. */
  readonly parkedCount: number;
  readonly parked: readonly ParkedEvent[];
  /** True: an event was parked because the code did not know it. Newer code folds the log again. */
  readonly hasUnknown: boolean;
  /**
   * False: no operator deleted a row since the tables began empty, so a stream without an event has no row. Absent: the
   * writer of the notes did not know.
   */
  readonly hasDeleted?: boolean;
  /** The identity of the code that folded the rows, if the name of the follower does not contain it. */
  readonly identity?: string;
  /** The job that moves this follower, or moved it last. Without it, the follower follows the log by itself. */
  readonly job?: JobNotes;
};

/** Parked events that the notes keep. More are only counted. */
const PARKED_MAX = 100;

/** The notes of a follower. Null: the follower does not exist, or its text is of another release. */
export function notesOf(follower: Pick<Follower, "text"> | undefined): FollowerNotes | null {
  if (!follower) return null;
  try {
    const notes = parseOwnJson<FollowerNotes>(follower.text);
    return Array.isArray(notes.parked) && typeof notes.movedAt === "number" ? notes : null;
  } catch {
    return null;
  }
}

/** Why the rows of these notes are not there to be read. `beside`: the notes of the job of the model. */
export function missingRows(notes: FollowerNotes | null, beside: FollowerNotes | null): MissingRows {
  const isPopulated = beside?.job && !beside.job.comparison && !hasEnded(beside.job);
  return notes?.phase === "purged" && !isPopulated ? "purged" : "building";
}

/** `purged`: an operator removed the rows. `building`: they have not reached the head of the log yet, or a job runs. */
export type MissingRows = Exclude<FollowerNotes["phase"], "ready">;

export function notesText(notes: FollowerNotes): string {
  return JSON.stringify(notes);
}

/** The next state of a follower of a read model. Null: it keeps no table. */
export function nextOf(
  model: ReadModel,
  at: Cursor | null,
  notes: FollowerNotes,
  change: TableChange | null,
  sql: SqlWork = "make",
): FollowerNext {
  // The walk over all logs finds a running job by its time, also after a crash. A node with newer code finds rows that
  // lack unknown events, also if the log gets no record any more.
  const wake = notes.job?.state === "running" || notes.hasUnknown ? 0 : null;
  const next = { at, text: notesText(notes), wake };
  if (change === null) return { ...next, tables: {} };
  if (!model.sql) return { ...next, tables: { [ROWS]: change, [STATES]: change } };
  const own = [...model.sql.tables];
  const tables = Object.fromEntries([STATES, ...own.map(([name]) => sqlTable(name))].map((name) => [name, change]));
  if (sql === "keep") return { ...next, tables };
  const specs = own.map(([name, { create, view }]) => [name, { create, view, isShown: sql === "show" }] as const);
  return { ...next, tables, sql: Object.fromEntries(specs) };
}

/**
 * `keep`: the SQL tables are there. `make`: they are created if they are missing. `show`: their views show them too.
 */
export type SqlWork = "keep" | "make" | "show";

type ParkedNotes = Pick<FollowerNotes, "parkedCount" | "parked">;

/** Counts more parked events. Only the first ones are kept. */
export function withParked(before: ParkedNotes, parked: readonly ParkedEvent[]): ParkedNotes {
  return {
    parkedCount: before.parkedCount + parked.length,
    parked: [...before.parked, ...parked].slice(0, PARKED_MAX),
  };
}

/** The notes of a follower that begins before the first record. Its job begins again. */
export function emptyNotes(domain: number, now: number, job?: JobNotes): FollowerNotes {
  const facts = { phase: "building", parkedCount: 0, parked: [], hasUnknown: false, hasDeleted: false } as const;
  return { ...facts, domain, movedAt: now, ...(job && { job: begunAgain(job) }) };
}
