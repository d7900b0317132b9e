/**
 * Decides the next step of the keeper of a log. Pure.
 *
 *     followers, head ── nextStep ──> fold | remove | sweep | sleep
 *
 * Guarantees (next-step.test.ts):
 * - The end is the head of the log, never an empty page.
 * - Models with one cursor are folded together, from one page of records.
 * - The models that are furthest behind are folded first.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Follower } from "../stores/model-store.ts";
import { type FollowerNotes, notesOf } from "./follower-notes.ts";
import { modelOfFollower, type ReadModel } from "./read-model.ts";

/** A model to fold, and the revision of its follower. */
export type FoldTask = {
  readonly model: ReadModel;
  /** 0: the follower does not exist yet. */
  readonly revision: number;
  /** The notes to continue. Null: the fold begins with empty tables. */
  readonly notes: FollowerNotes | null;
};

export type Step =
  | {
      readonly kind: "fold";
      readonly at: Cursor | null;
      readonly tasks: readonly FoldTask[];
      /** Many events are missing. So a lease keeps other nodes from the same work. */
      readonly isLong: boolean;
    }
  /** Followers of older releases that nobody has moved for a day. */
  | { readonly kind: "remove"; readonly followers: readonly Follower[] }
  | { readonly kind: "sweep" }
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
};

/** Behind more events than this, a fold takes a lease. Fewer are one page, so double work costs little. */
export const LONG_EVENTS = 1_000;
/** An older release may return within this time and continue its rows. */
export const OLD_ROWS_MS = 24 * 60 * 60 * 1000;

export function nextStep({ models, followers, head, now, skipped, hasOrphans }: KeeperFacts): Step {
  const behind = models
    .filter(({ follower }) => !skipped.has(follower))
    .map((model) =>
      startOf(
        model,
        followers.find(({ name }) => name === model.follower),
      ),
    )
    .filter(({ at, task }) => task.notes === null || positionOf(at) < positionOf(head));
  const first = behind.reduce<(typeof behind)[number] | null>(
    (least, one) => (least === null || positionOf(one.at) < positionOf(least.at) ? one : least),
    null,
  );
  if (first && head !== null) {
    const tasks = behind.filter(({ at }) => sameCursor(at, first.at)).map(({ task }) => task);
    return { kind: "fold", at: first.at, tasks, isLong: head.position - positionOf(first.at) > LONG_EVENTS };
  }
  const old = followers.filter((follower) => isOld(models, follower, now));
  if (old.length > 0) return { kind: "remove", followers: old };
  return { kind: hasOrphans ? "sweep" : "sleep" };
}

/** The cursor and the notes from which a model is folded: those of its follower, or the beginning. */
export function startOf(model: ReadModel, follower: Follower | undefined): { at: Cursor | null; task: FoldTask } {
  const notes = notesOf(follower);
  const revision = follower?.revision ?? 0;
  // Code of this version knows more events than the code that parked some as unknown.
  const isRebuilt = notes === null || (notes.hasUnknown && notes.domain < model.domain.version);
  return isRebuilt
    ? { at: null, task: { model, revision, notes: null } }
    : { at: follower?.at ?? null, task: { model, revision, notes } };
}

/** A follower of another identity of a model that this server has, a day after its last move. */
function isOld(models: readonly ReadModel[], follower: Follower, now: number): boolean {
  const name = modelOfFollower(follower.name);
  if (!models.some((model) => model.name === name && model.follower !== follower.name)) return false;
  const notes = notesOf(follower);
  return notes !== null && notes.movedAt + OLD_ROWS_MS <= now;
}
