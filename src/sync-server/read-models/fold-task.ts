/**
 * Folds a page of records for one follower: reads the rows that it needs, and returns the write of its next step.
 *
 *     rows that are read      at 7 ──────────────── at 900 ──┐ one write moves the tables
 *     rows beside them        at 0 ── 500 ── 880 ── 900 ─────┘ and names both revisions
 *
 * Guarantees (read-models.rebuild.test.ts):
 * - A reader sees the old rows or the new rows, never a mixture: both revisions are in the write that moves them.
 * - The cursor of the rows that are read never goes back in their log.
 * - A row that an operator deleted stays absent when newer code builds the rows again (model-keepers.test.ts).
 * - A job with `onError: "stop"` writes no row behind the event that it stops at.
 * - A write changes some thousand rows, or it has one record (read-models.large-rows.test.ts).
 */
import { type CommitRecord, type Cursor, cursorOf, sameCursor } from "../../core/history/record.ts";
import type { DacapoError } from "../../core/values/errors.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import type { StreamState } from "../../core/fold/fold.ts";
import type { Env } from "../base/env.ts";
import type { LogTurn } from "../stores/event-store.ts";
import type { FollowerWrite, ModelStore, RowChange } from "../stores/model-store.ts";
import { ALL_ROWS, readKeys, TooManyRows, workThatFits } from "../stores/read-keys.ts";
import { deletedKeys } from "./deleted-keys.ts";
import { foldPage, foldStates, keysIn, statesChange, type StoredTexts } from "./fold-page.ts";
import { NONE_REFUSED, type RefusedEvents } from "./fold-sql.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import { emptyNotes, type FollowerNotes, nextOf, type ParkedEvent, withParked } from "./follower-notes.ts";
import { type JobNotes, measured, parksTooMuch, stopReport } from "./job.ts";
import type { FoldTask } from "./next-step.ts";
import { ROWS } from "./read-model.ts";
import { readStates } from "./read-states.ts";

export type FoldContext = { readonly store: LogTurn; readonly modelStore: ModelStore; readonly env: Env };

/** The part of a write that one task needs. */
export type FoldedTask = {
  readonly followers: readonly FollowerWrite[];
  readonly rows: readonly RowChange[];
  readonly statements: readonly SqlStatement[];
  /** The records of this write. It may be fewer than the given ones. */
  readonly records: readonly CommitRecord[];
  /** The events that this write parks. A comparison parks none, because its rows are never read. */
  readonly parked: readonly ParkedEvent[];
  /** The report of a job that this write stops. */
  readonly stopped: DacapoError | null;
};

/** The records of a task. */
export type TaskRecords = {
  readonly records: readonly CommitRecord[];
  readonly head: Cursor | null;
  /** Events whose statements the database refused in this page. They are parked. */
  readonly refused?: RefusedEvents;
};

/** Keys of rows that the records of one write may change. */
const KEYS_MAX = 4_000;

type Fold = {
  readonly records: readonly CommitRecord[];
  readonly changes: readonly RowChange[];
  readonly statements: readonly SqlStatement[];
  readonly parked: readonly ParkedEvent[];
  readonly hasUnknown: boolean;
  /** The tables began empty, and have rows that an operator deleted before. */
  readonly hasDeleted: boolean;
};

export async function foldTask(
  context: FoldContext,
  log: LogName,
  task: FoldTask,
  { records, head, refused = NONE_REFUSED }: TaskRecords,
): Promise<FoldedTask> {
  const { model, name, revision, notes, replaces } = task;
  const foldFirst = (all: readonly CommitRecord[]): Promise<Fold> =>
    workThatFits(all, (some, few) => foldRecords(context, log, task, { records: some, few, refused }));
  const whole = await foldFirst(records);
  const poison = notes?.job?.onError === "stop" ? whole.parked[0] : undefined;
  const fold = poison ? await foldFirst(recordsBefore(records, poison)) : whole;
  const last = fold.records.at(-1);
  const end = last ? cursorOf(last) : task.at;
  const isAtHead = sameCursor(end, head);
  const next = nextNotes(context.env.now(), task, fold, isAtHead, poison);
  const parked = task.compares ? [] : fold.parked;
  const isEmptied = begins(task);
  // Rows that are read may be ahead of the head after a restore of the log. Then these replace them too.
  if (!replaces || !isAtHead || isEmptied || next.job?.state !== "running") {
    const isFirst = notes?.phase !== "ready" && next.phase === "ready";
    const sql = name === model.follower && next.phase === "ready" && (isFirst || task.shows) ? "show" : "make";
    return {
      followers: [{ name, revision, next: nextOf(model, end, next, isEmptied ? "new" : "keep", sql) }],
      rows: fold.changes.map((change) => ({ ...change, follower: name })),
      statements: fold.statements.map((statement) => ({ ...statement, follower: name })),
      records: fold.records,
      parked,
      stopped: stopReport(log, model.name, notes?.job, next.job),
    };
  }
  const ended: FollowerNotes = { ...next, job: { ...next.job, state: "done" } };
  const { job: _, ...ofRows } = next;
  return {
    followers: [
      {
        name: model.follower,
        revision: replaces.revision,
        next: nextOf(model, end, { ...ofRows, phase: "ready" }, { from: name }, "show"),
      },
      { name, revision, next: nextOf(model, end, ended, null) },
    ],
    rows: fold.changes,
    statements: fold.statements,
    records: fold.records,
    parked,
    stopped: null,
  };
}

/** The write that empties a follower, because the log has another history than its rows. */
export function resetTask({ model, name, revision, notes }: FoldTask, now: number): FollowerWrite {
  return { name, revision, next: nextOf(model, null, emptyNotes(model.domain.version, now, notes?.job), "new") };
}

type Given = { readonly records: readonly CommitRecord[]; readonly few: boolean; readonly refused: RefusedEvents };

async function foldRecords(
  context: FoldContext,
  log: LogName,
  task: FoldTask,
  { records, few, refused }: Given,
): Promise<Fold> {
  const { model, name } = task;
  const isEmptied = begins(task);
  const stored = isEmptied ? new Map<StreamName, StreamState>() : await readStates(context, log, task, records, few);
  const states = foldStates(model, records, (stream) => stored.get(stream));
  const keys = model.sql ? [] : keysIn(model, states.steps, KEYS_MAX);
  // These may not be all keys, and many rows would block the other work of the process.
  if (keys.length > KEYS_MAX && few) throw new TooManyRows(0.5);
  const deleted = isEmptied && task.keepsDeleted ? await deletedKeys(context, log, name, ALL_ROWS) : NONE_DELETED;
  // If the follower moved meanwhile, these rows are of another revision. Then the write is refused.
  const rows = isEmptied ? deleted : await readKeys(context.modelStore, log, name, ROWS, keys, few);
  const { changes, ...folded } = foldPage(model, states, rows, refused);
  const hasDeleted = deleted.size > 0;
  const kept = { follower: model.follower, table: ROWS, set: [...deleted.keys()].map((key) => [key, null] as const) };
  const ofTables = [statesChange(model.follower, states.states), ...(hasDeleted ? [{ ...kept, remove: [] }] : [])];
  return { records, ...folded, changes: [...changes, ...ofTables], hasUnknown: states.hasUnknown, hasDeleted };
}

const NONE_DELETED: StoredTexts = new Map();

/** True: the fold begins with empty tables. */
function begins({ notes, beginsAgain = false }: FoldTask): boolean {
  return notes === null || beginsAgain;
}

function recordsBefore(records: readonly CommitRecord[], { position }: ParkedEvent): readonly CommitRecord[] {
  return records.filter((record) => record.position + record.events.length <= position);
}

function nextNotes(
  now: number,
  { model, notes }: FoldTask,
  { records, parked, hasUnknown, hasDeleted }: Fold,
  isAtHead: boolean,
  poison: ParkedEvent | undefined,
): FollowerNotes {
  const before = notes ?? emptyNotes(model.domain.version, now);
  const events = records.reduce((sum, record) => sum + record.events.length, 0);
  const facts: FollowerNotes = {
    ...phaseAfter(before, isAtHead, now),
    domain: model.domain.version,
    movedAt: now,
    ...withParked(before, parked),
    hasUnknown: before.hasUnknown || hasUnknown,
    ...(hasDeleted ? { hasDeleted } : before.hasDeleted !== undefined && { hasDeleted: before.hasDeleted }),
  };
  if (!before.job) return facts;
  const job = jobAfter(measured(before.job, events, now - before.movedAt), poison ?? parked.at(-1), {
    isPoisoned: poison !== undefined,
    parkedCount: facts.parkedCount,
  });
  return { ...facts, job };
}

function phaseAfter(
  { phase, readyAt }: FollowerNotes,
  isAtHead: boolean,
  now: number,
): Pick<FollowerNotes, "phase" | "readyAt"> {
  if (isAtHead && phase !== "ready") return { phase: "ready", readyAt: now };
  return { phase, ...(readyAt !== undefined && { readyAt }) };
}

function jobAfter(
  job: JobNotes,
  last: ParkedEvent | undefined,
  { isPoisoned, parkedCount }: { readonly isPoisoned: boolean; readonly parkedCount: number },
): JobNotes {
  const lastError = last ? `The event ${last.event} of ${last.stream} cannot be folded: ${last.reason}` : job.lastError;
  const isTooMuch = last !== undefined && parksTooMuch(job, parkedCount);
  return { ...job, lastError, state: isPoisoned || isTooMuch ? "stopped" : job.state };
}
