/**
 * A commit record as the store keeps it: its text, and what it is found by.
 *
 * Place: for what was just decided, and for what an archive brings. Holds: one order of fields, so that a record's text is
 * the same wherever it was written.
 */
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
    events,
  });
  return { position, cursor: cursorOf(record), commit, actor, streams: spansOf(events), text };
}

/** The streams that a record writes, with the version of its first and last event there. */
export function spansOf(events: readonly RecordEvent[]): StoredRecord["streams"] {
  const spans = new Map<string, { stream: string; first: number; last: number }>();
  for (const { stream, version } of events) {
    const span = spans.get(stream);
    if (span) span.last = version;
    else spans.set(stream, { stream, first: version, last: version });
  }
  return [...spans.values()];
}
