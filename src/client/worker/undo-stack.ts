/**
 * What `undo` and `redo` would do: pure, from this device's commits in the order in which they were made.
 *
 * Holds: an undo takes back the last commit that stands and has an inverse; a redo brings back the last one that was taken back, as
 * long as nothing new was made since; taking back what was brought back works again. A commit that was rejected does not stand.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { PendingEntry } from "../stores/log-store.ts";

export type StackEntry = Pick<PendingEntry, "n" | "commit" | "undo">;

export type StackTarget = {
  readonly requests: readonly CommandRequest[];
  readonly links: { readonly undoes: string | null; readonly redoes: string | null };
};

export function undoTarget(entries: readonly StackEntry[]): StackTarget | null {
  const { done } = stacks(entries);
  const last = done.at(-1);
  return last?.undo?.inverse ? { requests: last.undo.inverse, links: { undoes: last.commit.id, redoes: null } } : null;
}

export function redoTarget(entries: readonly StackEntry[]): StackTarget | null {
  const last = stacks(entries).undone.at(-1);
  if (!last) return null;
  const requests = last.commit.commands.map(({ stream, name, v, input }) => ({
    stream,
    name,
    v,
    ...(input !== undefined && { input }),
  }));
  return { requests, links: { undoes: null, redoes: last.commit.id } };
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
