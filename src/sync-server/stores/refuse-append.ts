/** S1 for the stores that check in JavaScript: the order of the checks before an append writes. */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { Append, AppendResult } from "./event-store.ts";

/** A log that exists or was dropped. A log whose rows are still being deleted is not open. */
export type FoundLog = { readonly isOpen: boolean; readonly head: Cursor | null };

/** The fields of an append that the checks use. */
export type CheckedAppend = Pick<Append, "expected" | "models"> & {
  /** The ends of its records. */
  readonly ends: readonly Cursor[];
  /** True: it has no record and no outcome. */
  readonly isEmpty: boolean;
};

/** The reads of a store. Each function is called only if the checks before it pass. */
export type AppendReads = {
  /** The ids of the batch that the log knows already (S8). */
  readonly known: () => readonly string[];
  /** True if a record of the log, as it was before the append, ends at the cursor. */
  readonly isRecordEnd: (at: Cursor) => boolean;
  /** The followers that have another revision, or whose next cursor is no end of a record (M1, M3). */
  readonly movedFollowers: (isRecordEnd: (at: Cursor) => boolean) => readonly string[];
};

/** The result of an append that writes nothing. Null: write it. `log` is undefined if no log has the name. */
export function refuseAppend(
  log: FoundLog | undefined,
  { expected, models, ends, isEmpty }: CheckedAppend,
  reads: AppendReads,
): AppendResult | null {
  if (log && !log.isOpen) return { kind: "gone" };
  const head = log?.head ?? null;
  if (!sameCursor(head, expected)) return { kind: "moved", head };
  if (isEmpty && !log) return { kind: "ok" };
  const commits = log ? reads.known() : [];
  if (commits.length > 0) return { kind: "known", commits };
  if (!models) return null;
  const isEnd = (at: Cursor): boolean => ends.some((end) => sameCursor(end, at)) || reads.isRecordEnd(at);
  const followers = reads.movedFollowers(isEnd);
  return followers.length > 0 ? { kind: "model-moved", followers } : null;
}
