/**
 * Folded tables as text: the rows of each projection and the states of all streams, packed in buckets.
 *
 * A device stores its rows in this form, and a server sends a base in it.
 *
 * Guarantees (packed-tables.test.ts, base.byte-equal.test.ts):
 * - The same records pack to the same bytes on a device and on a server, at once or in parts.
 * - A table is named with the versions that its rows depend on, so that rows of other code are never used.
 */
import type { DomainDefinition } from "../domain/definition.ts";
import type { Json } from "../values/json.ts";
import type { StreamState } from "./fold.ts";
import { aggregateVersions, projectionIdentity } from "./identity.ts";
import { type ConfirmedRows, STREAMS_TABLE } from "./rows.ts";

/** The rows of one bucket. The text is the JSON of `[[key, value], …]`. */
type Bucket = { readonly bucket: number; readonly text: string };

/** The buckets of one table that are not empty. */
export type PackedTable = { readonly table: string; readonly buckets: readonly Bucket[] };

/** Buckets of one table. With 10,000 rows a bucket has about 40, so one changed row costs a write of few kilobytes. */
export const BUCKETS = 256;

/** FNV-1a over UTF-16 units, because it is small, even enough, and equal on every device. */
export function bucketOf(key: string): number {
  return hashOf(key, 0x01000193) % BUCKETS;
}

/** 16 hexadecimal digits that show damage of a text. They protect against no attacker. */
export function textHash(text: string): string {
  return [0x01000193, 0x5bd1e995].map((factor) => hashOf(text, factor).toString(16).padStart(8, "0")).join("");
}

function hashOf(text: string, factor: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), factor);
  return hash >>> 0;
}

/** The packed name of each table: with the versions of the projections and aggregates that folded it. */
export function tableNames(domain: DomainDefinition): ReadonlyMap<string, string> {
  const names = new Map([[STREAMS_TABLE, `${STREAMS_TABLE}<${aggregateVersions(domain, domain.aggregates.keys())}`]]);
  for (const projection of domain.projections.values())
    names.set(projection.name, projectionIdentity(domain, projection));
  return names;
}

/** Packs the tables. With `only`, it packs these buckets, also if they are empty. */
export function packTables(
  domain: DomainDefinition,
  rows: ConfirmedRows,
  only: ReadonlyMap<string, ReadonlySet<number>> | null = null,
): PackedTable[] {
  return [...tableNames(domain)].map(([table, name]) => {
    const wanted = only ? (only.get(table) ?? new Set<number>()) : null;
    const buckets = new Map<number, [string, Json | StreamState][]>([...(wanted ?? [])].map((bucket) => [bucket, []]));
    if (!wanted || wanted.size > 0) {
      for (const [key, row] of entriesOf(rows, table)) {
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

/** The tables of these names, with their buckets. */
export function tablesOf(
  names: readonly string[],
  buckets: Iterable<Bucket & { readonly table: string }>,
): readonly PackedTable[] {
  const tables = new Map(names.map((name): [string, Bucket[]] => [name, []]));
  for (const { table, bucket, text } of buckets) tables.get(table)?.push({ bucket, text });
  return [...tables].map(([table, of]) => ({ table, buckets: of }));
}

/**
 * Reads packed tables, and returns a function that fills empty rows with them. Null: they are damaged, or of other
 * versions than this code.
 */
export function unpackTables(
  domain: DomainDefinition,
  packed: readonly PackedTable[],
): ((rows: ConfirmedRows) => void) | null {
  const tables = tableNames(domain);
  const byName = new Map(packed.map((table) => [table.table, table]));
  if (byName.size !== tables.size || ![...tables.values()].every((name) => byName.has(name))) return null;
  const filled = new Map<string, ReadonlyMap<string, Json>>();
  let streams: ReadonlyMap<string, StreamState> = new Map();
  try {
    for (const [table, name] of tables) {
      const buckets = byName.get(name)?.buckets ?? [];
      if (table === STREAMS_TABLE) streams = entriesIn(name, buckets, isStreamState);
      else filled.set(table, entriesIn(name, buckets, isRow));
    }
  } catch {
    return null;
  }
  return (rows) => {
    for (const [stream, state] of streams) rows.streams.set(stream, state);
    for (const [table, entries] of filled) rows.tables.set(table, new Map(entries));
  };
}

/** The entries of a table. Throws for a damaged text. Of each value, it checks only what folding relies on. */
function entriesIn<Value>(
  table: string,
  buckets: PackedTable["buckets"],
  isValue: (value: unknown) => value is Value,
): ReadonlyMap<string, Value> {
  const all = new Map<string, Value>();
  for (const { text } of buckets) {
    const entries: unknown = JSON.parse(text);
    if (!Array.isArray(entries)) throw new Error(`A bucket of ${table} is damaged`);
    for (const entry of entries as readonly unknown[]) {
      const [key, value] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
      if (typeof key !== "string" || !isValue(value)) throw new Error(`A bucket of ${table} is damaged`);
      all.set(key, value);
    }
  }
  return all;
}

/** A value of a parsed text is JSON. */
function isRow(value: unknown): value is Json {
  return value !== undefined;
}

function isStreamState(value: unknown): value is StreamState {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    Number.isSafeInteger(value.version) &&
    "state" in value &&
    "unreadable" in value
  );
}

function entriesOf(rows: ConfirmedRows, table: string): Iterable<readonly [string, Json | StreamState]> {
  return table === STREAMS_TABLE ? rows.streams : (rows.tables.get(table) ?? []);
}
