/**
 * Writes the records and outcomes of a log that comes from elsewhere: from an archive, or from another store.
 *
 *     open ── addRecord, addOutcome ──> staged, batch by batch ── finish ──> the log has its own name
 *                                         ^                │
 *                                         └── open again ──┘ after a crash
 *
 * Guarantees (archive.parts.test.ts, move-logs.test.ts):
 * - Until `finish`, the log has a name with a space, which no device can request (A1). Otherwise a device could read
 *   the beginning of the log, cut its own log back and push onto it.
 * - The staged log contains the progress, so that the next intake continues there (A2).
 * - Positions, versions and commit ids follow each other without gaps (A3).
 * - One batch is in memory, and the last versions of at most `STREAMS_MAX` streams.
 */
import { ConcurrencyError, DacapoError, ValidationError } from "../../core/values/errors.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Append, AppendResult, EventStore, KeptOutcome, StoredRecord } from "../stores/event-store.ts";
import { StreamVersions } from "./stream-versions.ts";

/** Events and characters of an append. A Durable Object has 128 MB of memory, and the texts are there several times. */
const BATCH_EVENTS_MAX = 2_000;
const BATCH_LENGTH_MAX = 1024 * 1024;
const STAGES_MAX = 1_000;
const OUTCOMES_PAGE = 1_000;

export type IntakeOptions = {
  readonly store: EventStore;
  readonly log: string;
  /** Says where the log comes from, without a space. Another intake with the same source continues this one. */
  readonly source: string;
};

/** The beginning of the names of a log's stages. */
export function stagePrefix(log: string): string {
  return `${log} `;
}

export class LogIntake {
  readonly log: string;
  readonly #store: EventStore;
  /** The name under which the log is written: its own, or the name of a stage. */
  readonly #name: string;
  readonly #versions: StreamVersions;
  #head: Cursor | null;
  #exists: boolean;
  #records: StoredRecord[] = [];
  #outcomes: KeptOutcome[] = [];
  #length = 0;
  #events = 0;

  private constructor(options: IntakeOptions, name: string, head: Cursor | null, exists: boolean) {
    this.log = options.log;
    this.#store = options.store;
    this.#name = name;
    this.#head = head;
    this.#exists = exists;
    this.#versions = new StreamVersions(options.store, name, head === null);
  }

  /** Continues the staged log of this source, or begins it. */
  static async stage(options: IntakeOptions): Promise<LogIntake> {
    for (let n = 1; n <= STAGES_MAX; n++) {
      const name = `${stagePrefix(options.log)}${options.source} ${n}`;
      const head = await options.store.head(name);
      // A stage that was discarded keeps its name for good (S10).
      if (head.kind === "gone") continue;
      return new LogIntake(options, name, head.kind === "open" ? head.cursor : null, head.kind === "open");
    }
    const message = `The import of the log ${options.log} was discarded ${STAGES_MAX} times`;
    throw new ConcurrencyError({ message, fix: "Import into another store." }, "never");
  }

  /** Continues an existing log under its own name. */
  static existing(options: IntakeOptions, head: Cursor | null): LogIntake {
    return new LogIntake(options, options.log, head, true);
  }

  /** The end of the records that are written or wait to be written. */
  get end(): Cursor | null {
    return this.#records.at(-1)?.cursor ?? this.#head;
  }

  /** Adds the next record. Writes a batch if it is large enough. */
  async addRecord(record: StoredRecord): Promise<void> {
    if (record.position !== positionOf(this.end) + 1)
      throw invalidArchive(this.log, `the record at position ${record.position} does not follow the record before it`);
    this.#records.push(record);
    this.#events += record.cursor.position - record.position + 1;
    await this.#count(record.text);
  }

  /** Adds a kept outcome. An outcome that the log has already changes nothing. */
  async addOutcome(outcome: KeptOutcome): Promise<void> {
    this.#outcomes.push(outcome);
    await this.#count(outcome.text);
  }

  /** True if the staged log and the log itself have at least so many outcomes. */
  async hasOutcomes(least: number): Promise<boolean> {
    let found = 0;
    for (const name of new Set([this.#name, this.log]))
      for (let last: KeptOutcome | null = null; found < least;) {
        const page: readonly KeptOutcome[] = await this.#store.outcomes(name, last, OUTCOMES_PAGE);
        found += page.length;
        last = page.at(-1) ?? null;
        if (!last) break;
      }
    return found >= least;
  }

  /** Writes the batch. Nothing waits in memory afterwards. */
  async flush(): Promise<void> {
    const [records, outcomes] = [this.#records, this.#outcomes];
    this.#records = [];
    this.#outcomes = [];
    this.#length = this.#events = 0;
    await this.#versions.check(records).catch(async (error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
      await this.#requireUnmoved();
      throw invalidArchive(this.log, error.message);
    });
    const unknown = outcomes.length === 0 ? [] : await this.#unknown(outcomes);
    if (records.length + unknown.length === 0) return;
    const twice = duplicateOf(records);
    if (twice !== null) throw invalidArchive(this.log, `the commit ${twice} is there twice`);
    const append: Append = {
      expected: this.#head,
      records,
      outcomes: unknown,
      forgetOutcomesBefore: 0,
      outcomesPerActorMax: Number.MAX_SAFE_INTEGER,
    };
    const result = await this.#store.append(this.#name, append);
    if (result.kind === "known") await this.#requireUnmoved();
    this.#require(result);
    this.#head = records.at(-1)?.cursor ?? this.#head;
    this.#exists = true;
  }

  /** Writes the rest, and assigns the log its own name. Returns false if there was nothing to write at all. */
  async finish(): Promise<boolean> {
    await this.flush();
    if (this.#name === this.log) return true;
    if (!this.#exists) return false;
    const { kind } = await this.#store.rename(this.#name, this.log);
    if (kind === "ok") return true;
    await this.discard();
    const own = await this.#store.head(this.log);
    if (own.kind === "open" || own.kind === "gone") throw logExists(this.log, own.kind);
    throw this.#interrupted("gone");
  }

  /** Deletes the staged records, because they are not a valid log. */
  async discard(): Promise<void> {
    if (this.#name !== this.log && this.#exists) await this.#store.drop(this.#name);
  }

  async #count(text: string): Promise<void> {
    this.#length += text.length;
    if (this.#length >= BATCH_LENGTH_MAX || this.#events >= BATCH_EVENTS_MAX) await this.flush();
  }

  /** The outcomes that neither the staged log nor the log itself has. */
  async #unknown(outcomes: readonly KeptOutcome[]): Promise<readonly KeptOutcome[]> {
    const ids = [...new Set(outcomes.map(({ commit }) => commit))];
    const known = await Promise.all([...new Set([this.#name, this.log])].map((name) => this.#store.known(name, ids)));
    const isKept = ({ commit, actor, text }: KeptOutcome): boolean =>
      known.some((map) => map.get(commit)?.outcomes.some((kept) => kept.actor === actor && kept.text === text));
    return outcomes.filter((outcome) => !isKept(outcome));
  }

  /** Throws if another program wrote these records first. They are then valid, although they do not follow. */
  async #requireUnmoved(): Promise<void> {
    const found = await this.#store.head(this.#name);
    const head = found.kind === "open" ? found.cursor : null;
    if (!sameCursor(head, this.#head)) throw this.#interrupted(found.kind);
    // The other program may have finished, so that its records have the log's own name now.
    const own = await this.#store.head(this.log);
    if (this.#name !== this.log && own.kind === "open" && own.cursor) throw logExists(this.log, own.kind);
  }

  #require(result: AppendResult): void {
    if (result.kind === "ok") return;
    if (result.kind === "known")
      throw invalidArchive(
        this.log,
        `the log has the commit ${result.commits[0] ?? ""} already, in another record or outcome`,
      );
    throw this.#interrupted(result.kind);
  }

  /** The error of an intake that another program ended or overtook. */
  #interrupted(kind: string): ConcurrencyError {
    return new ConcurrencyError({
      message:
        kind === "gone"
          ? `The import of the log ${this.log} was discarded meanwhile`
          : `Another program writes the log ${this.log} at the same time`,
      fix: "Stop the other program, and start again. It continues where it was.",
      details: { log: this.log, kind },
    });
  }
}

/** The error of an archive or a log that cannot be written as it is. */
export function invalidArchive(log: string, reason: string): ValidationError {
  return new ValidationError({
    message: `The log ${log} cannot be imported: ${reason}`,
    fix: "Pass all lines of an exported archive, unchanged.",
    details: { reason },
  });
}

/** The error of a name that another log has, or that a deleted log had. */
export function logExists(log: string, kind: string): DacapoError {
  const fix = "Import into a server that does not have this log. An import never changes an existing log.";
  const details = { log, kind };
  return kind === "gone"
    ? new DacapoError("gone", "never", { message: `The log ${log} was deleted for good`, fix, details })
    : new ConcurrencyError({ message: `The log ${log} already exists`, fix, details }, "after-fix");
}

function duplicateOf(records: readonly StoredRecord[]): string | null {
  const ids = new Set<string>();
  for (const { commit } of records) {
    if (ids.has(commit)) return commit;
    ids.add(commit);
  }
  return null;
}
