/** Parts of a page of records that the keeper of a log folds. Pure. */
import { type CommitRecord, cursorOf, positionOf } from "../../core/history/record.ts";
import { eventId } from "../../core/values/id.ts";
import type { FoldTask } from "./next-step.ts";

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
