/**
 * Catching up with other nodes: what this node knows of a log moves to its new end, and only the new records are read.
 *
 * Guarantees (append-batch.two-nodes.test.ts):
 * - Nodes that write one log in turn read each record of another node once, and no stream again.
 * - If the log does not contain the end that this node knows (S5), everything known of it is dropped.
 */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { EventStore, LogHead, ReadLimit } from "../stores/event-store.ts";
import { advanceStreams } from "../streams/advance-streams.ts";
import type { StreamCache } from "../streams/stream-cache.ts";
import type { RecentRecords } from "./recent-records.ts";

/** The state of a log in the memory of a node. */
type LogKnowledge = {
  readonly log: LogName;
  readonly domain: DomainDefinition;
  readonly store: Pick<EventStore, "read">;
  readonly cache: StreamCache;
  readonly recentRecords: RecentRecords;
};

/** A node that missed more reads the streams that it needs again. */
const PAGE: ReadLimit = { events: 1_000, bytes: 1024 * 1024 };

/** Reads the records behind the known end of a log. Returns the new end. Null: nothing is known any more. */
export async function catchUp({ log, store, cache, recentRecords }: LogKnowledge): Promise<LogHead | null> {
  const after = recentRecords.end(log);
  const read = after && (await store.read(log, after, PAGE));
  if (read?.kind === "page") {
    const { records } = read;
    const head = records.at(-1)?.cursor ?? after;
    if (sameCursor(head, read.head)) {
      recentRecords.add(log, { after, records, head });
      return { kind: "open", cursor: head };
    }
  }
  cache.drop(log);
  recentRecords.drop(log);
  return null;
}

/** Moves the kept states of a log to a head, by the records that this node knows between. */
export function advanceCache({ log, domain, cache, recentRecords }: LogKnowledge, head: Cursor | null): void {
  const from = cache.head(log);
  if (from === undefined || sameCursor(from, head)) return;
  const records = recentRecords.between(log, from, head);
  const advanced = records && advanceStreams(domain, cache.get(log, from), records);
  if (advanced) cache.put(log, from, head, advanced);
}
