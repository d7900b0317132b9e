/**
 * States of streams that were folded lately, so that a push need not fold them again.
 *
 * Place: the log writer gives it what a batch ended with, and takes from it what the next begins with.
 * Holds: what it gives stands exactly at the head it is asked for, or it gives nothing; nothing is correct because of
 * it, everything is only faster. Bounded in logs, streams and rough size.
 */
import type { StreamState } from "../../core/fold/fold.ts";
import type { Json } from "../../core/values/json.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { type Cursor, sameCursor } from "../../core/history/record.ts";

/** A stream as it stands, and who wrote it. */
export type KnownStream = {
  readonly state: StreamState;
  /** Version of the last event of each author; null where they are too many to remember. */
  readonly authors: ReadonlyMap<string, number> | null;
};

export type StreamCache = {
  readonly get: (log: string, head: Cursor | null) => ReadonlyMap<string, KnownStream>;
  /** What is known at a new head: all that was known at `from`, and what has changed. */
  readonly put: (
    log: string,
    from: Cursor | null,
    head: Cursor | null,
    streams: ReadonlyMap<string, KnownStream>,
  ) => void;
  readonly drop: (log: string) => void;
};

const LOGS_MAX = 200;
const STREAMS_PER_LOG_MAX = 500;
/** Values inside a state beyond which it is folded anew each time: some 100 KB. */
const STATE_VALUES_MAX = 2_000;
/** Values of all kept states of a log, and of all logs together: some 50 MB. */
const LOG_VALUES_MAX = 50_000;
const VALUES_MAX = 1_000_000;

type Entry = KnownStream & { readonly values: number };
type Kept = { readonly head: Cursor | null; readonly streams: Map<string, Entry>; values: number };

const NOTHING: ReadonlyMap<string, KnownStream> = new Map();

export function createStreamCache(): StreamCache {
  const logs = new Map<string, Kept>();
  let total = 0;
  const drop = (log: string): void => {
    total -= logs.get(log)?.values ?? 0;
    logs.delete(log);
  };
  return {
    get: (log, head) => {
      const kept = logs.get(log);
      return kept && sameCursor(kept.head, head) ? kept.streams : NOTHING;
    },
    put: (log, from, head, streams) => {
      const before = logs.get(log);
      drop(log);
      const kept: Kept =
        before && sameCursor(before.head, from) ? { ...before, head } : { head, streams: new Map(), values: 0 };
      for (const [stream, known] of streams) keep(kept, stream, known);
      const isOver = () => kept.streams.size > STREAMS_PER_LOG_MAX || kept.values > LOG_VALUES_MAX;
      evictOldest(kept.streams, isOver, (stream) => {
        kept.values -= kept.streams.get(stream)?.values ?? 0;
        kept.streams.delete(stream);
      });
      logs.set(log, kept);
      total += kept.values;
      evictOldest(logs, () => logs.size > LOGS_MAX || total > VALUES_MAX, drop);
    },
    drop,
  };
}

/** Puts a stream behind all others, or takes it out where its state is too large. */
function keep(kept: Kept, stream: string, known: KnownStream): void {
  kept.values -= kept.streams.get(stream)?.values ?? 0;
  kept.streams.delete(stream);
  const values = countValues(known.state.state) + (known.authors?.size ?? 0) + 1;
  if (values > STATE_VALUES_MAX) return;
  kept.streams.set(stream, { ...known, values });
  kept.values += values;
}

/** How much a state holds, roughly: a value, or 64 characters of a text. Stops counting where it is too much anyway. */
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
