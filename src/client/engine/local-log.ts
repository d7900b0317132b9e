/**
 * What a tab holds in memory of its store: the replica, the numbers of pending commits, the rejections.
 *
 * Place: between the store, which all tabs share, and the engine. Loading and refreshing read; nothing here writes.
 * Holds: memory is what one snapshot of the store gave, plus the tab's own appends since; never trusted to be the newest. A
 * generation that was raised elsewhere throws everything away and loads again.
 */
import type { Commit } from "../../core/history/commit.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { StorageLostError } from "../../core/values/errors.ts";
import type { Decided } from "../../core/decide/reconcile-commit.ts";
import { type CommitRecord, lastPosition, positionOf } from "../../core/history/record.ts";
import { Replica } from "../../core/replica/replica.ts";
import { recordsOf } from "../stores/batches.ts";
import type {
  ConfirmedBatch,
  LogStore,
  PendingEntry,
  Refresh,
  RejectionEntry,
  StoreHead,
} from "../stores/log-store.ts";
import { corruptRow } from "../stores/storage-errors.ts";
import { restoreRows, type RowCache } from "./row-cache.ts";

/** A pending commit that ended since the last look, and how, where its record tells. */
export type Ended = {
  readonly entry: PendingEntry;
  readonly arrived: { readonly outcome: "accepted" | "rebased"; readonly position: number } | null;
};

export type LocalLog = {
  readonly domain: DomainDefinition;
  readonly store: LogStore;
  readonly replica: Replica;
  readonly rows: RowCache;
  /** As of the last look. */
  head: StoreHead;
  /** Pending entries by commit id, in the order in which they were made. */
  readonly entries: Map<string, PendingEntry>;
  /** How many of them, the last ones, are decided and not yet written: nothing may leave this tab that could still be undone. */
  unwritten: number;
  rejections: readonly RejectionEntry[];
};

/** Times that loading begins again because histories parted meanwhile. */
const LOADS_MAX = 10;

/** Reads everything: stored rows, then the log behind them, then what is pending. */
export async function loadLocalLog(
  domain: DomainDefinition,
  store: LogStore,
  rows: RowCache,
  now: number,
): Promise<LocalLog> {
  for (let load = 0; load < LOADS_MAX; load++) {
    const local = await loadOnce(domain, store, rows, now);
    if (local) return local;
  }
  throw new StorageLostError({
    message: "The log was cut back again and again while it was read",
    fix: "Close other tabs of this log and open it again.",
  });
}

/** Null where the log was cut back between two looks: rows of one history must not be folded on with records of another. */
async function loadOnce(
  domain: DomainDefinition,
  store: LogStore,
  rows: RowCache,
  now: number,
): Promise<LocalLog | null> {
  const replica = new Replica(domain, (table, key) => rows.touch(table, key));
  const head = await store.head();
  restoreRows(domain, replica, await store.readRows(), rows);
  const local: LocalLog = { domain, store, replica, rows, head, entries: new Map(), unwritten: 0, rejections: [] };

  for (let more = true; more;) {
    const refresh = await store.refresh({ position: positionOf(replica.cursor), pendingTail: 0 });
    if (refresh.head.generation !== head.generation) return null;
    applyBatches(local, refresh.batches, now);
    more = refresh.more;
    if (more) continue;
    local.head = refresh.head;
    await recall(local, refresh.pending);
    for (const entry of refresh.pending) addEntry(local, entry, now);
  }
  local.rejections = await store.readRejections();
  replica.takeDelta();
  return local;
}

/**
 * Reads what others wrote since the last look. Gives the commits that ended meanwhile, or null where histories parted: then
 * the local log must be loaded anew.
 */
export async function refreshLocalLog(local: LocalLog, now: number): Promise<readonly Ended[] | null> {
  const ended: Ended[] = [];
  for (let more = true; more;) {
    const refresh = await local.store.refresh({
      position: positionOf(local.replica.cursor),
      pendingTail: local.head.pendingTail,
    });
    if (refresh.head.generation !== local.head.generation) return null;
    const standing = new Set(refresh.pendingNumbers);
    for (const arrived of applyBatches(local, refresh.batches, now)) {
      const entry = local.entries.get(arrived.commit.id);
      // A leader that was displaced wrote the record without knowing of the commit: it still stands in the queue, and is pushed once more to end.
      if (entry && !standing.has(entry.n)) local.entries.delete(arrived.commit.id);
      if (entry) ended.push({ entry, arrived: { outcome: arrived.outcome, position: lastPosition(arrived.record) } });
    }
    more = refresh.more;
    if (!more) ended.push(...(await takePending(local, refresh, now)));
  }
  return ended;
}

/** Puts a commit that stands in the store, or is about to, behind those that are pending here. */
export function addEntry(local: LocalLog, entry: PendingEntry, now: number, decided: Decided | null = null): void {
  local.entries.set(entry.commit.id, entry);
  local.replica.add(entry.commit, now, decided);
}

/**
 * The records of a confirmed text that lie behind a position.
 *
 * The text was checked in full before it was stored. What is looked at again is what folding takes for granted: a text that a disk
 * has damaged is said to be so, whatever it damaged.
 */
export function recordsBehind(batch: ConfirmedBatch, position: number): readonly CommitRecord[] {
  const records = recordsOf(batch);
  for (const record of records)
    if (!isFoldable(record))
      throw corruptRow("confirmed", batch.cursor.position, `has a damaged record at position ${record.position}`);
  return records[0] && records[0].position > position
    ? records
    : records.filter((record) => record.position > position);
}

function isFoldable({ commit, client, actor, events }: CommitRecord): boolean {
  return (
    [commit, client, actor].every((text) => typeof text === "string") &&
    events.every(
      (event) =>
        typeof event?.stream === "string" && typeof event.type === "string" && typeof event.version === "number",
    )
  );
}

/** All confirmed records behind a position, page by page. */
export async function* readConfirmed(store: LogStore, position: number): AsyncGenerator<readonly CommitRecord[]> {
  for (let at = position, more = true; more;) {
    const refresh = await store.refresh({ position: at, pendingTail: Number.MAX_SAFE_INTEGER });
    for (const batch of refresh.batches) {
      yield recordsBehind(batch, at);
      at = batch.cursor.position;
    }
    more = refresh.more;
  }
}

function applyBatches(local: LocalLog, batches: readonly ConfirmedBatch[], now: number) {
  const records = batches.flatMap((batch) => recordsBehind(batch, positionOf(local.replica.cursor)));
  const first = records[0];
  if (first && first.position !== positionOf(local.replica.cursor) + 1) {
    throw new StorageLostError({
      message: `The stored log has a hole: position ${first.position} follows ${positionOf(local.replica.cursor)}`,
      fix: "Reload. If it stays, the browser lost part of the site's data: export pending work, then reset the log.",
    });
  }
  return local.replica.apply(records, now);
}

async function takePending(local: LocalLog, refresh: Refresh, now: number): Promise<Ended[]> {
  const standing = new Set(refresh.pendingNumbers);
  const gone = [...local.entries.values()].filter((entry) => !standing.has(entry.n));
  local.replica.remove(new Set(gone.map(({ commit }) => commit.id)), now);
  for (const { commit } of gone) local.entries.delete(commit.id);
  await recall(local, refresh.pending);
  for (const entry of refresh.pending) if (!local.entries.has(entry.commit.id)) addEntry(local, entry, now);
  local.head = refresh.head;
  const known = new Set(local.rejections.map(({ commit }) => commit.id));
  if (known.size !== refresh.rejectionIds.length || refresh.rejectionIds.some((id) => !known.has(id))) {
    local.rejections = await local.store.readRejections();
  }
  return gone.map((entry) => ({ entry, arrived: null }));
}

/** Tells the replica of events that came after a pending commit was made and before it is added here. */
async function recall(local: LocalLog, pending: readonly PendingEntry[]): Promise<void> {
  const from = Math.min(...pending.map((entry) => positionOf(entry.at)));
  const commits: readonly Commit[] = pending.map((entry) => entry.commit);
  if (from >= positionOf(local.replica.cursor)) return;
  const records: CommitRecord[] = [];
  for await (const page of readConfirmed(local.store, from))
    records.push(...page.filter((record) => lastPosition(record) <= positionOf(local.replica.cursor)));
  local.replica.recall(records, commits);
}
