/**
 * Stored rows: folded tables packed in buckets, so that a tab opens without folding the whole log.
 *
 * Guarantees:
 * - It is only a cache, of one checkpoint and of one version of each projection and aggregate (L8).
 * - If anything about it does not fit, the tab ignores it and folds the log.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { StreamState } from "../../core/fold/fold.ts";
import { aggregateVersions, projectionIdentity } from "../../core/fold/identity.ts";
import type { Json } from "../../core/values/json.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Replica } from "../../core/replica/replica.ts";
import { STREAMS_TABLE } from "../../core/fold/rows.ts";
import type { LogStore, StoredRows, StoredTable } from "../stores/log-store.ts";

/** Buckets of one table. With 10,000 rows a bucket has about 40, so one changed row costs a write of few kilobytes. */
export const BUCKETS = 256;

/** The buckets that changed since the rows were stored. */
export class RowCache {
  /** The checkpoint since which `touched` counts; undefined: all buckets must be written. */
  base: Cursor | null | undefined = undefined;
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
  cache.base = undefined;
  cache.touched.clear();
  const tables = tableNames(domain);
  const byName = new Map(stored?.tables.map((table) => [table.table, table]));
  if (!stored || byName.size !== tables.size || ![...tables.values()].every((name) => byName.has(name))) return;
  const filled = new Map<string, (readonly [string, Json])[]>();
  try {
    for (const [table, name] of tables)
      filled.set(
        table,
        (byName.get(name)?.buckets ?? []).flatMap(({ text }) => entriesIn(table, text)),
      );
  } catch {
    return; // A bucket is damaged. The log is folded, and that rebuilds all of them.
  }
  replica.restore(stored.checkpoint, (confirmed) => {
    for (const [table, entries] of filled) {
      if (table === STREAMS_TABLE)
        for (const [stream, state] of entries) confirmed.streams.set(stream, state as unknown as StreamState);
      else confirmed.tables.set(table, new Map(entries));
    }
  });
  cache.base = stored.checkpoint;
}

/** Writes the buckets that changed since the last time. If another tab wrote meanwhile, the next call writes all. */
export async function writeRowCache(
  domain: DomainDefinition,
  replica: Replica,
  cache: RowCache,
  store: LogStore,
  generation: number,
): Promise<void> {
  const { cursor, parked } = replica;
  // Parked events are missing in the rows. Without stored rows, a newer version that knows the events folds them in.
  if (cursor === null || parked.count > 0) return;
  const { base, touched } = cache;
  cache.touched = new Map();
  // If the write fails, the next one writes all.
  cache.base = undefined;
  const fresh = base === undefined;
  const rows: StoredRows = { checkpoint: cursor, tables: packTables(domain, replica, fresh ? null : touched) };
  const stored = fresh ? ((await store.readRows())?.checkpoint ?? null) : base;
  const written = await store.writeRows({ generation, checkpoint: stored }, rows, fresh);
  cache.base = written ? cursor : undefined;
}

/** The entries of a bucket. Throws for a damaged text. Of each value, it checks only what folding relies on. */
function entriesIn(table: string, text: string): readonly (readonly [string, Json])[] {
  const entries: unknown = JSON.parse(text);
  const isEntry = (entry: unknown): boolean =>
    Array.isArray(entry) &&
    typeof entry[0] === "string" &&
    (table === STREAMS_TABLE ? isStreamState(entry[1]) : entry[1] !== undefined);
  if (Array.isArray(entries) && entries.every(isEntry)) return entries as readonly (readonly [string, Json])[];
  throw new Error(`A bucket of ${table} is damaged`);
}

function isStreamState(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    Number.isSafeInteger(value.version) &&
    "state" in value &&
    "unreadable" in value
  );
}

/** The stored name of each table: with the versions of the projections and aggregates that folded it. */
function tableNames(domain: DomainDefinition): ReadonlyMap<string, string> {
  const names = new Map([[STREAMS_TABLE, `${STREAMS_TABLE}<${aggregateVersions(domain, domain.aggregates.keys())}`]]);
  for (const projection of domain.projections.values())
    names.set(projection.name, projectionIdentity(domain, projection));
  return names;
}

function packTables(
  domain: DomainDefinition,
  replica: Replica,
  only: ReadonlyMap<string, ReadonlySet<number>> | null,
): StoredTable[] {
  return [...tableNames(domain)].map(([table, name]) => {
    const wanted = only ? (only.get(table) ?? new Set<number>()) : null;
    const buckets = new Map<number, [string, Json | StreamState][]>([...(wanted ?? [])].map((bucket) => [bucket, []]));
    if (!wanted || wanted.size > 0) {
      for (const [key, row] of entriesOf(replica, table)) {
        const bucket = bucketOf(key);
        if (wanted && !wanted.has(bucket)) continue;
        const entries = buckets.get(bucket);
        if (entries) entries.push([key, row]);
        else buckets.set(bucket, [[key, row]]);
      }
    }
    return {
      table: name,
      buckets: [...buckets].map(([bucket, entries]) => ({ bucket, text: JSON.stringify(entries) })),
    };
  });
}

function entriesOf(replica: Replica, table: string): Iterable<readonly [string, Json | StreamState]> {
  return table === STREAMS_TABLE ? replica.confirmed.streams : (replica.confirmed.tables.get(table) ?? []);
}

/** FNV-1a over UTF-16 units, because it is small, even enough, and equal on every device. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}
