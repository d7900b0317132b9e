/**
 * The event store in memory: the plainest implementation of the port, for tests, demos and the simulator.
 *
 * Guarantees: S1 to S12 and S16 to S19 while the process lives (event-store.memory.test.ts). It is not durable after
 * that.
 *
 * @module dacapo/memory
 */
import { StorageLostError } from "../../core/values/errors.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { checkAppend, outcomeKey } from "./check-append.ts";
import type {
  Append,
  AppendResult,
  EventStore,
  KeptOutcome,
  KnownCommit,
  LogHead,
  OutcomeKey,
  ReadLimit,
  ReadResult,
  RenameResult,
  StoredRecord,
} from "./event-store.ts";
import { MemoryModels } from "./memory/models.ts";
import { refuseAppend } from "./refuse-append.ts";
import { type SizedRecord, takePage } from "./take-page.ts";

type Log = {
  readonly records: SizedRecord[];
  readonly byStream: Map<string, SizedRecord[]>;
  readonly byCommit: Map<string, StoredRecord>;
  /** In the order of arrival. */
  readonly outcomes: Map<string, KeptOutcome>;
};

/**
 * An event store in memory, for tests and demos. Its logs are lost when the process ends.
 *
 * @example
 * import { bearer, serve } from "dacapo/node";
 * import { memory } from "dacapo/memory";
 * await serve({ domain, store: memory(), authorize: bearer({ tokens: { "adas-secret": "ada" } }) });
 */
export function memory(): EventStore {
  return new MemoryEventStore();
}

class MemoryEventStore implements EventStore {
  readonly #logs = new Map<string, Log | "gone">();
  /** All memory stores begin with the same id, because one that starts again takes the place of the one before it. */
  #id = "memory";
  #closed = false;
  readonly models = new MemoryModels(
    (name) => {
      const log = this.#find(name);
      return typeof log === "object" ? { head: headOf(log), isRecordEnd: (at) => isRecordEnd(log, at) } : log;
    },
    () => this.#names((log) => log !== "gone"),
  );

  async head(name: string): Promise<LogHead> {
    const log = this.#find(name);
    if (log === undefined) return { kind: "absent" };
    return log === "gone" ? { kind: "gone" } : { kind: "open", cursor: headOf(log) };
  }

  async append(name: string, append: Append): Promise<AppendResult> {
    checkAppend(append);
    const { records, outcomes, models } = append;
    const found = this.#find(name);
    const log = found === undefined || found === "gone" ? emptyLog() : found;
    const entries = [...records, ...outcomes];
    const refusal = refuseAppend(
      found && { isOpen: found !== "gone", head: headOf(log) },
      { ...append, ends: records.map(({ cursor }) => cursor), isEmpty: entries.length === 0 },
      {
        known: () =>
          entries
            .filter(({ commit, actor }) => log.byCommit.has(commit) || log.outcomes.has(outcomeKey(commit, actor)))
            .map(({ commit }) => commit),
        isRecordEnd: (at) => isRecordEnd(log, at),
        movedFollowers: (isEnd) => (models ? this.models.moved(name, models, isEnd) : []),
      },
    );
    if (refusal) return refusal;

    // From here on nothing throws and nothing waits. Otherwise a reader could see a part of the batch (S4).
    for (const record of append.records) addRecord(log, record);
    for (const outcome of append.outcomes) log.outcomes.set(outcomeKey(outcome.commit, outcome.actor), outcome);
    forgetOutcomes(log, append);
    if (entries.length > 0) this.#logs.set(name, log);
    if (models) this.models.apply(name, models);
    return { kind: "ok" };
  }

  async read(name: string, after: Cursor | null, limit: ReadLimit): Promise<ReadResult> {
    const log = this.#find(name);
    if (log === "gone") return { kind: "gone" };
    if (log === undefined) return after === null ? { kind: "absent" } : { kind: "diverged", head: null };
    const head = headOf(log);
    const start = firstAfter(log.records, positionOf(after));
    const before = log.records[start - 1]?.record.cursor ?? null;
    if (!sameCursor(before, after)) return { kind: "diverged", head };
    return { kind: "page", records: takePage(from(log.records, start), limit), head };
  }

  async readStream(name: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    const log = this.#find(name);
    if (log === undefined || log === "gone") return [];
    const records = log.byStream.get(stream) ?? [];
    const start = records.findIndex(({ record }) =>
      record.streams.some((span) => span.stream === stream && span.last > after),
    );
    return start < 0 ? [] : takePage(from(records, start), limit);
  }

  async written(name: string, streams: readonly string[]): Promise<ReadonlySet<string>> {
    const log = this.#find(name);
    return new Set(log === undefined || log === "gone" ? [] : streams.filter((stream) => log.byStream.has(stream)));
  }

  async known(name: string, commits: readonly string[]): Promise<ReadonlyMap<string, KnownCommit>> {
    const log = this.#find(name);
    const known = new Map<string, KnownCommit>();
    if (log === undefined || log === "gone") return known;
    const ids = new Set(commits);
    const outcomes = Map.groupBy(
      [...log.outcomes.values()].filter(({ commit }) => ids.has(commit)),
      ({ commit }) => commit,
    );
    for (const commit of ids) {
      const record = log.byCommit.get(commit);
      const kept = outcomes.get(commit) ?? [];
      if (!record && kept.length === 0) continue;
      known.set(commit, {
        record: record ? { actor: record.actor, at: record.cursor } : null,
        outcomes: kept.map(({ actor, text }) => ({ actor, text })),
      });
    }
    return known;
  }

  async drop(name: string): Promise<void> {
    this.#find(name);
    this.#logs.set(name, "gone");
    this.models.drop(name);
  }

  async logs(): Promise<readonly string[]> {
    return this.#names((log) => log !== "gone");
  }

  async droppedLogs(): Promise<readonly string[]> {
    return this.#names((log) => log === "gone");
  }

  async outcomes(name: string, after: OutcomeKey | null, limit: number): Promise<readonly KeptOutcome[]> {
    const log = this.#find(name);
    if (log === undefined || log === "gone") return [];
    const ordered = [...log.outcomes.values()].sort(compareOutcomes);
    return (after ? ordered.filter((outcome) => compareOutcomes(outcome, after) > 0) : ordered).slice(0, limit);
  }

  async rename(name: string, to: string): Promise<RenameResult> {
    const [log, other] = [this.#find(name), this.#find(to)];
    if (log === "gone" || other === "gone") return { kind: "gone" };
    if (log === undefined) return { kind: "absent" };
    if (other && (other.records.length > 0 || other === log)) return { kind: "taken" };
    const kept = other ? [...other.outcomes] : [];
    const isShared = kept.some(
      ([key, { commit, actor }]) => log.outcomes.has(key) || log.byCommit.get(commit)?.actor === actor,
    );
    if (isShared) return { kind: "taken" };
    for (const [key, outcome] of kept) log.outcomes.set(key, outcome);
    this.#logs.delete(name);
    this.#logs.set(to, log);
    this.models.rename(name, to);
    return { kind: "ok" };
  }

  async id(): Promise<string> {
    this.#requireOpen();
    return this.#id;
  }

  async adoptId(id: string): Promise<boolean> {
    this.#requireOpen();
    if (this.#logs.size === 0) this.#id = id;
    return this.#id === id;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #names(isListed: (log: Log | "gone") => boolean): readonly string[] {
    this.#requireOpen();
    return [...this.#logs]
      .filter(([, log]) => isListed(log))
      .map(([name]) => name)
      .sort();
  }

  #find(name: string): Log | "gone" | undefined {
    this.#requireOpen();
    return this.#logs.get(name);
  }

  #requireOpen(): void {
    if (!this.#closed) return;
    throw new StorageLostError({
      message: "The event store is closed",
      fix: "Create a new one. Close a store only after its server.",
    });
  }
}

function emptyLog(): Log {
  return { records: [], byStream: new Map(), byCommit: new Map(), outcomes: new Map() };
}

function headOf(log: Log): Cursor | null {
  return log.records.at(-1)?.record.cursor ?? null;
}

function isRecordEnd(log: Log, at: Cursor): boolean {
  return sameCursor(log.records[firstAfter(log.records, at.position) - 1]?.record.cursor ?? null, at);
}

const utf8 = new TextEncoder();

function addRecord(log: Log, record: StoredRecord): void {
  const sized = { record, bytes: utf8.encode(record.text).length };
  log.records.push(sized);
  log.byCommit.set(record.commit, record);
  for (const { stream } of record.streams) {
    const ofStream = log.byStream.get(stream);
    if (ofStream) ofStream.push(sized);
    else log.byStream.set(stream, [sized]);
  }
}

/** S9. Only an actor with a new outcome can exceed its share, so the other actors need no check. */
function forgetOutcomes(log: Log, { outcomes, forgetOutcomesBefore, outcomesPerActorMax }: Append): void {
  for (const [key, { received }] of log.outcomes) if (received < forgetOutcomesBefore) log.outcomes.delete(key);
  for (const actor of new Set(outcomes.map((outcome) => outcome.actor))) {
    const own = [...log.outcomes].filter(([, outcome]) => outcome.actor === actor);
    // The sort is stable, so of two outcomes with the same time the first to arrive goes first.
    own.sort(([, left], [, right]) => left.received - right.received);
    for (const [key] of own.slice(0, Math.max(0, own.length - outcomesPerActorMax))) log.outcomes.delete(key);
  }
}

function compareOutcomes(left: OutcomeKey, right: OutcomeKey): number {
  const [a, b] = left.commit === right.commit ? [left.actor, right.actor] : [left.commit, right.commit];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Index of the first record that ends after a position. */
function firstAfter(records: readonly SizedRecord[], position: number): number {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const end = records[middle]?.record.cursor.position ?? Number.POSITIVE_INFINITY;
    if (end > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

function* from<Item>(items: readonly Item[], start: number): Generator<Item> {
  for (let index = start; index < items.length; index++) {
    const item = items[index];
    if (item !== undefined) yield item;
  }
}
