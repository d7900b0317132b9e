/**
 * Snapshots of long streams: a state and its version, from which the next read of the stream begins.
 *
 *     a read that folded 100 or more events ── the log's next append ──> row of the follower `snapshots`
 *
 * A snapshot only saves work. A server without it, or with one that it ignores, reads the same state.
 *
 * Guarantees (snapshots.test.ts):
 * - A snapshot of another fold, of a version that the stream does not have, or without a readable text is ignored.
 * - A snapshot names the mark of the last record that it contains. Without this record in the log it is ignored, so a
 *   history that a restore lost has no effect (snapshots.partial-restore.test.ts).
 * - Snapshots are written in the transaction of an append, and have the states after it.
 * - A state that JSON would change has no snapshot.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { aggregateVersions } from "../../core/fold/identity.ts";
import type { Cursor } from "../../core/history/record.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { findUnstorable } from "../../core/values/find-unstorable.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import { aggregateOf } from "../../core/values/names.ts";
import type { LogTurn } from "../stores/event-store.ts";
import { type ModelWrite, ROW_BYTES_MAX } from "../stores/model-store.ts";
import { keyRange, readPages } from "../stores/read-keys.ts";
import type { KnownStream } from "./stream-cache.ts";

/** The follower whose rows are the snapshots of a log, by stream. */
const FOLLOWER = "snapshots";
const TABLE = "states";
/** Events that a read must fold before a snapshot of their stream is written. */
export const SNAPSHOT_EVENTS = 100;
/** Snapshots in one append. Others wait for a later read of their stream. */
const WRITTEN_MAX = 8;

type StoredSnapshot = {
  /** The aggregate with the version of its fold. */
  readonly fold: string;
  readonly version: number;
  /** The mark of the record with the event of this version. */
  readonly mark: string;
  readonly state: Json;
  readonly authors: readonly (readonly [author: string, version: number])[] | null;
};

/** The snapshots of some streams, and the revision of their follower. */
export type Snapshots = { readonly revision: number; readonly streams: ReadonlyMap<StreamName, KnownStream> };

export const NO_SNAPSHOTS: Snapshots = { revision: 0, streams: new Map() };

type SnapshotSource = { readonly store: LogTurn; readonly log: LogName; readonly domain: DomainDefinition };

/** Reads the snapshots of streams. A stream without a usable snapshot has no entry. */
export async function readSnapshots(
  { store, log, domain }: SnapshotSource,
  streams: Iterable<StreamName>,
): Promise<Snapshots> {
  if (!store.models) return NO_SNAPSHOTS;
  const known = new Map<StreamName, KnownStream>();
  let revision = 0;
  for await (const page of readPages(store.models, log, FOLLOWER, TABLE, keyRange([...streams]))) {
    revision ||= page?.follower.revision ?? 0;
    for (const [stream, text] of page?.rows ?? []) {
      const snapshot = parseSnapshot(text);
      if (snapshot?.fold !== foldOf(domain, stream)) continue;
      const { version, mark, state, authors } = snapshot;
      known.set(stream, { state: { version, state, unreadable: null }, mark, authors: authors && new Map(authors) });
    }
  }
  return { revision, streams: known };
}

/** Adds snapshots of long streams to the write of an append that ends at `head`. */
export function withSnapshots(
  write: ModelWrite | undefined,
  head: Cursor | null,
  domain: DomainDefinition,
  { revision, streams }: Snapshots,
): ModelWrite | undefined {
  const set: [string, string][] = [];
  for (const [stream, { state: at, mark, authors }] of streams) {
    if (at.unreadable || mark === null || set.length >= WRITTEN_MAX) continue;
    const { version, state } = at;
    // Otherwise, the next read of the stream would begin at another state.
    if (findUnstorable(state)) continue;
    const fold = foldOf(domain, stream);
    const snapshot: StoredSnapshot = { fold, version, mark, state, authors: authors && [...authors] };
    const text = JSON.stringify(snapshot);
    if (!exceedsBytes(text, ROW_BYTES_MAX)) set.push([stream, text]);
  }
  if (set.length === 0) return write;
  const next = { at: head, text: "{}", wake: null, tables: { [TABLE]: "keep" } } as const;
  return {
    // It may have statements of SQL models too.
    ...write,
    followers: [...(write?.followers ?? []), { name: FOLLOWER, revision, next }],
    rows: [...(write?.rows ?? []), { follower: FOLLOWER, table: TABLE, set, remove: [] }],
  };
}

function foldOf(domain: DomainDefinition, stream: StreamName): string {
  return aggregateVersions(domain, [aggregateOf(stream)]);
}

/** The snapshot of a stored text. Null: this release cannot read it. */
function parseSnapshot(text: string | null): StoredSnapshot | null {
  if (text === null) return null;
  try {
    const parsed = parseOwnJson<Partial<StoredSnapshot> | null>(text);
    const { fold, version, mark, state, authors } = parsed ?? {};
    // Snapshots of former releases have no mark.
    if (typeof fold !== "string" || typeof mark !== "string") return null;
    if (!Number.isSafeInteger(version) || version === undefined || version < 1) return null;
    if (state === undefined || authors === undefined || (authors !== null && !Array.isArray(authors))) return null;
    return { fold, version, mark, state, authors };
  } catch {
    return null;
  }
}
