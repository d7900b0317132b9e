/**
 * Imports an exported log into a log of its name that has no records yet, to move a log or to restore a lost one.
 *
 * Guarantees (archive.export-import.test.ts, archive.parts.test.ts):
 * - The log gets its name in one step, after the last line was checked (A1).
 * - Positions, marks and ids stay the same, so that a device continues at its cursor. Kept outcomes stay the same, so
 *   that a device gets the same answer as before.
 * - A log with records or a deleted log never changes. A repeated archive or part changes nothing (A2).
 * - A log with only kept rejections is imported into, and the rejections stay. Otherwise an actor without rights could
 *   block a name.
 * - The queue and the rejections of a device in the archive are skipped, because that device pushes them itself.
 */
import { type ArchiveHead, type ArchiveLine, ArchiveReader } from "../../core/wire/archive.ts";
import { parseOutcome } from "../../core/wire/read-messages.ts";
import { ConcurrencyError, ValidationError } from "../../core/values/errors.ts";
import { requireLogName } from "../base/check-arguments.ts";
import {
  type CommitRecord,
  type Cursor,
  encodeCursor,
  lastPosition,
  positionOf,
  sameCursor,
} from "../../core/history/record.ts";
import type { Parsed } from "../../core/values/parsed.ts";
import { storedRecord } from "../stores/stored-record.ts";
import type { EventStore, KeptOutcome } from "../stores/event-store.ts";
import { invalidArchive, LogIntake, logExists } from "./log-intake.ts";

/** The size and the end of an imported log. */
export type ImportedLog = {
  /** Number of records in the archive or the part. */
  readonly records: number;
  /** Number of events of the log up to `cursor`. */
  readonly events: number;
  /**
   * The cursor up to which the log is imported, where the next part begins. Null for an archive without records. An
   * empty archive creates no log.
   */
  readonly cursor: string | null;
  /** False: more parts are needed. Devices cannot reach the log before the last part is in. */
  readonly isComplete: boolean;
};

export async function importLog(
  store: EventStore,
  log: string,
  lines: AsyncIterable<string> | Iterable<string>,
  onProgress: (at: Cursor | null) => void = () => {},
): Promise<ImportedLog> {
  requireLogName(log);
  const reader = new ArchiveReader();
  let intake: PartImport | null = null;
  try {
    for await (const text of lines) {
      const line = unwrap(log, reader.read(text));
      if (line?.kind === "header") {
        if (line.log !== log) throw invalidArchive(log, `it is an archive of the log ${line.log}`);
        intake = await PartImport.begin(store, line);
      } else if (line) await intake?.addLine(line);
      if (intake) onProgress(intake.cursor);
    }
    unwrap(log, reader.finish());
    if (!intake) throw invalidArchive(log, "it has no header");
    return await intake.finish();
  } catch (error) {
    await intake?.failed(error);
    throw error;
  }
}

/** One archive or part on its way into a store. */
class PartImport {
  readonly #head: ArchiveHead;
  /** Null: the log contains this archive already, so nothing is written. */
  readonly #intake: LogIntake | null;
  #records = 0;
  #last: Cursor | null;
  #hasMore = false;

  private constructor(head: ArchiveHead, intake: LogIntake | null) {
    this.#head = head;
    this.#intake = intake;
    this.#last = head.after ?? null;
  }

  static async begin(store: EventStore, head: ArchiveHead): Promise<PartImport> {
    const { log, cursor, after = null } = head;
    const found = await store.head(log);
    if (found.kind === "gone") throw logExists(log, found.kind);
    if (found.kind === "open" && found.cursor) {
      const same = cursor && (await store.read(log, cursor, { events: 1, bytes: 1 }));
      if (!same || same.kind !== "page") throw logExists(log, found.kind);
      return new PartImport(head, null);
    }
    const source = `importing-${cursor ? encodeCursor(cursor) : "0"}`;
    const intake = await LogIntake.stage({ store, log, source });
    if (positionOf(after) > positionOf(intake.end)) throw missingPart(log, intake.end);
    if (positionOf(after) === positionOf(intake.end) && !sameCursor(after, intake.end))
      throw invalidArchive(log, "the part does not follow the part before it");
    // Parts of outcomes begin at the same cursor, so only their number shows that one is missing.
    if (!(await intake.hasOutcomes(head.outcomes ?? 0))) throw missingPart(log, intake.end);
    return new PartImport(head, intake);
  }

  /** The end of the records that were read. */
  get cursor(): Cursor | null {
    return this.#last;
  }

  async addLine(line: ArchiveLine): Promise<void> {
    if (line.kind === "record") await this.#addRecord(line.record);
    else if (line.kind === "outcome") await this.#intake?.addOutcome(readOutcome(this.#head.log, line.value));
    else if (line.kind === "end") this.#hasMore = line.more ?? false;
  }

  async finish(): Promise<ImportedLog> {
    const intake = this.#intake;
    const isComplete = intake === null || !this.#hasMore;
    if (isComplete) await intake?.finish();
    else await intake?.flush();
    const cursor = intake === null ? this.#head.cursor : intake.end;
    return {
      records: this.#records,
      events: positionOf(cursor),
      cursor: cursor && encodeCursor(cursor),
      isComplete,
    };
  }

  /**
   * Deletes the staged records if the archive is not valid. A cut part keeps the parts before it, because they were
   * whole.
   */
  async failed(error: unknown): Promise<void> {
    if (error instanceof ValidationError && !this.#head.after && !this.#head.outcomes) await this.#intake?.discard();
  }

  async #addRecord(record: CommitRecord): Promise<void> {
    this.#records++;
    const stored = storedRecord(record);
    const { log } = this.#head;
    if (!hasConsecutiveVersions(record))
      throw invalidArchive(log, `the record at position ${record.position} has versions that do not follow each other`);
    this.#last = stored.cursor;
    const intake = this.#intake;
    if (!intake) return;
    const written = positionOf(intake.end);
    if (record.position > written) return intake.addRecord(stored);
    if (lastPosition(record) < written) return;
    // The last written record. Otherwise two different logs with one end would be joined.
    if (!sameCursor(stored.cursor, intake.end))
      throw invalidArchive(log, `the record at position ${record.position} is not the record of the import before`);
  }
}

function readOutcome(log: string, value: unknown): KeptOutcome {
  const given: Readonly<Record<string, unknown>> = typeof value === "object" && value !== null ? { ...value } : {};
  const { commit, actor, received, text } = given;
  const parsed = typeof text === "string" ? parseOutcome(text) : null;
  if (
    typeof commit !== "string" ||
    typeof actor !== "string" ||
    typeof received !== "number" ||
    typeof text !== "string" ||
    !Number.isSafeInteger(received) ||
    !parsed?.ok ||
    parsed.value.id !== commit ||
    parsed.value.outcome === "recorded"
  )
    throw invalidArchive(log, `the outcome of the commit ${JSON.stringify(commit)} is not valid`);
  return { commit, actor, received, text };
}

/** True if the events of each stream have versions that follow each other. */
function hasConsecutiveVersions({ events }: CommitRecord): boolean {
  const versions = new Map<string, number>();
  return events.every(({ stream, version }) => {
    const before = versions.get(stream) ?? version - 1;
    versions.set(stream, version);
    return version === before + 1;
  });
}

function unwrap<Value>(log: string, parsed: Parsed<Value>): Value {
  if (parsed.ok) return parsed.value;
  throw invalidArchive(log, `${parsed.problem.path.join(" ")} ${parsed.problem.reason}`);
}

function missingPart(log: string, end: Cursor | null): ConcurrencyError {
  return new ConcurrencyError({
    message: `A part of the log ${log} is missing: the import is at position ${positionOf(end)}`,
    fix: `Import the part that begins at ${end ? encodeCursor(end) : "the beginning"}.`,
    details: { log, cursor: end && encodeCursor(end) },
  });
}
