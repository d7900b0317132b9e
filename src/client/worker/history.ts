/** Reads events, and earlier states and rows, from this device's log. */
import { RejectedError } from "../../core/values/errors.ts";
import type { ProjectionDefinition } from "../../core/domain/definition.ts";
import { emptyStream, foldRecord, foldStream, type StreamState } from "../../core/fold/fold.ts";
import { ConfirmedRows } from "../../core/fold/rows.ts";
import type { Json } from "../../core/values/json.ts";
import {
  type CommitRecord,
  lastPosition,
  pendingRecord,
  type PendingRecord,
  readableEvents,
} from "../../core/history/record.ts";
import { aggregateOf } from "../../core/values/names.ts";
import type { Engine } from "../engine/engine.ts";
import type { HistoryEntry } from "../messages/log-types.ts";
import type { PlainRowsAt } from "../messages/worker-messages.ts";
import { readConfirmed, requireWholeLog } from "../engine/confirmed-records.ts";
import type { StreamName } from "../../core/values/ids.ts";

/** All events of a stream, oldest first. Events that only this device has come last. */
export async function readHistory(engine: Engine, stream: StreamName): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for await (const { record, n } of eventsOf(engine, new Map([[stream, 0]]))) {
    for (const event of readableEvents(engine.replica.domain, record, n))
      entries.push({ ...event, pending: record.position === null });
  }
  return entries;
}

/** The state of a stream at a version. With null, the newest state, pending events included. */
export async function readStateAt(engine: Engine, stream: StreamName, version: number | null): Promise<Json> {
  if (version === null) return engine.replica.stream(stream).state;
  const { domain } = engine.replica;
  let at: StreamState = emptyStream(domain, stream);
  for await (const { record, n } of eventsOf(engine, new Map([[stream, 0]]))) {
    if (at.version >= version) break;
    at = foldStream(domain, at, record, n).next;
  }
  if (at.version === version) return at.state;
  throw new RejectedError({
    message: `${stream} has ${at.version} version(s), not ${version}`,
    fix: "Pass a version from 0 to that of the last event that history() returns.",
    details: { code: "no-such-version", stream, version, last: at.version },
  });
}

/** The rows of a projection after the event at a position of the confirmed log, and this event. */
export async function readRowsAt(
  { replica: { domain }, store }: Engine,
  projection: ProjectionDefinition,
  position: number,
): Promise<PlainRowsAt> {
  await requireWholeLog(store);
  const { name, from } = projection;
  const only = { ...domain, projections: new Map([[name, projection]]) };
  const target = new ConfirmedRows(only, () => {});
  let event: HistoryEntry | null = null;
  let last = 0;
  for await (const records of readConfirmed(store, 0)) {
    for (const record of records) {
      if (record.position > position) break;
      const count = position + 1 - record.position;
      if (record.events.some(({ stream }) => from.has(aggregateOf(stream))))
        foldRecord(only, target, { ...record, events: record.events.slice(0, count) });
      const at = readableEvents(domain, record, count - 1).at(-1);
      event = at ? { ...at, pending: false } : null;
      last = lastPosition(record);
    }
    if (last >= position) break;
  }
  if (!Number.isSafeInteger(position) || position < 0 || position > last)
    throw new RejectedError({
      message: `This device has no event at position ${position}`,
      fix: "Pass a position from 0 to status.position.",
      details: { code: "no-such-position", position },
    });
  return { rows: JSON.stringify([...(target.tables.get(name) ?? [])]), event };
}

/**
 * The events of streams behind a version of each, in the order of the log, then pending events.
 *
 * @throws {RejectedError} `before-base`: some of them are not on this device
 */
export async function* eventsOf(
  { replica, store }: Engine,
  streams: ReadonlyMap<string, number>,
): AsyncGenerator<{ readonly record: CommitRecord | PendingRecord; readonly n: number }> {
  const pending: readonly PendingRecord[] = replica.pending.flatMap(({ commit, forecast }) =>
    "events" in forecast ? [pendingRecord(commit, forecast.events)] : [],
  );
  const seen = new Set<string>();
  // Read before the records, because more may be confirmed meanwhile.
  const ends = [...streams.keys()].map((stream) => [stream, replica.confirmedVersion(stream)] as const);
  const versions = new Map(streams);
  for await (const records of readConfirmed(store, 0)) {
    for (const record of records) {
      seen.add(record.commit);
      for (const [n, { stream, version }] of record.events.entries()) {
        const before = versions.get(stream) ?? Infinity;
        if (version <= before) continue;
        if (version > before + 1) throw beforeBase(stream);
        versions.set(stream, version);
        yield { record, n };
      }
    }
  }
  for (const [stream, end] of ends) if ((versions.get(stream) ?? end) < end) throw beforeBase(stream);
  // Skips commits that were confirmed while the streams were read, because their events came above.
  for (const record of pending) {
    if (seen.has(record.commit)) continue;
    for (const [n, { stream }] of record.events.entries()) if (streams.has(stream)) yield { record, n };
  }
}

/** The error of a device that joined the log from a base, which contains events of a stream that the caller needs. */
function beforeBase(stream: string): RejectedError {
  return new RejectedError({
    message: `Earlier events of ${stream} are not on this device, because it joined the log after them`,
    fix:
      "Read them from the server: GET /logs/:log/streams/:type/:id, or server.log(name).history(). " +
      "To undo or redo all the same, pass { overwrite: true }.",
    details: { code: "before-base", stream },
  });
}
