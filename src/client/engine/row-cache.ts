/**
 * Stored rows: folded tables packed in buckets, so that a tab opens without folding the whole log.
 *
 * Guarantees:
 * - It is only a cache, of one checkpoint and of one version of each projection and aggregate (L8).
 * - If anything about it does not fit, the tab ignores it and folds the log.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { bucketOf, packTables, unpackTables } from "../../core/fold/packed-tables.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Replica } from "../../core/replica/replica.ts";
import type { LogStore, StoredRows, StoreHead } from "../stores/log-store.ts";

/** The buckets that changed since the rows were stored. */
export class RowCache {
  /** The checkpoint since which `touched` counts. Null: all buckets must be written. */
  checkpoint: Cursor | null = null;
  touched = new Map<string, Set<number>>();

  touch(table: string, key: string): void {
    let buckets = this.touched.get(table);
    if (!buckets) this.touched.set(table, (buckets = new Set()));
    buckets.add(bucketOf(key));
  }
}

/** Fills a new replica from stored rows if they fit this code. Otherwise the replica stays at the beginning. */
export function restoreRows(
  domain: DomainDefinition,
  replica: Replica,
  stored: StoredRows | null,
  cache: RowCache,
): void {
  cache.checkpoint = null;
  cache.touched.clear();
  // If a bucket is damaged, the log is folded, and that rebuilds all of them.
  const fill = stored && unpackTables(domain, stored.tables);
  if (!fill) return;
  replica.restore(stored.checkpoint, fill);
  cache.checkpoint = stored.checkpoint;
}

/** Writes the buckets that changed since the last time. If another tab wrote meanwhile, the next call writes all. */
export async function writeRowCache(
  domain: DomainDefinition,
  replica: Replica,
  cache: RowCache,
  store: LogStore,
  { generation, rebuilds }: StoreHead,
): Promise<void> {
  const { cursor, parked } = replica;
  // Parked events are missing in the rows. Without stored rows, a newer version that knows the events folds them in.
  if (cursor === null || parked.count > 0) return;
  const { checkpoint, touched } = cache;
  cache.touched = new Map();
  // If the write fails, the next one writes all.
  cache.checkpoint = null;
  const tables = packTables(domain, replica.confirmed, checkpoint && touched);
  const rows: StoredRows = { checkpoint: cursor, tables, version: domain.version };
  const stored = checkpoint ?? (await store.readRows())?.checkpoint ?? null;
  const written = await store.writeRows({ generation, rebuilds, checkpoint: stored }, rows, checkpoint === null);
  if (written) cache.checkpoint = cursor;
}

/**
 * Replaces the stored rows by those of a replica that was folded from the beginning. Returns false if the store moved.
 *
 * Parked events are missing in the rows. The store then gets no rows, and a tab that opens folds the log.
 */
export async function replaceRowCache(
  domain: DomainDefinition,
  replica: Replica,
  cache: RowCache,
  store: LogStore,
  head: StoreHead,
): Promise<boolean> {
  const { cursor, parked } = replica;
  if (cursor === null) return true;
  const tables = parked.count > 0 ? [] : packTables(domain, replica.confirmed);
  cache.touched.clear();
  cache.checkpoint = cursor;
  return store.replaceRows(head, { checkpoint: cursor, tables, version: domain.version });
}
