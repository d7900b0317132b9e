/**
 * Converts a commit record to the form that a store keeps, and back: its text, and the fields that the store finds it
 * by.
 *
 * The order of the fields is fixed, because the text of a record must be the same wherever it was written.
 */
import { pickCause } from "../../core/history/cause.ts";
import { type CommitRecord, cursorOf, type RecordEvent } from "../../core/history/record.ts";
import { StorageLostError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { StoredRecord } from "./event-store.ts";

/** The fix for stored rows that are damaged or missing. */
export const RESTORE_FIX =
  "Stop the server, keep the damaged database, and restore a backup. Devices push again the commits that the backup " +
  "lacks.";

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

/** Parses the text of a stored record. Null: the record is damaged. */
export function parseStored({ text, streams }: StoredRecord): CommitRecord | null {
  try {
    // The type holds, because this server wrote the text from a record that it had checked.
    const record = parseOwnJson<CommitRecord>(text);
    // A damaged text may still be JSON. Then its streams differ from the streams that it is stored under.
    return sameSpans(spansOf(record.events), streams) ? record : null;
  } catch {
    return null;
  }
}

function sameSpans(one: StoredRecord["streams"], other: StoredRecord["streams"]): boolean {
  return (
    one.length === other.length &&
    one.every(
      ({ stream, first, last }, n) =>
        stream === other[n]?.stream && first === other[n]?.first && last === other[n]?.last,
    )
  );
}

/**
 * The record of a stored text, for a reader that passes over no record.
 *
 * @throws StorageLostError if the record is damaged
 */
export function recordIn(log: LogName, stored: StoredRecord): CommitRecord {
  const record = parseStored(stored);
  if (record) return record;
  throw damaged(log, stored);
}

/** The records before the first damaged one. `damage` is its error if it is the first record. */
export function recordsIn(
  log: LogName,
  stored: readonly StoredRecord[],
): { readonly records: readonly CommitRecord[]; readonly damage: StorageLostError | null } {
  const records: CommitRecord[] = [];
  for (const one of stored) {
    const record = parseStored(one);
    if (!record) return { records, damage: records.length === 0 ? damaged(log, one) : null };
    records.push(record);
  }
  return { records, damage: null };
}

function damaged(log: LogName, { position, commit }: StoredRecord): StorageLostError {
  return new StorageLostError({
    message: `The stored record at position ${position} of the log ${log} is damaged`,
    fix: `${RESTORE_FIX} Nothing that reads the whole log can pass over the record.`,
    details: { log, position, commit },
  });
}
