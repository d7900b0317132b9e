/**
 * The last records of logs that were written lately, so that those who are nearly up to date cost no reading.
 *
 * Place: the log writer adds what it appended; cursors of pushes are checked against it, and their answers made of it.
 * Holds: it gives records only up to the very head it is asked for, mark and all: what stands under a mark never changes, so
 * they are the store's. What it does not have is read. Bounded in records and characters.
 */
import { type Cursor, sameCursor } from "../core/record.ts";
import type { Appended } from "./push.ts";
import type { StoredRecord } from "./stores/event-store.ts";

export type LogTail = {
  readonly add: (log: string, appended: Appended) => void;
  /** The records between two cursors, or null where they are not all here. */
  readonly between: (log: string, after: Cursor | null, head: Cursor | null) => readonly StoredRecord[] | null;
  readonly drop: (log: string) => void;
};

const RECORDS_MAX = 2_000;
/** Characters of one log's tail, and of all together. */
const LENGTH_MAX = 1_000_000;
const TOTAL_LENGTH_MAX = 32_000_000;

type Tail = { readonly after: Cursor | null; readonly records: readonly StoredRecord[]; readonly head: Cursor | null; readonly length: number };

export function createLogTail(): LogTail {
  const tails = new Map<string, Tail>();
  let total = 0;
  const drop = (log: string): void => {
    total -= tails.get(log)?.length ?? 0;
    tails.delete(log);
  };
  return {
    add: (log, appended) => {
      const before = tails.get(log);
      drop(log);
      const tail = shortened(before && sameCursor(before.head, appended.after) ? { ...appended, after: before.after, records: [...before.records, ...appended.records] } : appended);
      tails.set(log, tail);
      total += tail.length;
      for (const oldest of tails.keys()) {
        if (total <= TOTAL_LENGTH_MAX) break;
        drop(oldest);
      }
    },
    between: (log, after, head) => {
      const tail = tails.get(log);
      if (!tail || !sameCursor(tail.head, head)) return null;
      if (sameCursor(after, tail.after)) return tail.records;
      const index = tail.records.findLastIndex(({ cursor }) => sameCursor(cursor, after));
      return index < 0 ? null : tail.records.slice(index + 1);
    },
    drop,
  };
}

/** A tail within its bounds. It is cut to half of them, so that not every append copies all of it. */
function shortened({ after, records, head }: Appended): Tail {
  const lengthOf = (some: readonly StoredRecord[]): number => some.reduce((sum, { text }) => sum + text.length, 0);
  const length = lengthOf(records);
  if (length <= LENGTH_MAX && records.length <= RECORDS_MAX) return { after, records, head, length };
  let from = records.length;
  let kept = 0;
  while (from > 0 && records.length - from < RECORDS_MAX / 2) {
    kept += records[from - 1]?.text.length ?? 0;
    if (kept > LENGTH_MAX / 2) break;
    from--;
  }
  const last = records.slice(from);
  return { after: records[from - 1]?.cursor ?? after, records: last, head, length: lengthOf(last) };
}
