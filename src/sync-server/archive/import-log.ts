/**
 * Writing an exported log into a log that has no records yet.
 *
 * Place: an operator's tool (`syncServer().importLog`): moving a log to another server, bringing back one that was lost.
 * Holds: everything is checked before anything is written, and written by one append: all of it or nothing. Positions, marks and ids
 * stay as they are, so that a device that has the log goes on at its cursor. A log that has records, or was deleted for good, is not touched; what
 * was refused in an empty one stays refused, or whoever may write nothing could take its name. What only a device has (its queue,
 * its rejections) is passed over: that device sends it itself.
 */
import { parseArchive } from "../../core/wire/archive.ts";
import { ConcurrencyError, ValidationError } from "../../core/values/errors.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { type CommitRecord, type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import { storedRecord } from "../stores/stored-record.ts";
import type { EventStore } from "../stores/event-store.ts";

export type ImportedLog = {
  readonly records: number;
  readonly events: number;
  /** Where the log now ends; null for an empty one, which leaves nothing behind. */
  readonly cursor: string | null;
};

export async function importLog(
  store: EventStore,
  log: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<ImportedLog> {
  if (!LOG_NAME.test(log)) throw refused(`${JSON.stringify(log)} is not the name of a log`);
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  const { records, cursor } = readArchive(log, all);
  const imported: ImportedLog = {
    records: records.length,
    events: positionOf(cursor),
    cursor: cursor && encodeCursor(cursor),
  };
  const before = await store.head(log);
  if (before.kind === "gone" || (before.kind === "open" && before.cursor)) throw taken(log, before.kind);
  if (records.length === 0) return imported;
  const written = await store.append(log, {
    expected: null,
    records: records.map(storedRecord),
    outcomes: [],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: Number.MAX_SAFE_INTEGER,
  });
  if (written.kind !== "ok") throw taken(log, written.kind);
  return imported;
}

function readArchive(
  log: string,
  lines: readonly string[],
): { readonly records: readonly CommitRecord[]; readonly cursor: Cursor | null } {
  const parsed = parseArchive(lines);
  if (!parsed.ok) throw refused(`${parsed.problem.path.join(" ")} ${parsed.problem.reason}`);
  const { records, cursor } = parsed.value;
  if (parsed.value.log !== log) throw refused(`it is of the log ${parsed.value.log}, not ${log}`);
  const ids = new Set<string>();
  const versions = new Map<string, number>();
  for (const { position, commit, events } of records) {
    if (ids.has(commit)) throw refused(`the record at position ${position} has the id of another`);
    ids.add(commit);
    for (const { stream, version } of events) {
      if (version !== (versions.get(stream) ?? 0) + 1)
        throw refused(`the record at position ${position} has version ${version} of ${stream}, which does not follow`);
      versions.set(stream, version);
    }
  }
  return { records, cursor };
}

function refused(reason: string): ValidationError {
  return new ValidationError({
    message: `This cannot be imported: ${reason}`,
    fix: "Give the whole archive that an export made, unchanged, line by line.",
    details: { reason },
  });
}

function taken(log: string, kind: string): ConcurrencyError {
  return new ConcurrencyError({
    message: kind === "gone" ? `The log ${log} was deleted for good` : `The log ${log} is there already`,
    fix: "Import into a server that does not have this log; an import never writes over one.",
    details: { log, kind },
  });
}
