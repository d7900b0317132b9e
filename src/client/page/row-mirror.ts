/**
 * The page's mirror of one row table, for synchronous reads.
 *
 * Place: filled once from the worker, then kept by deltas.
 * Holds: a delta that is older than the first filling is dropped, a newer one that came before it waits; `all()` gives the same array
 * until something changes, so that it can be compared by identity. A change of few rows costs a copy of the array, not a sort.
 */
import type { RowDelta, RowEntry } from "../../core/fold/rows.ts";
import type { LiveRows, TypedRowEntry } from "./log-handle.ts";
import { liveValue } from "./live-value.ts";

export type RowMirror<Row> = LiveRows<Row> & {
  /** The rows as of an update; what comes before is in them. */
  readonly fill: (entries: readonly RowEntry[], seq: number) => void;
  readonly apply: (delta: RowDelta, seq: number) => void;
  readonly fail: (error: Error) => void;
};

/** Rows that are put in their places one by one; with more, all are sorted. */
const PATCH_MAX = 64;

export function rowMirror<Row>(): RowMirror<Row> {
  const entries = new Map<string, TypedRowEntry<Row>>();
  const live = liveValue<readonly TypedRowEntry<Row>[]>([]);
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  // Awaiting `ready` is optional.
  ready.catch(() => {});
  let waiting: { readonly delta: RowDelta; readonly seq: number }[] | null = [];

  // The rows come from the projection whose handle the app passed: the type of its rows is the handle's.
  const put = (entry: RowEntry) => entries.set(entry.key, entry as TypedRowEntry<Row>);
  const applyNow = ({ set, removed }: RowDelta) => {
    for (const key of removed) entries.delete(key);
    for (const entry of set) put(entry);
    for (const key of removed) stale.add(key);
    for (const { key } of set) stale.add(key);
  };

  let current: readonly TypedRowEntry<Row>[] = [];
  /** Keys that `current` does not show as they are. */
  const stale = new Set<string>();
  const all = () => {
    if (stale.size === 0) return current;
    current = stale.size > PATCH_MAX ? sorted(entries) : patched(current, stale, entries);
    stale.clear();
    return current;
  };
  const changed = () => live.set(current);

  return {
    ready,
    get: all,
    all,
    row: (key) => entries.get(key),
    subscribe: (listener) => live.subscribe(() => listener(all())),
    fill(first, seq) {
      for (const entry of first) {
        put(entry);
        stale.add(entry.key);
      }
      for (const later of waiting ?? []) if (later.seq > seq) applyNow(later.delta);
      waiting = null;
      changed();
      resolve();
    },
    apply(delta, seq) {
      if (waiting) {
        waiting.push({ delta, seq });
        return;
      }
      applyNow(delta);
      changed();
    },
    fail: reject,
  };
}

type Entries<Row> = ReadonlyMap<string, TypedRowEntry<Row>>;

function sorted<Row>(entries: Entries<Row>): TypedRowEntry<Row>[] {
  return [...entries.values()].sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
}

/** The same as sorting all, where only these keys differ. */
function patched<Row>(
  before: readonly TypedRowEntry<Row>[],
  keys: Iterable<string>,
  entries: Entries<Row>,
): TypedRowEntry<Row>[] {
  const rows = [...before];
  for (const key of keys) {
    const place = placeOf(rows, key);
    const entry = entries.get(key);
    rows.splice(place, rows[place]?.key === key ? 1 : 0, ...(entry ? [entry] : []));
  }
  return rows;
}

/** Index of the first row whose key is not before this one. */
function placeOf(rows: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
