/**
 * Imports an exported log into a log of its name that has no records yet, to move a log or to restore a lost one.
 *
 * Guarantees (archive.export-import.test.ts):
 * - The whole archive is checked before anything is written. One append writes everything or nothing (S1).
 * - Positions, marks and ids stay the same, so that a device continues at its cursor.
 * - A log with records or a deleted log never changes.
 * - A log with only kept rejections is imported into, and the rejections stay. Otherwise an actor without rights could
 *   block a name.
 * - The queue and the rejections of a device in the archive are skipped, because that device pushes them itself.
 */
import { parseArchive } from "../../core/wire/archive.ts";
import { ConcurrencyError, ValidationError } from "../../core/values/errors.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { type CommitRecord, type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import { storedRecord } from "../stores/stored-record.ts";
import type { EventStore } from "../stores/event-store.ts";

/** The size and the end of an imported log. */
export type ImportedLog = {
  /** Number of records. */
  readonly records: number;
  /** Number of events. */
  readonly events: number;
  /** The cursor at the log's end. Null for an empty archive, which creates no log. */
  readonly cursor: string | null;
};

export async function importLog(
  store: EventStore,
  log: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<ImportedLog> {
  if (!LOG_NAME.test(log)) throw invalidArchive(`${JSON.stringify(log)} is not a valid log name`);
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  const { records, cursor } = readArchive(log, all);
  const imported: ImportedLog = {
    records: records.length,
    events: positionOf(cursor),
    cursor: cursor && encodeCursor(cursor),
  };
  const before = await store.head(log);
  if (before.kind === "gone" || (before.kind === "open" && before.cursor)) throw logExists(log, before.kind);
  if (records.length === 0) return imported;
  const written = await store.append(log, {
    expected: null,
    records: records.map(storedRecord),
    outcomes: [],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: Number.MAX_SAFE_INTEGER,
  });
  if (written.kind !== "ok") throw logExists(log, written.kind);
  return imported;
}

function readArchive(
  log: string,
  lines: readonly string[],
): { readonly records: readonly CommitRecord[]; readonly cursor: Cursor | null } {
  const parsed = parseArchive(lines);
  if (!parsed.ok) throw invalidArchive(`${parsed.problem.path.join(" ")} ${parsed.problem.reason}`);
  const { records, cursor } = parsed.value;
  if (parsed.value.log !== log) throw invalidArchive(`it is an archive of the log ${parsed.value.log}, not ${log}`);
  const ids = new Set<string>();
  const versions = new Map<string, number>();
  for (const { position, commit, events } of records) {
    if (ids.has(commit)) throw invalidArchive(`the record at position ${position} has the commit id of another record`);
    ids.add(commit);
    for (const { stream, version } of events) {
      if (version !== (versions.get(stream) ?? 0) + 1)
        throw invalidArchive(
          `the record at position ${position} has version ${version} of ${stream}, ` +
            "which does not follow the version before it",
        );
      versions.set(stream, version);
    }
  }
  return { records, cursor };
}

function invalidArchive(reason: string): ValidationError {
  return new ValidationError({
    message: `The archive cannot be imported: ${reason}`,
    fix: "Pass all lines of an exported archive, unchanged.",
    details: { reason },
  });
}

function logExists(log: string, kind: string): ConcurrencyError {
  return new ConcurrencyError({
    message: kind === "gone" ? `The log ${log} was deleted for good` : `The log ${log} already exists`,
    fix: "Import into a server that does not have this log. An import never changes an existing log.",
    details: { log, kind },
  });
}
