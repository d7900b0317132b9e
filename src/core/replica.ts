/**
 * A device's view of a log: confirmed records folded, pending commits folded over them.
 *
 * Place: the engine in the worker holds one and feeds it what the store and the server give; it knows neither.
 * Holds: rows always equal the fold of confirmed plus pending; the order in which outcomes and records arrive changes
 * nothing; applying records costs the new events plus the pending commits, never the length of the log. A pending commit
 * that the server would reject as things stand is not folded, and says so.
 * The idea of rebasing pending work on confirmed state is Replicache's; what is replayed here is the command, reconciled by the
 * same function that the server runs.
 */
import type { Commit } from "./commit.ts";
import { lowestSeen, streamsOf } from "./commit.ts";
import type { Defect } from "./decide.ts";
import type { DomainDefinition } from "./definition.ts";
import { BugError } from "./errors.ts";
import type { DomainEvent } from "./event.ts";
import { foldRecord, type Parked, type StreamState } from "./fold.ts";
import { isExpected, reconcile, type StreamWindow } from "./reconcile.ts";
import { type CommitRecord, type Cursor, cursorOf, positionOf, readableEvent, type RecordEvent, type Unplaced } from "./record.ts";
import { type BeforeWrite, ConfirmedRows, OverlayRows, RowChanges, type RowDelta, type RowEntry, STREAMS_TABLE } from "./rows.ts";

/** What the device expects of a pending commit: events, or what would reject it. */
export type Forecast = { readonly events: readonly RecordEvent[] } | { readonly defect: Defect };

export type PendingCommit = { readonly commit: Commit; readonly forecast: Forecast };

/** A pending commit whose record has arrived. */
export type Arrived = { readonly commit: Commit; readonly record: CommitRecord; readonly outcome: "accepted" | "rebased" };

export class Replica {
  readonly domain: DomainDefinition;
  readonly confirmed: ConfirmedRows;
  #overlay: OverlayRows;
  #cursor: Cursor | null = null;
  #pending: PendingCommit[] = [];
  /** Those of them that would be rejected; kept, so that nobody looks through a long queue for them. */
  #doubtful: PendingCommit[] = [];
  /** Confirmed events of streams that pending commits name, since the oldest of them was made. */
  readonly #recent = new Map<string, DomainEvent[]>();
  readonly #changes = new RowChanges();

  /** @param confirmedTouched told of each confirmed row and state that is written, for a store of rows */
  constructor(domain: DomainDefinition, confirmedTouched: BeforeWrite = () => {}) {
    this.domain = domain;
    this.confirmed = new ConfirmedRows(domain, (table, key) => {
      if (table !== STREAMS_TABLE) this.#touch(table, key);
      confirmedTouched(table, key);
    });
    this.#overlay = this.#newOverlay();
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get pending(): readonly PendingCommit[] {
    return this.#pending;
  }

  /** Pending commits that the server would reject as things stand. */
  get doubtful(): readonly PendingCommit[] {
    return this.#doubtful;
  }

  get parked(): { readonly count: number; readonly events: readonly Parked[] } {
    return { count: this.confirmed.parkedCount, events: this.confirmed.parked };
  }

  /** Starts from stored rows and states instead of from position 0. Only before anything was applied. */
  restore(cursor: Cursor | null, fill: (confirmed: ConfirmedRows) => void): void {
    if (this.#cursor !== null || this.#pending.length > 0) throw new BugError("A replica was restored after it had begun");
    fill(this.confirmed);
    this.#cursor = cursor;
  }

  /** The optimistic state of a stream: confirmed and pending. */
  stream(stream: string): StreamState {
    return this.#overlay.stream(stream);
  }

  /** The version of a stream up to which the server has ordered it. */
  confirmedVersion(stream: string): number {
    return this.confirmed.stream(stream).version;
  }

  entry(projection: string, key: string): RowEntry | null {
    return this.#overlay.entry(projection, key);
  }

  /** All rows of a projection as a reader sees them. */
  entries(projection: string): RowEntry[] {
    const keys = new Set([...(this.confirmed.tables.get(projection)?.keys() ?? []), ...(this.#overlay.tables.get(projection)?.keys() ?? [])]);
    return [...keys].flatMap((key) => this.entry(projection, key) ?? []);
  }

  /** The rows that a reader sees differently since this was last called. */
  takeDelta(): RowDelta[] {
    return this.#changes.take((projection, key) => this.#overlay.entry(projection, key));
  }

  /**
   * Applies the next confirmed records, ends the pending commits they stem from and reconciles the rest again.
   * The first record must follow the cursor.
   */
  apply(records: readonly CommitRecord[], now: number): Arrived[] {
    if (records.length === 0) return [];
    this.#foldConfirmed(records);
    const arrived: Arrived[] = [];
    const byId = new Map(records.map((record) => [record.commit, record]));
    this.#pending = this.#pending.filter(({ commit }) => {
      const record = byId.get(commit.id);
      if (!record || !endsCommit(record, commit)) return true;
      arrived.push({ commit, record, outcome: isExpected(commit, record.events) ? "accepted" : "rebased" });
      return false;
    });
    this.#rebase(now);
    return arrived;
  }

  /** Adds a commit made on this device behind those that are pending. */
  add(commit: Commit, now: number): PendingCommit {
    this.#watch(commit);
    const pending = this.#foldPending(commit, now);
    this.#pending.push(pending);
    if ("defect" in pending.forecast) this.#doubtful.push(pending);
    return pending;
  }

  /** Ends pending commits that gave no record, or that a person withdrew. */
  remove(ids: ReadonlySet<string>, now: number): void {
    const kept = this.#pending.filter(({ commit }) => !ids.has(commit.id));
    if (kept.length === this.#pending.length) return;
    this.#pending = kept;
    this.#rebase(now);
  }

  /**
   * Tells of confirmed events that came before the cursor and after a pending commit was made, so that its conflicts are seen
   * after a restart. To be called before `add`.
   */
  recall(records: readonly CommitRecord[], pending: readonly Commit[]): void {
    for (const commit of pending) this.#watch(commit);
    for (const record of records) this.#remember(record);
  }

  #foldConfirmed(records: readonly CommitRecord[]): void {
    for (const record of records) {
      if (record.position !== positionOf(this.#cursor) + 1) {
        throw new BugError("A record does not follow the replica's cursor", { position: record.position, cursor: positionOf(this.#cursor) });
      }
      foldRecord(this.domain, this.confirmed, record);
      this.#remember(record);
      this.#cursor = cursorOf(record);
    }
  }

  #rebase(now: number): void {
    for (const [projection, table] of this.#overlay.tables) for (const key of table.keys()) this.#touch(projection, key);
    this.#overlay = this.#newOverlay();
    this.#pending = this.#pending.map(({ commit }) => this.#foldPending(commit, now));
    this.#doubtful = this.#pending.filter(({ forecast }) => "defect" in forecast);
    const watched = new Set(this.#pending.flatMap(({ commit }) => [...streamsOf(commit)]));
    for (const stream of this.#recent.keys()) if (!watched.has(stream)) this.#recent.delete(stream);
  }

  #foldPending(commit: Commit, now: number): PendingCommit {
    const reconciled = reconcile(this.domain, commit, { as: "forecast", now, window: (stream) => this.#window(commit, stream) });
    if (reconciled.kind === "rejected") return { commit, forecast: { defect: reconciled.defect } };
    const { id, client, actor, time, meta } = commit;
    const record: Unplaced = { position: null, commit: id, client, actor, time, meta, events: reconciled.events };
    foldRecord(this.domain, this.#overlay, record);
    return { commit, forecast: { events: reconciled.events } };
  }

  #window(commit: Commit, stream: string): StreamWindow {
    return { current: this.#overlay.stream(stream), from: lowestSeen(commit).get(stream) ?? 0, since: this.#recent.get(stream) ?? [], authored: null };
  }

  #newOverlay(): OverlayRows {
    return new OverlayRows(this.confirmed, (projection, key) => this.#touch(projection, key));
  }

  #touch(projection: string, key: string): void {
    this.#changes.touch(projection, key, this.#overlay.entry(projection, key));
  }

  #watch(commit: Commit): void {
    for (const stream of streamsOf(commit)) if (!this.#recent.has(stream)) this.#recent.set(stream, []);
  }

  #remember(record: CommitRecord): void {
    for (const [n, { stream }] of record.events.entries()) {
      const recent = this.#recent.get(stream);
      const event = recent && readableEvent(this.domain, record, n);
      if (event) recent.push(event);
    }
  }
}

/** A record ends only a commit of its own actor: ids are unique in a log, whoever sends them. */
export function endsCommit(record: CommitRecord, commit: Commit): boolean {
  return record.commit === commit.id && record.actor === commit.actor;
}
