/**
 * Adds the records of other nodes to states that this node has folded, so that it does not read the streams again.
 *
 * Guarantees (stream-cache.test.ts):
 * - The result equals the states that `foldStored` reads from the store.
 * - Records that do not follow the states change nothing.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { StoredRecord } from "../stores/event-store.ts";
import { parseStored } from "../stores/stored-record.ts";
import { damaged, foldInto } from "./read-stream.ts";
import type { KnownStream } from "./stream-cache.ts";

/**
 * Returns the known streams that the records change, with their new states. A stream that is not known stays out.
 * Null: a record does not follow the known version of its stream, so the streams must be read again.
 */
export function advanceStreams(
  domain: DomainDefinition,
  known: ReadonlyMap<string, KnownStream>,
  records: readonly StoredRecord[],
): ReadonlyMap<string, KnownStream> | null {
  const advanced = new Map<string, KnownStream>();
  for (const stored of records) {
    const record = parseStored(stored);
    for (const { stream, first } of stored.streams) {
      const before = advanced.get(stream) ?? known.get(stream);
      if (!before) continue;
      if (before.state.version !== first - 1) return null;
      advanced.set(stream, record ? before : damaged(before, stored, stream));
    }
    if (record) foldInto(domain, advanced, record, (stream) => advanced.has(stream));
  }
  return advanced;
}
