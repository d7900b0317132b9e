/**
 * The last records of the logs that this node wrote lately, its own and those that it read of other nodes. So readers
 * that are nearly up to date cost no read of the store.
 *
 * Guarantees (recent-records.test.ts):
 * - It returns records only between the requested cursors, compared with their marks. A record under a mark never
 *   changes (P2), so these are the store's records.
 * - It is bounded in records and characters.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import type { Appended } from "./admit-push.ts";
import type { StoredRecord } from "../stores/event-store.ts";
import type { LogName } from "../../core/values/ids.ts";

export type RecentRecords = {
  readonly add: (log: LogName, appended: Appended) => void;
  /** Adds records that another node appended. It ignores them if they do not follow the known end of the log. */
  readonly follow: (log: LogName, appended: Appended) => void;
  /** Returns the records between two cursors, or null if some of them are not here. */
  readonly between: (log: LogName, after: Cursor | null, head: Cursor | null) => readonly StoredRecord[] | null;
  /** True if one of the last records ends at a cursor. It remembers more ends than records. */
  readonly hasEnd: (log: LogName, at: Cursor, head: Cursor | null) => boolean;
  /** Returns the end of the log after the last added record. Another node may have appended since. Null: unknown. */
  readonly end: (log: LogName) => Cursor | null;
  readonly drop: (log: LogName) => void;
};

const RECORDS_MAX = 2_000;
/** Ends of records of one log, most of them without their records: about 400 KB. */
const ENDS_MAX = 4_000;
/** Characters of the records of one log. */
const LENGTH_MAX = 1_000_000;
/** Characters of the records of all logs together. */
const TOTAL_LENGTH_MAX = 32_000_000;

/** The last records of one log. It changes in place, because a copy for each append would copy thousands of records. */
type Tail = {
  after: Cursor | null;
  readonly records: StoredRecord[];
  head: Cursor | null;
  length: number;
  /** The mark of each record's end, by position. */
  readonly ends: Map<number, string>;
};

export function createRecentRecords(): RecentRecords {
  const tails = new Map<string, Tail>();
  let total = 0;
  const drop = (log: LogName): void => {
    total -= tails.get(log)?.length ?? 0;
    tails.delete(log);
  };
  const keep = (log: LogName, tail: Tail, appended: Appended): void => {
    extend(tail, appended);
    tails.set(log, tail);
    total += tail.length;
    evictOldest(tails, () => total > TOTAL_LENGTH_MAX, drop);
  };
  return {
    add: (log, appended) => {
      const before = tails.get(log);
      // A reader of this node may have followed this append already, and later ones.
      if (before && indexOf(before, appended.head) !== null) return;
      drop(log);
      keep(log, before && sameCursor(before.head, appended.after) ? before : emptyTail(appended.after), appended);
    },
    follow: (log, appended) => {
      const before = tails.get(log);
      if (!before || !sameCursor(before.head, appended.after)) return;
      drop(log);
      keep(log, before, appended);
    },
    between: (log, after, head) => {
      const tail = tails.get(log);
      if (!tail) return null;
      const [from, to] = [indexOf(tail, after), indexOf(tail, head)];
      return from === null || to === null || from > to ? null : tail.records.slice(from, to);
    },
    hasEnd: (log, { position, mark }, head) => {
      const tail = tails.get(log);
      return tail !== undefined && sameCursor(tail.head, head) && tail.ends.get(position) === mark;
    },
    end: (log) => tails.get(log)?.head ?? null,
    drop,
  };
}

function emptyTail(after: Cursor | null): Tail {
  return { after, records: [], head: after, length: 0, ends: new Map() };
}

/** The number of records up to a cursor. Null: the tail does not have the cursor. */
function indexOf({ after, records }: Tail, cursor: Cursor | null): number | null {
  if (sameCursor(cursor, after)) return 0;
  // Most cursors are at the end, or behind it.
  const index = records.findLastIndex((record) => record.cursor.position <= positionOf(cursor));
  const found = records[index];
  return found && sameCursor(found.cursor, cursor) ? index + 1 : null;
}

/** Adds records. Above a bound it cuts the oldest down to half of it, so that not every append must cut. */
function extend(tail: Tail, { records, head }: Appended): void {
  for (const record of records) {
    tail.records.push(record);
    tail.length += record.text.length;
    tail.ends.set(record.cursor.position, record.cursor.mark);
  }
  if (tail.ends.size > ENDS_MAX) evictOldest(tail.ends, () => tail.ends.size > ENDS_MAX / 2);
  tail.head = head;
  if (tail.length <= LENGTH_MAX && tail.records.length <= RECORDS_MAX) return;
  let cut = 0;
  while (tail.length > LENGTH_MAX / 2 || tail.records.length - cut > RECORDS_MAX / 2)
    tail.length -= tail.records[cut++]?.text.length ?? 0;
  tail.after = tail.records[cut - 1]?.cursor ?? tail.after;
  tail.records.splice(0, cut);
}
