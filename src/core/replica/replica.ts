/**
 * A device's view of a log: confirmed records folded, and pending commits folded over them. It is pure memory.
 *
 * Guarantees (test/unit/core/replica/replica.test.ts, replica.cost.test.ts):
 * - Rows equal the fold of all confirmed records and all pending commits.
 * - The order in which outcomes and records arrive changes nothing.
 * - Applying records costs the new events and the pending commits that they affect, never the length of the log.
 * - A pending commit that the server would reject now is not folded. It is in `doubtful`.
 *
 * Rebasing pending work on confirmed state is Replicache's idea. Dacapo replays the command, with the function that the
 * server decides with.
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
import type { StreamName } from "../values/ids.ts";

export { endsCommit, type PendingCommit } from "./pending-commits.ts";

/** A commit that was pending, and its record. */
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
  readonly #pending: PendingCommits;
  readonly #changes = new RowChanges();
  #cursor: Cursor | null = null;

  /** @param confirmedTouched called before each write of a confirmed row or state, for a store of rows */
  constructor(domain: DomainDefinition, confirmedTouched: BeforeWrite = () => {}) {
    this.domain = domain;
    this.confirmed = new ConfirmedRows(domain, (table, key) => {
      if (table !== STREAMS_TABLE) {
        this.#touch(table, key);
        this.#pending.confirmedRowChanges(table, key);
      }
      confirmedTouched(table, key);
    });
    this.#overlay = new OverlayRows(this.confirmed, (projection, key) => this.#touch(projection, key));
    this.#recent = new RecentEvents(domain);
    this.#pending = new PendingCommits(domain, this.confirmed, this.#overlay, (stream) => this.#recent.since(stream));
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get pending(): readonly PendingCommit[] {
    return this.#pending.list;
  }

  /** Pending commits that the server would reject now. */
  get doubtful(): readonly PendingCommit[] {
    return this.#pending.doubtful;
  }

  /** The confirmed and pending events that could not be folded. */
  get parked(): { readonly count: number; readonly events: readonly Parked[] } {
    const events = [...this.confirmed.parked, ...this.#overlay.parked];
    return { count: this.confirmed.parkedCount + this.#overlay.parkedCount, events: events.slice(0, PARKED_MAX) };
  }

  /** Starts from stored rows and states instead of position 0. Throws if a record or a commit was added before. */
  restore(cursor: Cursor | null, fill: (confirmed: ConfirmedRows) => void): void {
    if (this.#cursor !== null || this.pending.length > 0)
      throw new BugError("A replica with records or commits was restored");
    fill(this.confirmed);
    this.#cursor = cursor;
  }

  /** The optimistic state of a stream: confirmed and pending. */
  stream(stream: StreamName): StreamState {
    return this.#overlay.stream(stream);
  }

  /** The version of a stream without pending events. */
  confirmedVersion(stream: StreamName): number {
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

  /**
   * The rows that a reader sees differently since the last call. `all touched` also returns touched rows that are equal
   * again, because a reader may have read them in between.
   */
  takeDelta(which: "changed" | "all touched" = "changed"): RowDelta[] {
    return this.#changes.drain((projection, key) => this.#overlay.entry(projection, key), which);
  }

  /**
   * Applies the next confirmed records, settles the pending commits that they come from, and reconciles again the
   * commits that may come out differently. The first record must follow the cursor.
   */
  apply(records: readonly CommitRecord[], now: number): Arrived[] {
    if (records.length === 0) return [];
    this.#requireNext(records);
    const arrived: Arrived[] = [];
    for (const record of records) {
      foldRecord(this.domain, this.confirmed, record);
      this.#recent.remember(record);
      this.#cursor = cursorOf(record);
      const commit = this.#pending.confirmRecord(record);
      if (commit) arrived.push({ commit, record, outcome: isExpected(commit, record.events) ? "accepted" : "rebased" });
    }
    this.#rebase(
      arrived.map(({ commit }) => commit),
      now,
    );
    return arrived;
  }

  /**
   * Adds a commit of this device behind the other pending commits.
   *
   * @param decided the outcome of proposing it on this replica, if nothing has changed since: saves deciding it again
   */
  add(commit: Commit, now: number, decided: Decided | null = null): PendingCommit {
    this.#recent.watch(commit);
    return this.#pending.add(commit, now, decided);
  }

  /** Removes pending commits that have no record, or that a person withdrew. */
  remove(ids: ReadonlySet<string>, now: number): void {
    const gone = this.#pending.remove(ids);
    if (gone.length > 0) this.#rebase(gone, now);
  }

  /**
   * Adds confirmed events from before the cursor that a pending commit has not seen, because its conflicts must be seen
   * after a restart too. Must be called before `add`. Known events may be among them.
   */
  recall(records: readonly CommitRecord[], pending: readonly Commit[]): void {
    for (const commit of pending) this.#recent.watch(commit);
    for (const record of records) this.#recent.remember(record);
  }

  #rebase(gone: readonly Commit[], now: number): void {
    for (const stream of new Set(gone.flatMap((commit) => [...streamsOf(commit)])))
      this.#recent.forget(stream, this.#pending.lowestSeen(stream));
    this.#pending.rebase(now);
  }

  /** Checked before the first record is folded, because rows must never show a part of a page. */
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
