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

/** The buckets of one table that are not empty. Each text is the JSON of `[[key, value], …]`. */
export type PackedTable = {
  readonly table: string;
  readonly buckets: readonly { readonly bucket: number; readonly text: string }[];
};

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
  buckets: Iterable<{ readonly table: string; readonly bucket: number; readonly text: string }>,
): readonly PackedTable[] {
  const tables = new Map(names.map((name) => [name, [] as { bucket: number; text: string }[]]));
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
  const filled = new Map<string, (readonly [string, Json])[]>();
  try {
    for (const [table, name] of tables)
      filled.set(
        table,
        (byName.get(name)?.buckets ?? []).flatMap(({ text }) => entriesIn(table, text)),
      );
  } catch {
    return null;
  }
  return (rows) => {
    for (const [table, entries] of filled) {
      if (table === STREAMS_TABLE)
        for (const [stream, state] of entries) rows.streams.set(stream, state as unknown as StreamState);
      else rows.tables.set(table, new Map(entries));
    }
  };
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

function entriesOf(rows: ConfirmedRows, table: string): Iterable<readonly [string, Json | StreamState]> {
  return table === STREAMS_TABLE ? rows.streams : (rows.tables.get(table) ?? []);
}
