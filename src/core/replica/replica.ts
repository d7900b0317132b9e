/**
 * A device's view of a log: confirmed records folded, pending commits folded over them.
 *
 * Place: the engine in the worker holds one and feeds it what the store and the server give; it knows neither.
 * Holds: rows always equal the fold of confirmed plus pending; the order in which outcomes and records arrive changes
 * nothing; applying records costs the new events plus the pending commits they bear on, never the length of the log. A pending commit
 * that the server would reject as things stand is not folded, and says so.
 * The idea of rebasing pending work on confirmed state is Replicache's; what is replayed here is the command, reconciled by the
 * same function that the server runs.
 */
import { type Commit, streamsOf } from "../history/commit.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import { BugError } from "../values/errors.ts";
import { foldRecord, type Parked, type StreamState } from "../fold/fold.ts";
import { type PendingCommit, PendingCommits } from "./pending-commits.ts";
import { RecentEvents } from "./recent-events.ts";
import { type Decided, isExpected } from "../decide/reconcile-commit.ts";
import { type CommitRecord, type Cursor, cursorOf, lastPosition, positionOf } from "../history/record.ts";
import {
  type BeforeWrite,
  ConfirmedRows,
  OverlayRows,
  PARKED_MAX,
  RowChanges,
  type RowDelta,
  type RowEntry,
  STREAMS_TABLE,
} from "../fold/rows.ts";

export { endsCommit, type PendingCommit } from "./pending-commits.ts";

/** A pending commit whose record has arrived. */
export type Arrived = {
  readonly commit: Commit;
  readonly record: CommitRecord;
  readonly outcome: "accepted" | "rebased";
};

export class Replica {
  readonly domain: DomainDefinition;
  readonly confirmed: ConfirmedRows;
  readonly #overlay: OverlayRows;
  readonly #recent: RecentEvents;
  readonly #work: PendingCommits;
  readonly #changes = new RowChanges();
  #cursor: Cursor | null = null;

  /** @param confirmedTouched told of each confirmed row and state that is written, for a store of rows */
  constructor(domain: DomainDefinition, confirmedTouched: BeforeWrite = () => {}) {
    this.domain = domain;
    this.confirmed = new ConfirmedRows(domain, (table, key) => {
      if (table !== STREAMS_TABLE) {
        this.#touch(table, key);
        this.#work.confirmedRowChanges(table, key);
      }
      confirmedTouched(table, key);
    });
    this.#overlay = new OverlayRows(this.confirmed, (projection, key) => this.#touch(projection, key));
    this.#recent = new RecentEvents(domain);
    this.#work = new PendingCommits(domain, this.confirmed, this.#overlay, (stream) => this.#recent.since(stream));
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get pending(): readonly PendingCommit[] {
    return this.#work.list;
  }

  /** Pending commits that the server would reject as things stand. */
  get doubtful(): readonly PendingCommit[] {
    return this.#work.doubtful;
  }

  /** What could not be folded, of confirmed events and of pending ones. */
  get parked(): { readonly count: number; readonly events: readonly Parked[] } {
    const events = [...this.confirmed.parked, ...this.#overlay.parked];
    return { count: this.confirmed.parkedCount + this.#overlay.parkedCount, events: events.slice(0, PARKED_MAX) };
  }

  /** Starts from stored rows and states instead of from position 0. Only before anything was applied. */
  restore(cursor: Cursor | null, fill: (confirmed: ConfirmedRows) => void): void {
    if (this.#cursor !== null || this.pending.length > 0)
      throw new BugError("A replica was restored after it had begun");
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
    const keys = new Set([
      ...(this.confirmed.tables.get(projection)?.keys() ?? []),
      ...(this.#overlay.tables.get(projection)?.keys() ?? []),
    ]);
    return [...keys].flatMap((key) => this.entry(projection, key) ?? []);
  }

  /** The rows that a reader sees differently since this was last called, or all that were touched: for who may have looked in between. */
  takeDelta(which: "changed" | "all touched" = "changed"): RowDelta[] {
    return this.#changes.take((projection, key) => this.#overlay.entry(projection, key), which);
  }

  /**
   * Applies the next confirmed records, ends the pending commits they stem from and reconciles again those that may come out
   * otherwise. The first record must follow the cursor.
   */
  apply(records: readonly CommitRecord[], now: number): Arrived[] {
    if (records.length === 0) return [];
    this.#requireNext(records);
    const arrived: Arrived[] = [];
    for (const record of records) {
      foldRecord(this.domain, this.confirmed, record);
      this.#recent.remember(record);
      this.#cursor = cursorOf(record);
      const commit = this.#work.confirmRecord(record);
      if (commit) arrived.push({ commit, record, outcome: isExpected(commit, record.events) ? "accepted" : "rebased" });
    }
    this.#rebase(
      arrived.map(({ commit }) => commit),
      now,
    );
    return arrived;
  }

  /**
   * Adds a commit made on this device behind those that are pending.
   *
   * @param decided what came of it when it was proposed on this replica, nothing having happened since: saves deciding it again
   */
  add(commit: Commit, now: number, decided: Decided | null = null): PendingCommit {
    this.#recent.watch(commit);
    return this.#work.add(commit, now, decided);
  }

  /** Ends pending commits that gave no record, or that a person withdrew. */
  remove(ids: ReadonlySet<string>, now: number): void {
    const ended = this.#work.remove(ids);
    if (ended.length > 0) this.#rebase(ended, now);
  }

  /**
   * Tells of confirmed events that came before the cursor and after a pending commit was made, so that its conflicts are seen
   * after a restart. To be called before `add`; what is known already may be among them.
   */
  recall(records: readonly CommitRecord[], pending: readonly Commit[]): void {
    for (const commit of pending) this.#recent.watch(commit);
    for (const record of records) this.#recent.remember(record);
  }

  #rebase(ended: readonly Commit[], now: number): void {
    for (const stream of new Set(ended.flatMap((commit) => [...streamsOf(commit)])))
      this.#recent.forget(stream, this.#work.lowestSeen(stream));
    this.#work.rebase(now);
  }

  /** Looked at before the first is folded: rows never show a part of a page. */
  #requireNext(records: readonly CommitRecord[]): void {
    let position = positionOf(this.#cursor);
    for (const record of records) {
      if (record.position !== position + 1)
        throw new BugError("A record does not follow the replica's cursor", {
          position: record.position,
          cursor: position,
        });
      position = lastPosition(record);
    }
  }

  #touch(projection: string, key: string): void {
    this.#changes.touch(projection, key, this.#overlay.entry(projection, key));
  }
}
