/**
 * The page's mirror of one row table, for synchronous reads.
 *
 * Place: filled once from the worker, then kept by deltas.
 * Holds: a delta that is older than the first filling is dropped, a newer one that came before it waits; `all()` gives the same array
 * until something changes, so that it can be compared by identity.
 */
import type { RowDelta, RowEntry } from "../../core/rows.ts";
import type { LiveRows, TypedRowEntry } from "../log-handle.ts";
import { liveValue } from "../live-value.ts";

export type RowMirror<Row> = LiveRows<Row> & {
  /** The rows as of an update; what comes before is in them. */
  readonly fill: (entries: readonly RowEntry[], seq: number) => void;
  readonly take: (delta: RowDelta, seq: number) => void;
  readonly failed: (error: Error) => void;
};

export function rowMirror<Row>(): RowMirror<Row> {
  const entries = new Map<string, TypedRowEntry<Row>>();
  const live = liveValue<readonly TypedRowEntry<Row>[]>([]);
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  // Awaiting `ready` is optional.
  ready.catch(() => {});
  let waiting: { readonly delta: RowDelta; readonly seq: number }[] | null = [];

  const sorted = () => [...entries.values()].sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  // The rows come from the projection whose handle the app passed: the type of its rows is the handle's.
  const put = (entry: RowEntry) => entries.set(entry.key, entry as TypedRowEntry<Row>);
  const apply = ({ set, removed }: RowDelta) => {
    for (const key of removed) entries.delete(key);
    for (const entry of set) put(entry);
  };

  let fresh = true;
  const all = () => {
    if (!fresh) {
      fresh = true;
      current = sorted();
    }
    return current;
  };
  let current: readonly TypedRowEntry<Row>[] = [];
  const changed = () => {
    fresh = false;
    live.set(current);
  };

  return {
    ready,
    get: all,
    all,
    row: (key) => entries.get(key),
    subscribe: (listener) => live.subscribe(() => listener(all())),
    fill(first, seq) {
      for (const entry of first) put(entry);
      for (const later of waiting ?? []) if (later.seq > seq) apply(later.delta);
      waiting = null;
      changed();
      resolve();
    },
    take(delta, seq) {
      if (waiting) {
        waiting.push({ delta, seq });
        return;
      }
      apply(delta);
      changed();
    },
    failed: reject,
  };
}
