/**
 * A tab's copy of its store in memory: the replica, the pending commits, the rejections.
 *
 * Guarantees:
 * - Memory is one snapshot of the store plus this tab's own writes since. It may be older than the store, and never a
 *   mixture (test "LocalLog.load: a log that another tab cuts back meanwhile is loaded as it is then").
 * - Only the methods of `LocalLog` change it.
 * - A raised generation, and rows that another tab replaced, invalidate everything: `refresh` returns null, and the
 *   engine loads again.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { StorageLostError } from "../../core/values/errors.ts";
import type { Decided } from "../../core/decide/reconcile-commit.ts";
import { type CommitRecord, lastPosition, positionOf } from "../../core/history/record.ts";
import { Replica } from "../../core/replica/replica.ts";
import {
  type ConfirmedBatch,
  type LogStore,
  type PendingEntry,
  type Refresh,
  type RejectionEntry,
  stillDropped,
  type StoredRows,
  type StoreHead,
} from "../stores/log-store.ts";
import { storageLost } from "../stores/storage-errors.ts";
import { readConfirmed, recordsBehind } from "./confirmed-records.ts";
import type { ConfirmPlan } from "./plan-confirmation.ts";
import type { OnProgress } from "../messages/worker-messages.ts";
import { replaceRowCache, restoreRows, RowCache } from "./row-cache.ts";

/** A pending commit that settled since the last refresh. `arrived` is null when no record of the refresh shows how. */
export type SettledEntry = {
  readonly entry: PendingEntry;
  readonly arrived: { readonly outcome: "accepted" | "rebased"; readonly position: number } | null;
};

/** How often loading starts again because another tab cut the log back meanwhile. */
export const LOADS_MAX = 10;
/** Records that a rebuild folds before commands get their turn. A record may have 100 events and more. */
const FOLDED_TOGETHER = 16;

export class LocalLog {
  readonly store: LogStore;
  readonly replica: Replica;
  readonly rows: RowCache;
  #head: StoreHead;
  /** Pending entries by commit id, in the order in which they were made. */
  readonly #entries = new Map<string, PendingEntry>();
  /** The last entries, decided and not written yet. They may not leave this tab, because they can still be undone. */
  #unwritten = 0;
  #rejections: readonly RejectionEntry[] = [];

  /** Reads everything: stored rows, then the log behind them, then what is pending. */
  static async load(domain: DomainDefinition, store: LogStore, rows: RowCache, now: number): Promise<LocalLog> {
    for (let load = 0; load < LOADS_MAX; load++) {
      const local = new LocalLog(domain, store, rows, await store.head());
      const stored = await store.readRows();
      restoreRows(domain, local.replica, stored, rows);
      if (await local.#load(now, stored)) return local;
    }
    throw cutBackTooOften();
  }

  /**
   * Folds the log from its beginning, beside the log that is in use. Returns null if another tab cut the log back or
   * replaced its rows meanwhile.
   */
  static async fold(
    domain: DomainDefinition,
    store: LogStore,
    now: number,
    onProgress: OnProgress,
  ): Promise<LocalLog | null> {
    const local = new LocalLog(domain, store, new RowCache(), await store.head());
    return (await local.#load(now, null, onProgress)) ? local : null;
  }

  private constructor(domain: DomainDefinition, store: LogStore, rows: RowCache, head: StoreHead) {
    this.store = store;
    this.rows = rows;
    this.replica = new Replica(domain, (table, key) => rows.touch(table, key));
    this.#head = head;
  }

  /** As of the last refresh, and this tab's writes since. */
  get head(): StoreHead {
    return this.#head;
  }

  get entries(): ReadonlyMap<string, PendingEntry> {
    return this.#entries;
  }

  /** Pending entries that are durable, in the order in which they were made. */
  get written(): readonly PendingEntry[] {
    return [...this.#entries.values()].slice(0, this.writtenCount);
  }

  get writtenCount(): number {
    return this.#entries.size - this.#unwritten;
  }

  get rejections(): readonly RejectionEntry[] {
    return this.#rejections;
  }

  /**
   * Adds a commit that was decided here and is not durable yet, so that the next command is decided on its result.
   * If adding throws, memory is as before.
   */
  appendUnwritten(commit: Commit, undo: PendingEntry["undo"], now: number, decided: Decided | null): PendingEntry {
    const n = this.#head.pendingTail + this.#unwritten + 1;
    const entry = { n, at: this.replica.cursor, commit, undo };
    try {
      this.#add(entry, now, decided);
    } catch (error) {
      this.#remove(new Set([commit.id]), now);
      throw error;
    }
    this.#unwritten++;
    return entry;
  }

  /** The append succeeded: what was unwritten is durable, and these rejections are settled. */
  keepUnwritten(settledRejections: Iterable<string>): void {
    this.#head = { ...this.#head, pendingTail: this.#head.pendingTail + this.#unwritten };
    this.#unwritten = 0;
    this.#removeRejections(new Set(settledRejections));
  }

  /** The append failed, or another tab was first: memory is as before `appendUnwritten`. */
  undoUnwritten(now: number): void {
    const ids = [...this.#entries.keys()].slice(this.writtenCount);
    this.#unwritten = 0;
    this.#remove(new Set(ids), now);
  }

  /** Replaces the stored rows by the rows of this log. Returns false if the store moved. */
  async replaceRows(): Promise<boolean> {
    if (!(await replaceRowCache(this.replica.domain, this.replica, this.rows, this.store, this.#head))) return false;
    if (this.#head.cursor) this.#head = { ...this.#head, rebuilds: this.#head.rebuilds + 1 };
    return true;
  }

  /** Applies a confirmation that is durable. */
  applyConfirmation({ confirmation: { settled, rejected }, records }: ConfirmPlan, now: number): void {
    this.replica.apply(records, now);
    this.#remove(new Set([...settled, ...rejected].map(({ commit }) => commit.id)), now);
    const { cursor } = this.replica;
    this.#head = { ...this.#head, cursor, droppedEnd: stillDropped(this.#head.droppedEnd, cursor) };
    this.#removeRejections(new Set(settled.map(({ commit }) => commit.id)));
    this.#rejections = [...this.#rejections, ...rejected];
  }

  /**
   * Reads the writes of other tabs. Returns the commits that settled, or null after a divergence: then the engine loads
   * again.
   */
  async refresh(now: number): Promise<readonly SettledEntry[] | null> {
    const settled: SettledEntry[] = [];
    for (let more = true; more;) {
      const refresh = await this.store.refresh({
        position: positionOf(this.replica.cursor),
        pendingTail: this.#head.pendingTail,
      });
      if (!this.#isSame(refresh.head)) return null;
      const numbers = new Set(refresh.pendingNumbers);
      for (const { commit, record, outcome } of this.replica.apply(this.#recordsOf(refresh.batches), now)) {
        const entry = this.#entries.get(commit.id);
        // A displaced leader wrote the record and did not know the commit. So the commit is still queued, and is pushed
        // once more.
        if (entry && !numbers.has(entry.n)) this.#entries.delete(commit.id);
        if (entry) settled.push({ entry, arrived: { outcome, position: lastPosition(record) } });
      }
      more = refresh.more;
      if (!more) for (const gone of await this.#replacePending(refresh, numbers, now)) settled.push(gone);
    }
    return settled;
  }

  /**
   * False: another tab cut the log back or replaced the rows between two reads. Rows of one history must not be folded
   * with records of another.
   */
  async #load(now: number, rows: StoredRows | null, onProgress?: OnProgress): Promise<boolean> {
    for (let more = true; more;) {
      const refresh = await this.store.refresh({ position: positionOf(this.replica.cursor), pendingTail: 0 });
      if (!this.#isSame(refresh.head)) return false;
      if (this.replica.cursor === null && refresh.base !== null) {
        // Without the rows of the base, the records behind it show nothing. A tab of a newer release may use them now.
        if ((rows?.version ?? 0) > this.replica.domain.version) throw storageLost("newer-layout");
        // The rows are damaged, or of an older release. The head remembers the end of the log, so that a server that
        // lost it gets the settled commits again. A fold has read no rows, so it cannot know whether they are.
        if (!onProgress)
          await this.store.cutBack(refresh.head, null, refresh.pending, refresh.head.cursor ?? undefined);
        return false;
      }
      const records = this.#recordsOf(refresh.batches);
      for (let n = 0; n < records.length; n += FOLDED_TOGETHER) {
        this.replica.apply(records.slice(n, n + FOLDED_TOGETHER), now);
        // Waits for the page, so that commands get their turn between two parts.
        await onProgress?.({ done: positionOf(this.replica.cursor), of: positionOf(refresh.head.cursor) });
      }
      more = refresh.more;
      if (more) continue;
      this.#head = refresh.head;
      await this.#addStored(refresh.pending, now);
    }
    this.#rejections = await this.store.readRejections();
    this.replica.takeDelta();
    return true;
  }

  /** False: what this tab has in memory is of another history, or of rows that were replaced. */
  #isSame({ generation, rebuilds }: StoreHead): boolean {
    return generation === this.#head.generation && rebuilds === this.#head.rebuilds;
  }

  #recordsOf(batches: readonly ConfirmedBatch[]): readonly CommitRecord[] {
    const position = positionOf(this.replica.cursor);
    const records = batches.flatMap((batch) => recordsBehind(batch, position));
    const first = records[0];
    if (first && first.position !== position + 1) {
      throw new StorageLostError({
        message: `The stored log has a hole: position ${first.position} follows ${position}`,
        fix: "Reload. If it stays, export pending work with log.export(), then call deleteLog with losePending.",
      });
    }
    return records;
  }

  async #replacePending(refresh: Refresh, numbers: ReadonlySet<number>, now: number): Promise<SettledEntry[]> {
    // Read the rejections before anything changes. If that fails, the next refresh must find the same differences.
    const known = new Set(this.#rejections.map(({ commit }) => commit.id));
    const isSame = known.size === refresh.rejectionIds.length && refresh.rejectionIds.every((id) => known.has(id));
    const rejections = isSame ? this.#rejections : await this.store.readRejections();
    const gone = [...this.#entries.values()].filter((entry) => !numbers.has(entry.n));
    this.#remove(new Set(gone.map(({ commit }) => commit.id)), now);
    await this.#addStored(refresh.pending, now);
    this.#head = refresh.head;
    this.#rejections = rejections;
    return gone.map((entry) => ({ entry, arrived: null }));
  }

  /** Adds pending entries of the store. Before that, the replica hears of events that came after they were made. */
  async #addStored(entries: readonly PendingEntry[], now: number): Promise<void> {
    const end = positionOf(this.replica.cursor);
    // A spread into a call fails for a queue or an import of some 65,000 items, because engines limit the arguments.
    const from = entries.reduce((least, { at }) => Math.min(least, positionOf(at)), end);
    if (from < end) {
      const records: CommitRecord[] = [];
      for await (const page of readConfirmed(this.store, from))
        for (const record of page) if (lastPosition(record) <= end) records.push(record);
      this.replica.recall(
        records,
        entries.map(({ commit }) => commit),
      );
    }
    for (const entry of entries) if (!this.#entries.has(entry.commit.id)) this.#add(entry, now, null);
  }

  #add(entry: PendingEntry, now: number, decided: Decided | null): void {
    this.#entries.set(entry.commit.id, entry);
    this.replica.add(entry.commit, now, decided);
  }

  #remove(commitIds: ReadonlySet<string>, now: number): void {
    for (const id of commitIds) this.#entries.delete(id);
    this.replica.remove(commitIds, now);
  }

  #removeRejections(commitIds: ReadonlySet<string>): void {
    if (commitIds.size > 0) this.#rejections = this.#rejections.filter(({ commit }) => !commitIds.has(commit.id));
  }
}

export function cutBackTooOften(): StorageLostError {
  return new StorageLostError({
    message: "The log was cut back again and again while it was loaded",
    fix: "Close other tabs of this log and open it again.",
  });
}
