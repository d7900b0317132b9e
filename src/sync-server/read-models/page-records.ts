/** Parts of a page of records that the keeper of a log folds. Pure. */
import { type CommitRecord, cursorOf, positionOf } from "../../core/history/record.ts";
import { eventId } from "../../core/values/id.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { StoredRecord } from "../stores/event-store.ts";
import { parseStored, recordIn } from "../stores/stored-record.ts";
import { DAMAGED_TYPE } from "./fold-page.ts";
import type { FoldTask } from "./next-step.ts";

/**
 * The record of a stored text. A damaged one has its place and its streams, and events that `foldStates` parks. So its
 * streams are unreadable from there on, as for the writer of the log, and the other streams continue.
 *
 * @throws StorageLostError if its streams are damaged too
 */
export function foldableRecord(log: LogName, stored: StoredRecord): CommitRecord {
  const { position, cursor, commit, actor, streams } = stored;
  const record = parseStored(stored);
  if (record) return record;
  const events = streams.flatMap(({ stream, first, last }) =>
    Array.from({ length: last - first + 1 }, (_, n) => {
      return { type: DAMAGED_TYPE, v: 0, stream, version: first + n, data: null };
    }),
  );
  // Its cursor would be another one than that of the log.
  if (position + events.length - 1 !== cursor.position) return recordIn(log, stored);
  return { position, mark: cursor.mark, commit, client: "", actor, time: 0, received: 0, meta: null, events };
}

/** The number of events of these records. */
export function eventsIn(records: readonly CommitRecord[]): number {
  return records.reduce((sum, { events }) => sum + events.length, 0);
}

/** The records up to the one with the event. */
export function upToEvent(records: readonly CommitRecord[], event: string): readonly CommitRecord[] {
  const end = records.findIndex(({ commit, events }) => events.some((_, n) => eventId(commit, n) === event));
  return end < 0 ? records : records.slice(0, end + 1);
}

/** Rows that are compared are folded up to the cursor of the others. */
export function upTo({ compares }: FoldTask, records: readonly CommitRecord[]): readonly CommitRecord[] {
  return compares ? records.filter((record) => cursorOf(record).position <= positionOf(compares.at)) : records;
}
