/**
 * States of streams that were folded lately, because folding them again for each push would be slow.
 *
 * Guarantees (test/unit/sync-server/streams/stream-cache.test.ts):
 * - `get` returns only states of exactly the requested head.
 * - A server with a cache decides like a server without a cache.
 * - The number of logs and streams and the rough size of all states are bounded.
 */
import type { StreamState } from "../../core/fold/fold.ts";
import type { Json } from "../../core/values/json.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";

/** The current state of a stream, and its authors. */
export type KnownStream = {
  readonly state: StreamState;
  /** The mark of the record with the stream's last event. Null: the stream has no event. */
  readonly mark: string | null;
  /** The version of each author's last event. Null if there are too many authors to remember. */
  readonly authors: ReadonlyMap<string, number> | null;
};

export type StreamCache = {
  readonly get: (log: LogName, head: Cursor | null) => ReadonlyMap<string, KnownStream>;
  /** Returns the head of the states of a log. Undefined: there are none. */
  readonly head: (log: LogName) => Cursor | null | undefined;
  /** Moves a log to a new head. States known at `from` stay, unless `streams` replaces them. */
  readonly put: (
    log: LogName,
    from: Cursor | null,
    head: Cursor | null,
    streams: ReadonlyMap<string, KnownStream>,
  ) => void;
  readonly drop: (log: LogName) => void;
};

const LOGS_MAX = 200;
const STREAMS_PER_LOG_MAX = 500;
/** The share of a bound that stays if a log exceeds it. To forget one stream for each append costs more. */
const KEPT_SHARE = 0.8;
/** Values in a state, at most: about 100 KB. A larger state is folded again each time. */
const STATE_VALUES_MAX = 2_000;
/** Values in all kept states of one log, and of all logs: about 50 MB. */
const LOG_VALUES_MAX = 50_000;
const VALUES_MAX = 1_000_000;

type Entry = KnownStream & { readonly values: number };
type Kept = { readonly head: Cursor | null; readonly streams: Map<string, Entry>; values: number };

const NOTHING: ReadonlyMap<string, KnownStream> = new Map();

export function createStreamCache(): StreamCache {
  const logs = new Map<string, Kept>();
  let total = 0;
  const drop = (log: LogName): void => {
    total -= logs.get(log)?.values ?? 0;
    logs.delete(log);
  };
  return {
    get: (log, head) => {
      const kept = logs.get(log);
      return kept && sameCursor(kept.head, head) ? kept.streams : NOTHING;
    },
    head: (log) => logs.get(log)?.head,
    put: (log, from, head, streams) => {
      const before = logs.get(log);
      drop(log);
      const kept: Kept =
        before && sameCursor(before.head, from) ? { ...before, head } : { head, streams: new Map(), values: 0 };
      // Of many streams, only the last ones stay.
      let surplus = streams.size - STREAMS_PER_LOG_MAX;
      for (const [stream, known] of streams) {
        if (surplus-- > 0) forget(kept, stream);
        else keep(kept, stream, known);
      }
      if (exceeds(kept, 1))
        evictOldest(
          kept.streams,
          () => exceeds(kept, KEPT_SHARE),
          (stream) => forget(kept, stream),
        );
      logs.set(log, kept);
      total += kept.values;
      evictOldest(logs, () => logs.size > LOGS_MAX || total > VALUES_MAX, drop);
    },
    drop,
  };
}

/** True if the streams of a log exceed this share of their bounds. */
function exceeds({ streams, values }: Kept, share: number): boolean {
  return streams.size > STREAMS_PER_LOG_MAX * share || values > LOG_VALUES_MAX * share;
}

function forget(kept: Kept, stream: StreamName): void {
  const known = kept.streams.get(stream);
  if (!known) return;
  kept.values -= known.values;
  kept.streams.delete(stream);
}

/** Puts a stream behind all other streams, or removes it if its state is too large. */
function keep(kept: Kept, stream: StreamName, known: KnownStream): void {
  forget(kept, stream);
  const values = countValues(known.state.state) + (known.authors?.size ?? 0) + 1;
  if (values > STATE_VALUES_MAX) return;
  kept.streams.set(stream, { ...known, values });
  kept.values += values;
}

/** Counts the values of a state roughly. 64 characters of a text count as one. Stops above the limit. */
function countValues(state: Json): number {
  let count = 0;
  const waiting: Json[] = [state];
  for (let next = waiting.pop(); next !== undefined && count <= STATE_VALUES_MAX; next = waiting.pop()) {
    count += typeof next === "string" ? 1 + Math.floor(next.length / 64) : 1;
    if (typeof next === "object" && next !== null)
      for (const child of Object.values(next)) if (child !== undefined) waiting.push(child);
  }
  return count;
}
