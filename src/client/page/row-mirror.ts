/**
 * The page's copy of one row table, for synchronous reads. The worker fills it once, and deltas keep it current.
 *
 * Guarantees (`row-mirror.test.ts`):
 * - A delta that came before the first rows waits for them. It is dropped if the first rows contain it.
 * - `all()` returns the same array until a row changes, so that arrays can be compared by identity.
 * - A change of few rows copies the array. A change of many rows sorts it.
 */
import type { RowDelta, RowEntry } from "../../core/fold/rows.ts";
import type { LiveRows, TypedRowEntry } from "./live-types.ts";
import { liveValue } from "./live-value.ts";

export type RowMirror<Row> = LiveRows<Row> & {
  /** Sets the first rows, as of update `seq`. They contain all earlier deltas. */
  readonly fill: (entries: readonly RowEntry[], seq: number) => void;
  /** Applies the delta of update `seq`. */
  readonly apply: (delta: RowDelta, seq: number) => void;
  /** Rejects `ready`. */
  readonly fail: (error: Error) => void;
};

/** Changed rows up to which each row is inserted at its index. More rows are sorted together. */
const PATCH_MAX = 64;

export function rowMirror<Row>(): RowMirror<Row> {
  const entries = new Map<string, TypedRowEntry<Row>>();
  const live = liveValue<readonly TypedRowEntry<Row>[]>([]);
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  // Handles the rejection, because an app need not await `ready`.
  ready.catch(() => {});
  let waiting: { readonly delta: RowDelta; readonly seq: number }[] | null = [];

  // The worker folded the rows with the projection whose handle the app passed, so they have the type of that handle.
  const put = (entry: RowEntry) => entries.set(entry.key, entry as TypedRowEntry<Row>);
  const applyNow = ({ set, removed }: RowDelta) => {
    for (const key of removed) entries.delete(key);
    for (const entry of set) put(entry);
    for (const key of removed) stale.add(key);
    for (const { key } of set) stale.add(key);
  };

  let current: readonly TypedRowEntry<Row>[] = [];
  /** Keys whose rows in `current` are out of date. */
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

/** Returns the same as `sorted`, where only these keys have changed. */
function patched<Row>(
  before: readonly TypedRowEntry<Row>[],
  keys: Iterable<string>,
  entries: Entries<Row>,
): TypedRowEntry<Row>[] {
  const rows = [...before];
  for (const key of keys) {
    const index = indexOf(rows, key);
    const entry = entries.get(key);
    rows.splice(index, rows[index]?.key === key ? 1 : 0, ...(entry ? [entry] : []));
  }
  return rows;
}

/** Index of the first row whose key is not before this key. */
function indexOf(rows: readonly { readonly key: string }[], key: string): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.key ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
