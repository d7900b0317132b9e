/**
 * Finds the commands that `undo` and `redo` execute: pure functions of this device's commits, in the order of their
 * numbers.
 *
 * Guarantees (`undo-stack.test.ts`):
 * - An undo takes back the last commit that has an inverse and is neither rejected nor taken back.
 * - A redo brings back the commit that was taken back last, unless a new commit was made since.
 * - A commit that was brought back can be taken back again.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { PendingEntry, SentEntry } from "../stores/log-store.ts";
import { requestsOf } from "./requests-of.ts";

/** A pending or settled commit of this device. */
export type StackEntry = Pick<PendingEntry, "n" | "commit" | "undo"> &
  ({ readonly outcome?: never } | Pick<SentEntry, "outcome" | "position">);

export type StackTarget = {
  /** The commit whose effect is removed: the commit that an undo takes back, or the undo that a redo takes back. */
  readonly entry: StackEntry;
  readonly requests: readonly CommandRequest[];
  readonly links: { readonly undoes: string | null; readonly redoes: string | null };
};

export function undoTarget(entries: readonly StackEntry[]): StackTarget | null {
  const { done } = stacks(entries);
  const last = done.at(-1);
  if (!last?.undo?.inverse) return null;
  return { entry: last, requests: last.undo.inverse, links: { undoes: last.commit.id, redoes: null } };
}

export function redoTarget(entries: readonly StackEntry[]): StackTarget | null {
  const last = stacks(entries).undone.at(-1);
  const entry = last && entries.findLast(({ undo }) => undo?.undoes === last.commit.id);
  if (!entry) return null;
  return { entry, requests: requestsOf(last.commit), links: { undoes: null, redoes: last.commit.id } };
}

function stacks(entries: readonly StackEntry[]): {
  readonly done: readonly StackEntry[];
  readonly undone: readonly StackEntry[];
} {
  const done: StackEntry[] = [];
  const undone: StackEntry[] = [];
  const takeOut = (from: StackEntry[], id: string): StackEntry | undefined => {
    const at = from.findLastIndex((entry) => entry.commit.id === id);
    return at < 0 ? undefined : from.splice(at, 1)[0];
  };
  for (const entry of [...entries].sort((left, right) => left.n - right.n)) {
    const { undoes = null, redoes = null } = entry.undo ?? {};
    if (undoes !== null) {
      const taken = takeOut(done, undoes);
      if (taken) undone.push(taken);
    } else {
      if (redoes !== null) takeOut(undone, redoes);
      else undone.length = 0;
      if (entry.undo?.inverse) done.push(entry);
    }
  }
  return { done, undone };
}
