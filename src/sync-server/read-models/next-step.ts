/**
 * Decides the next step of the keeper of a log. Pure.
 *
 *     followers, head ── nextStep ──> fold | compare | remove | sweep | rest | sleep
 *
 * Guarantees (next-step.test.ts):
 * - The end is the head of the log, never an empty page.
 * - Models with one cursor are folded together, from one page of records.
 * - Models that are a page behind come first. A long fold then gets its turn, so that neither waits for ever.
 * - A long fold rests while `isResting`, and the others continue.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Follower } from "../stores/model-store.ts";
import { emptyNotes, type FollowerNotes, notesOf } from "./follower-notes.ts";
import { followerPrefix, isRowsOf, modelOfFollower, type ReadModel } from "./read-model.ts";

/** A follower to fold, and its revision. */
export type FoldTask = {
  readonly model: ReadModel;
  /** The name of the follower: that of the rows that are read, or of the rows beside them. */
  readonly name: string;
  /** 0: the follower does not exist yet. */
  readonly revision: number;
  readonly at: Cursor | null;
  /** The notes to continue. Null: the fold begins with empty tables. */
  readonly notes: FollowerNotes | null;
  /** The rows that are read, which the rows beside them replace. Undefined: this fold replaces none. */
  readonly replaces?: ReadFollower;
  /** The rows that are read, with which these are compared. They are folded up to the same cursor. */
  readonly compares?: ReadFollower;
  /** True: the views of its SQL tables show this follower. */
  readonly shows?: boolean;
  /** True: a job begins again with empty tables, because older code parked events that this code knows. */
  readonly beginsAgain?: boolean;
  /** True: an operator may have deleted rows of the tables that this fold empties. They stay absent. */
  readonly keepsDeleted?: boolean;
};

/** The follower of the rows that are read. */
export type ReadFollower = { readonly revision: number; readonly at: Cursor | null };

export type Step =
  | {
      readonly kind: "fold";
      readonly at: Cursor | null;
      readonly tasks: readonly FoldTask[];
      /** Many events are missing. So a lease keeps other nodes from the same work, and it rests while pushes wait. */
      readonly isLong: boolean;
    }
  /** Compares a page of rows. The rows beside lack few events of them. */
  | { readonly kind: "compare"; readonly task: FoldTask }
  /** Followers of other releases that nobody has moved for a day. */
  | { readonly kind: "remove"; readonly followers: readonly Follower[] }
  | { readonly kind: "sweep" }
  /** Only long folds are left, and they rest. */
  | { readonly kind: "rest" }
  | { readonly kind: "sleep" };

export type KeeperFacts = {
  readonly models: readonly ReadModel[];
  readonly followers: readonly Follower[];
  readonly head: Cursor | null;
  readonly now: number;
  /** Followers that this node leaves alone for now: another node has their lease, or newer code must fold them. */
  readonly skipped: ReadonlySet<string>;
  /** The store may have rows of orphaned tables. */
  readonly hasOrphans: boolean;
  /**
   * Long folds rest now.
   *
   * @default false
   */
  readonly isResting?: boolean;
  /**
   * The last fold was a short one, so that a long one has its turn.
   *
   * @default false
   */
  readonly isTurnOfLong?: boolean;
  /**
   * The last step was a comparison, so that a fold has its turn.
   *
   * @default false
   */
  readonly isTurnOfFold?: boolean;
};

/** Behind more events than this, a fold takes a lease. Fewer are one page, so double work costs little. */
export const LONG_EVENTS = 1_000;
/** An older release may return within this time and continue its rows. */
export const OLD_ROWS_MS = 24 * 60 * 60 * 1000;
/** Rows wait for their replacement if it is this near to the head, and moved lately. Rows as near are compared. */
const NEAR_EVENTS = 500;
const NEAR_MS = 5_000;
/** Tables of another release that moved within this time stay in the views. */
const SHOWN_MS = 60_000;

export function nextStep(facts: KeeperFacts): Step {
  const { models, followers, head, now, skipped, hasOrphans, isResting = false, isTurnOfLong = false } = facts;
  const tasks =
    head === null ? [] : models.flatMap((model) => tasksOf(model, facts)).filter(({ name }) => !skipped.has(name));
  // The few events between both are folded with the comparison, because each append moves a strong model.
  const isCompared = ({ at, compares }: FoldTask): boolean => {
    const missing = at && compares?.at ? compares.at.position - at.position : -1;
    return missing >= 0 && missing <= NEAR_EVENTS;
  };
  const [comparison] = tasks.filter(isCompared);
  const behind = tasks.filter((task) => !isCompared(task));
  if (comparison && !(facts.isTurnOfFold && behind.length > 0)) return { kind: "compare", task: comparison };
  const isLong = ({ at }: FoldTask): boolean => positionOf(head) - positionOf(at) > LONG_EVENTS;
  const [long, short] = [behind.filter(isLong), behind.filter((task) => !isLong(task))];
  const mayWork = isResting ? [] : long;
  const first = furthestBehind(isTurnOfLong && mayWork.length > 0 ? mayWork : short.length > 0 ? short : mayWork);
  if (first) {
    const together = behind.filter(({ at }) => sameCursor(at, first.at));
    // Rows and their replacement are not in one write, because the replacement writes both followers.
    const replaced = new Set(together.flatMap(({ model, replaces }) => (replaces ? model.follower : [])));
    const inOneWrite = together.filter(({ name }) => !replaced.has(name));
    return { kind: "fold", at: first.at, tasks: inOneWrite, isLong: isLong(first) };
  }
  const old = followers.filter((follower) => isOld(models, followers, follower, now));
  if (old.length > 0) return { kind: "remove", followers: old };
  if (hasOrphans) return { kind: "sweep" };
  return { kind: long.length > 0 ? "rest" : "sleep" };
}

function furthestBehind(tasks: readonly FoldTask[]): FoldTask | undefined {
  return tasks.reduce<FoldTask | undefined>(
    (least, one) => (least === undefined || positionOf(one.at) < positionOf(least.at) ? one : least),
    undefined,
  );
}

/** The folds that a model needs: of the rows that are read, and of the rows beside them. */
function tasksOf(model: ReadModel, { followers, head, now }: KeeperFacts): readonly FoldTask[] {
  const find = (name: string) => followers.find((follower) => follower.name === name);
  const stored = find(model.follower);
  const live = { ...startOf(model, stored), shows: isShown(model, followers, now) };
  const read = { revision: live.revision, at: stored?.at ?? null };
  const beside = besideTask(model, find(model.beside), read, head);
  // Rows may be ahead of a log that was restored in part. Reading it then shows another history.
  const isBehind = live.notes === null || (live.notes.phase !== "purged" && !sameCursor(live.at, head));
  const waits =
    (notesOf(stored)?.phase !== "ready" && isBuilt(notesOf(find(model.beside)))) ||
    (beside?.replaces && beside.notes && isNear(beside, head) && Math.abs(now - beside.notes.movedAt) < NEAR_MS);
  return [...(isBehind && !waits ? [live] : []), ...(beside ? [beside] : [])];
}

/**
 * True if the views of a SQL model show the tables of this identity. Nodes of two releases may have two identities of
 * one version. Then the views stay at the tables that became ready last, while these move. After the end of that
 * release, such as for a rollback, the views return.
 */
export function isShown({ name, version, follower }: ReadModel, followers: readonly Follower[], now: number): boolean {
  const prefix = followerPrefix(name, version);
  return !followers.some((other) => {
    const notes = other.name !== follower && other.name.startsWith(prefix) ? notesOf(other) : null;
    return notes?.phase === "ready" && now - notes.movedAt < SHOWN_MS;
  });
}

/**
 * True: a job builds rows that never were there, so the keeper builds no others. It does if the job stops or ends. Rows
 * that a restore of the log or newer code begins again do not wait for a rebuild that is slow or paused.
 */
function isBuilt(beside: FollowerNotes | null): boolean {
  const { isFirst, state } = beside?.job ?? {};
  return isFirst === true && (state === "running" || state === "paused");
}

function isNear({ at }: FoldTask, head: Cursor | null): boolean {
  return positionOf(head) - positionOf(at) <= NEAR_EVENTS;
}

/** The fold of the rows beside those that are read. Null: no job runs. */
function besideTask(
  model: ReadModel,
  follower: Follower | undefined,
  read: ReadFollower,
  head: Cursor | null,
): FoldTask | null {
  const notes = notesOf(follower);
  if (!follower || notes?.job?.state !== "running") return null;
  const { revision, at } = follower;
  const again = { at: null, notes: notesToBeginAgain(model, notes), beginsAgain: true, ...keptOf(notes) };
  const task = { model, name: model.beside, revision, ...(lacksKnown(model, notes) ? again : { at, notes }) };
  if (!notes.job.comparison) return { ...task, replaces: read };
  // Rows that are built again themselves come up to these later. A restore of the log may have removed the cursor.
  const isAhead = positionOf(task.at) > positionOf(read.at) && positionOf(task.at) <= positionOf(head);
  return isAhead || read.at === null ? null : { ...task, compares: read };
}

/** The cursor and the notes from which a model is folded: those of its follower, or the beginning. */
export function startOf(model: ReadModel, follower: Follower | undefined): FoldTask {
  const notes = notesOf(follower);
  const task = { model, name: model.follower, revision: follower?.revision ?? 0 };
  return notes === null || lacksKnown(model, notes)
    ? { ...task, at: null, notes: null, ...(follower && keptOf(notes)) }
    : { ...task, at: follower?.at ?? null, notes };
}

/** True: code of this version knows more events than the code that parked some as unknown. */
function lacksKnown({ domain }: ReadModel, notes: FollowerNotes): boolean {
  return notes.hasUnknown && notes.domain < domain.version;
}

/** Notes of older code do not say whether an operator deleted a row. */
function keptOf(notes: FollowerNotes | null): Pick<FoldTask, "keepsDeleted"> {
  return notes?.hasDeleted === false ? {} : { keepsDeleted: true };
}

function notesToBeginAgain({ domain }: ReadModel, { movedAt, job }: FollowerNotes): FollowerNotes {
  return emptyNotes(domain.version, movedAt, job);
}

/**
 * A follower of another identity of a model that this server has, a day after its last move. In a log that gets no
 * commit, the release before may still serve its rows. So the last ones stay until the own rows are ready for a day.
 */
function isOld(models: readonly ReadModel[], followers: readonly Follower[], follower: Follower, now: number): boolean {
  const name = modelOfFollower(follower.name);
  const model = models.find((one) => one.name === name);
  if (!model || model.follower === follower.name || model.beside === follower.name) return false;
  const movedAt = movedAtOf(follower);
  if (movedAt === null || movedAt + OLD_ROWS_MS > now) return false;
  const own = notesOf(followers.find((one) => one.name === model.follower));
  if (own?.phase === "ready" && (own.readyAt ?? 0) + OLD_ROWS_MS <= now) return true;
  const isOther = (one: Follower): boolean => isRowsOf(one.name, model.name) && one.name !== model.follower;
  return followers.some((one) => isOther(one) && (movedAtOf(one) ?? 0) > movedAt);
}

function movedAtOf(follower: Follower): number | null {
  return notesOf(follower)?.movedAt ?? null;
}
