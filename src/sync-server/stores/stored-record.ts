/**
 * Converts a commit record to the form that a store keeps: its text, and the fields that the store finds it by.
 *
 * The order of the fields is fixed, because the text of a record must be the same wherever it was written.
 */
import { pickCause } from "../../core/history/cause.ts";
import { type CommitRecord, cursorOf, type RecordEvent } from "../../core/history/record.ts";
import type { StoredRecord } from "./event-store.ts";

export function storedRecord(record: CommitRecord): StoredRecord {
  const { position, mark, commit, client, actor, time, clamped, received, meta, events } = record;
  const text = JSON.stringify({
    position,
    mark,
    commit,
    client,
    actor,
    time,
    ...(clamped && { clamped }),
    received,
    meta,
    ...pickCause(record),
    events,
  });
  return { position, cursor: cursorOf(record), commit, actor, streams: spansOf(events), text };
}

/** The streams that a record writes, with the versions of its first and last event there. */
export function spansOf(events: readonly RecordEvent[]): StoredRecord["streams"] {
  const spans = new Map<string, { stream: string; first: number; last: number }>();
  for (const { stream, version } of events) {
    const span = spans.get(stream);
    if (span) span.last = version;
    else spans.set(stream, { stream, first: version, last: version });
  }
  return [...spans.values()];
}
