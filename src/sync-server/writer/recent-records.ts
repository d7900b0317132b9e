/**
 * The last records of logs that were written lately, so that those who are nearly up to date cost no reading.
 *
 * Place: the log writer adds what it appended; cursors of pushes are checked against it, and their answers made of it.
 * Holds: it gives records only up to the very head it is asked for, mark and all: what stands under a mark never changes, so
 * they are the store's. What it does not have is read. Bounded in records and characters.
 */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { Appended } from "./admit-push.ts";
import type { StoredRecord } from "../stores/event-store.ts";

export type RecentRecords = {
  readonly add: (log: string, appended: Appended) => void;
  /** The records between two cursors, or null where they are not all here. */
  readonly between: (log: string, after: Cursor | null, head: Cursor | null) => readonly StoredRecord[] | null;
  /** Where the log ended when it was last written here; null: not known. Another node may have gone on. */
  readonly end: (log: string) => Cursor | null;
  readonly drop: (log: string) => void;
};

const RECORDS_MAX = 2_000;
/** Characters of one log's tail, and of all together. */
const LENGTH_MAX = 1_000_000;
const TOTAL_LENGTH_MAX = 32_000_000;

/** Changed in place: a log that is written often would copy thousands of records for each append. */
type Tail = { after: Cursor | null; readonly records: StoredRecord[]; head: Cursor | null; length: number };

export function createRecentRecords(): RecentRecords {
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
      const tail =
        before && sameCursor(before.head, appended.after)
          ? before
          : { after: appended.after, records: [], head: null, length: 0 };
      extend(tail, appended);
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
      if (sameCursor(after, tail.after)) return tail.records.slice();
      const index = tail.records.findLastIndex(({ cursor }) => sameCursor(cursor, after));
      return index < 0 ? null : tail.records.slice(index + 1);
    },
    end: (log) => tails.get(log)?.head ?? null,
    drop,
  };
}

/** Adds what was appended, and cuts what is over the bounds down to half of them, so that not every append cuts. */
function extend(tail: Tail, { records, head }: Appended): void {
  for (const record of records) {
    tail.records.push(record);
    tail.length += record.text.length;
  }
  tail.head = head;
  if (tail.length <= LENGTH_MAX && tail.records.length <= RECORDS_MAX) return;
  let cut = 0;
  while (tail.length > LENGTH_MAX / 2 || tail.records.length - cut > RECORDS_MAX / 2)
    tail.length -= tail.records[cut++]?.text.length ?? 0;
  tail.after = tail.records[cut - 1]?.cursor ?? tail.after;
  tail.records.splice(0, cut);
}
