/**
 * Checks a stored log: positions, marks, versions, commit ids, outcomes, and the fold of each event.
 *
 * Guarantees (verify-log.test.ts):
 * - Each damage that the checks can find is reported with its position, and the check continues behind it.
 * - A log that is written meanwhile is checked up to its new end.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { foldRecord, type Parked } from "../../core/fold/fold.ts";
import { ConfirmedRows } from "../../core/fold/rows.ts";
import { type CommitRecord, type Cursor, cursorOf, positionOf, sameCursor } from "../../core/history/record.ts";
import { parseOutcome, parseRecords } from "../../core/wire/read-messages.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import { sameJson } from "../../core/values/json.ts";
import type { EventStore, KeptOutcome, StoredRecord } from "../stores/event-store.ts";
import { spansOf } from "../stores/stored-record.ts";

/** The result of a check. */
export type LogReport = {
  readonly log: string;
  readonly records: number;
  readonly events: number;
  readonly streams: number;
  readonly outcomes: number;
  /** The first problems, at most 100. */
  readonly problems: readonly string[];
  readonly problemCount: number;
  /** The number of rows of each projection. Null: the log was not folded. */
  readonly rows: { readonly [projection: string]: number } | null;
  /** The first events that the domain cannot fold, at most 100. */
  readonly parked: readonly Parked[];
  readonly parkedCount: number;
};

const PROBLEMS_MAX = 100;
const PAGE = { events: 2_000, bytes: 1024 * 1024 };
const OUTCOMES_PAGE = 100;
const ONE = { events: 1, bytes: 1 };
/** Streams that are looked up at the same time. */
const LOOKUPS = 16;

/**
 * Checks a log that exists.
 *
 * @param domain the domain to fold the log with. Null: the events are not folded.
 */
export async function verifyLog(
  store: EventStore,
  log: string,
  domain: DomainDefinition | null,
  onProgress: (position: number, head: number) => void = () => {},
): Promise<LogReport> {
  const check = new LogCheck(store, log, domain);
  let head: Cursor | null = null;
  for (;;) {
    const page = await store.read(log, check.end, PAGE);
    if (page.kind !== "page") {
      check.addProblem(`The log does not contain its own record at position ${positionOf(check.end)}`);
      break;
    }
    head = page.head;
    if (page.records.length === 0) break;
    await check.checkPage(page.records);
    onProgress(positionOf(check.end), positionOf(head));
  }
  if (!sameCursor(head, check.end))
    check.addProblem(`The head is at position ${positionOf(head)}, not at the last record`);
  await check.checkStreams();
  await check.checkOutcomes();
  return check.report();
}

class LogCheck {
  end: Cursor | null = null;
  readonly #store: EventStore;
  readonly #log: string;
  readonly #domain: DomainDefinition | null;
  readonly #rows: ConfirmedRows | null;
  readonly #versions = new Map<string, number>();
  readonly #problems: string[] = [];
  #problemCount = 0;
  #records = 0;
  #outcomes = 0;

  constructor(store: EventStore, log: string, domain: DomainDefinition | null) {
    this.#store = store;
    this.#log = log;
    this.#domain = domain;
    this.#rows = domain && new ConfirmedRows(domain, () => {});
  }

  addProblem(text: string): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(text);
  }

  async checkPage(records: readonly StoredRecord[]): Promise<void> {
    const known = await this.#store.known(
      this.#log,
      records.map(({ commit }) => commit),
    );
    for (const record of records) {
      this.#records++;
      if (record.position !== positionOf(this.end) + 1)
        this.addProblem(`Position ${record.position} does not follow position ${positionOf(this.end)}`);
      this.end = record.cursor;
      const found = known.get(record.commit)?.record;
      if (!found || !sameCursor(found.at, record.cursor) || found.actor !== record.actor)
        this.addProblem(`The commit ${record.commit} at position ${record.position} is not found by its id`);
      this.#checkText(record);
    }
  }

  /** Each stream must end, for a reader of this stream, at the version of its last record. */
  async checkStreams(): Promise<void> {
    const all = [...this.#versions];
    for (let start = 0; start < all.length; start += LOOKUPS) {
      await Promise.all(
        all.slice(start, start + LOOKUPS).map(async ([stream, version]) => {
          const [last, further] = await Promise.all([
            this.#store.readStream(this.#log, stream, version - 1, ONE),
            this.#store.readStream(this.#log, stream, version, ONE),
          ]);
          if (last.length === 0 || further.length > 0)
            this.addProblem(`The stream ${stream} does not end at version ${version} for its readers`);
        }),
      );
    }
  }

  async checkOutcomes(): Promise<void> {
    for (let after: KeptOutcome | null = null; ;) {
      const outcomes: readonly KeptOutcome[] = await this.#store.outcomes(this.#log, after, OUTCOMES_PAGE);
      after = outcomes.at(-1) ?? null;
      if (!after) return;
      const known = await this.#store.known(
        this.#log,
        outcomes.map(({ commit }) => commit),
      );
      for (const { commit, actor, text } of outcomes) {
        this.#outcomes++;
        const read = parseOutcome(text);
        if (!read.ok || read.value.id !== commit || read.value.outcome === "recorded")
          this.addProblem(`The outcome of the commit ${commit} is damaged`);
        if (known.get(commit)?.record?.actor === actor)
          this.addProblem(`The commit ${commit} has a record and an outcome of one actor`);
      }
    }
  }

  report(): LogReport {
    const rows = this.#rows;
    return {
      log: this.#log,
      records: this.#records,
      events: positionOf(this.end),
      streams: this.#versions.size,
      outcomes: this.#outcomes,
      problems: this.#problems,
      problemCount: this.#problemCount,
      rows: rows && Object.fromEntries([...rows.tables].map(([name, table]) => [name, table.size])),
      parked: rows?.parked ?? [],
      parkedCount: rows?.parkedCount ?? 0,
    };
  }

  /** Checks the text of a record, the fields that the store finds it by, and its versions. Then folds it. */
  #checkText(stored: StoredRecord): void {
    const record = this.#parse(stored);
    if (!record) return;
    const { position, cursor, commit, actor, streams } = stored;
    const sameFields =
      record.position === position &&
      sameCursor(cursorOf(record), cursor) &&
      record.commit === commit &&
      record.actor === actor;
    if (!sameFields || !sameJson(sorted(spansOf(record.events)), sorted(streams)))
      this.addProblem(`The text of the record at position ${position} does not fit its other fields`);
    for (const { stream, version } of record.events) {
      const before = this.#versions.get(stream) ?? 0;
      if (version !== before + 1)
        this.addProblem(`Version ${version} of ${stream} at position ${position} does not follow version ${before}`);
      this.#versions.set(stream, version);
    }
    if (this.#domain && this.#rows) foldRecord(this.#domain, this.#rows, record);
  }

  #parse({ position, text }: StoredRecord): CommitRecord | null {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.addProblem(`The record at position ${position} is not JSON`);
      return null;
    }
    const parsed = parseRecords([value]);
    if (parsed.ok) return parsed.value[0] ?? null;
    this.addProblem(`The record at position ${position} is damaged: ${describeProblem(parsed.problem)}`);
    return null;
  }
}

function sorted(streams: StoredRecord["streams"]): StoredRecord["streams"] {
  return [...streams].sort((a, b) => (a.stream < b.stream ? -1 : 1));
}
