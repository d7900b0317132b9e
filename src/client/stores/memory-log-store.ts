/**
 * The log store in memory, which implements the rules of `log-store` in the simplest form.
 *
 * Several tabs share one `MemoryDatabase`, and each handle on it is one tab.
 *
 * Guarantees (test/conformance/log-store.memory.test.ts):
 * - An operation is one synchronous step, so operations are atomic and run one after the other (L1, L6).
 * - It waits only for promises and uses no timer, so that a test runs the same way each time.
 * - It stores entries as text, so that no caller shares an object with the store.
 */
import { positionOf, sameCursor } from "../../core/history/record.ts";
import { batchBehind, batchUpTo, checkFollows, notInLog, REFRESH_LENGTH_MAX } from "./batches.ts";
import {
  generationMarkText,
  peekCommitId,
  pendingText,
  readPending,
  readRejection,
  readSentEntry,
  rejectionText,
  sentText,
} from "./entry-text.ts";
import {
  type Confirmation,
  type ConfirmedBatch,
  type Filling,
  isUnmoved,
  keptBehind,
  type LogStore,
  type PendingEntry,
  type Refresh,
  stillDropped,
  type StoredRows,
  type StoreHead,
} from "./log-store.ts";
import type { MemoryDatabase, State } from "./memory/database.ts";
import { lengthOf, planSeal, sealIsDue } from "./sealing.ts";
import { storageLost } from "./storage-errors.ts";

export type MemoryLogStoreOptions = {
  /** Called before each operation. It may wait, or throw the error of the operation, which then writes nothing. */
  readonly before?: (operation: string) => Promise<void> | void;
  /** Called after each operation and before its caller gets the result. A promise that never settles is a dead tab. */
  readonly after?: (operation: string) => Promise<void> | void;
};

export function memoryLogStore(database: MemoryDatabase, options: MemoryLogStoreOptions = {}): LogStore {
  const state = database.open();
  let closed = false;
  async function step<T>(operation: string, run: (state: State) => T): Promise<T> {
    await options.before?.(operation);
    if (closed) throw storageLost("closed");
    if (!database.isOpen(state)) throw storageLost("deleted");
    const result = run(state);
    await options.after?.(operation);
    return result;
  }
  return {
    head: () => step("head", ({ head }) => head),
    refresh: (known) => step("refresh", (at) => refresh(at, known)),
    appendPending: (tail, entries, endRejections) =>
      step("appendPending", (at) => {
        if (tail !== at.head.pendingTail) return isAppended(at, tail, entries);
        const texts = Array.from(entries, pendingText);
        texts.forEach((text, index) => at.pending.set(tail + index + 1, text));
        for (const id of endRejections) at.rejections.delete(id);
        at.head = { ...at.head, pendingTail: tail + texts.length };
        return true;
      }),
    removeRejections: (ids) => step("removeRejections", ({ rejections }) => ids.forEach((id) => rejections.delete(id))),
    readRejections: () =>
      step("readRejections", ({ rejections }) =>
        [...rejections].map(([id, text]) => readRejection(id, text)).sort((a, b) => a.n - b.n),
      ),
    readSent: (numbers) => step("readSent", ({ sent }) => readSent(sent, numbers)),
    confirm: (expected, confirmation) =>
      step(
        "confirm",
        (at) =>
          at.head.generation === expected.generation &&
          sameCursor(at.head.cursor, expected.cursor) &&
          confirm(at, confirmation),
      ),
    cutBack: (expected, keep, pending, droppedEnd) =>
      step("cutBack", (at) => (isUnmoved(at.head, expected) ? cutBack(at, keep, pending, droppedEnd ?? keep) : null)),
    fill: (expected, filling) => step("fill", (at) => isUnmoved(at.head, expected) && fill(at, filling)),
    join: (expected, rows) =>
      step("join", (at) => {
        if (at.head.generation !== expected.generation || at.head.cursor !== null) return false;
        joinAt(at, rows);
        return true;
      }),
    readRows: () => step("readRows", usableRows),
    writeRows: (expected, rows, fresh) =>
      step("writeRows", (at) => {
        const stored = usableRows(at);
        if (!sameCursor(stored?.checkpoint ?? null, expected.checkpoint) || !takesRows(at, expected, rows))
          return false;
        at.rows = mergeRows(fresh ? null : stored, rows);
        return true;
      }),
    replaceRows: (expected, rows) =>
      step("replaceRows", (at) => {
        if (!takesRows(at, expected, rows)) return false;
        at.rows = mergeRows(null, rows);
        at.head = { ...at.head, rebuilds: at.head.rebuilds + 1 };
        return true;
      }),
    seal: () => step("seal", seal),
    readServer: () => step("readServer", ({ server }) => server),
    setServer: (expected, id) =>
      step("setServer", (at) => {
        if (at.server === expected) at.server = id;
        return at.server;
      }),
    close: () => void (closed = true),
    destroy: (expected) =>
      step("destroy", ({ head }) => {
        if (expected && !isUnmoved(head, expected)) return false;
        database.delete();
        return true;
      }),
  };
}

function refresh(
  { head, base, batches, pending, mark, rejections }: State,
  known: { readonly position: number; readonly pendingTail: number },
): Refresh {
  const numbers = [...pending.keys()].filter((n) => n !== mark);
  const returned: ConfirmedBatch[] = [];
  let length = 0;
  for (const batch of batches) {
    if (batch.cursor.position <= known.position) continue;
    if (returned.length > 0 && length + batch.text.length > REFRESH_LENGTH_MAX) break;
    const behind = batchBehind(batch, known.position);
    if (behind) returned.push(behind);
    length += batch.text.length;
  }
  const end = returned.at(-1)?.cursor;
  return {
    head,
    base,
    batches: returned,
    more: end !== undefined && end.position < positionOf(head.cursor),
    pending: numbers.filter((n) => n > known.pendingTail).map((n) => readPending(n, pending.get(n))),
    pendingNumbers: numbers,
    rejectionIds: [...rejections.keys()],
  };
}

/**
 * Whether an earlier append wrote these commits. It wrote all of them with numbers above the tail, so one of them is
 * enough. They may have settled since.
 */
function isAppended(
  { pending, sent, rejections }: State,
  tail: number,
  entries: Iterable<Pick<PendingEntry, "commit">>,
): boolean {
  const behind = [...pending, ...sent].filter(([n]) => n > tail);
  const commitIds = new Set(behind.map(([, text]) => peekCommitId(text)));
  return Array.from(entries).some(({ commit: { id } }) => commitIds.has(id) || rejections.has(id));
}

function readSent(sent: State["sent"], numbers: readonly number[] | null) {
  const wanted = numbers === null ? [...sent.keys()] : [...new Set(numbers)].filter((n) => sent.has(n));
  return wanted.sort((a, b) => a - b).map((n) => readSentEntry(n, sent.get(n)));
}

function confirm(state: State, { batch, settled, rejected, forgetSentBefore }: Confirmation): true {
  addBatch(state, batch);
  for (const entry of settled) {
    state.sent.set(entry.n, sentText(entry));
    // A tab may have stored it as rejected before its record arrived.
    state.rejections.delete(entry.commit.id);
  }
  // An entry that settled earlier is skipped, because the app may have discarded its rejection, which must not come
  // back.
  for (const entry of rejected)
    if (state.pending.has(entry.n)) state.rejections.set(entry.commit.id, rejectionText(entry));
  for (const { n } of [...settled, ...rejected]) state.pending.delete(n);
  if (forgetSentBefore !== null)
    for (const { n, settledAt } of readSent(state.sent, null))
      if (settledAt !== null && settledAt < forgetSentBefore) state.sent.delete(n);
  return true;
}

function cutBack(
  state: State,
  wanted: StoreHead["cursor"],
  pending: readonly Omit<PendingEntry, "n">[],
  end: StoreHead["droppedEnd"],
): StoreHead {
  const generation = state.head.generation + 1;
  const keep = keptBehind(state.base, state.rows?.checkpoint ?? null, wanted);
  if (keep === null) state.base = null;
  cutLog(state, keep);
  const returned = new Set(pending.map(({ commit }) => commit.id));
  for (const { n, commit } of readSent(state.sent, null)) if (returned.has(commit.id)) state.sent.delete(n);
  state.mark = state.head.pendingTail + 1;
  state.pending = new Map([[state.mark, generationMarkText(generation)]]);
  pending.forEach((entry, index) => state.pending.set(state.mark + index + 1, pendingText(entry)));
  const pendingTail = state.mark + pending.length;
  return (state.head = { ...state.head, generation, cursor: keep, droppedEnd: stillDropped(end, keep), pendingTail });
}

function joinAt(state: State, rows: StoredRows): void {
  const cursor = rows.checkpoint;
  const { generation, droppedEnd } = state.head;
  state.rows = rows;
  state.base = cursor;
  state.head = { ...state.head, generation: generation + 1, cursor, droppedEnd: stillDropped(droppedEnd, cursor) };
}

function fill(state: State, { batch, settled, rejected, pending }: Filling): true {
  const ended = state.head.pendingTail + settled.length + rejected.length;
  for (const entry of settled) state.sent.set(entry.n, sentText(entry));
  for (const entry of rejected) state.rejections.set(entry.commit.id, rejectionText(entry));
  pending.forEach((entry, index) => state.pending.set(ended + index + 1, pendingText(entry)));
  addBatch(state, batch);
  state.head = { ...state.head, pendingTail: ended + pending.length };
  return true;
}

function addBatch(state: State, batch: ConfirmedBatch | null): void {
  if (!batch) return;
  checkFollows(batch, state.head.cursor);
  state.batches.push(batch);
  state.head = { ...state.head, cursor: batch.cursor, droppedEnd: stillDropped(state.head.droppedEnd, batch.cursor) };
}

function cutLog(state: State, keep: StoreHead["cursor"]): void {
  const position = positionOf(keep);
  const kept = state.batches.filter((batch) => positionOf(batch.after) < position);
  const last = kept.at(-1);
  if (keep !== null && !sameCursor(keep, state.base)) {
    if (!last) throw notInLog(keep);
    kept[kept.length - 1] = batchUpTo(last, keep);
  }
  state.batches = kept;
  state.sealed = Math.min(state.sealed, kept.length);
  if (positionOf(state.rows?.checkpoint ?? null) > position) state.rows = null;
}

function takesRows(
  { head }: State,
  { generation, rebuilds }: Pick<StoreHead, "generation" | "rebuilds">,
  { checkpoint }: StoredRows,
): boolean {
  return (
    head.generation === generation && head.rebuilds === rebuilds && positionOf(checkpoint) <= positionOf(head.cursor)
  );
}

function usableRows({ rows, head }: State): StoredRows | null {
  return rows !== null && positionOf(rows.checkpoint) <= positionOf(head.cursor) ? rows : null;
}

function mergeRows(stored: StoredRows | null, rows: StoredRows): StoredRows {
  const merged = new Map(
    stored?.tables.map(({ table, buckets }) => [table, new Map(buckets.map(({ bucket, text }) => [bucket, text]))]),
  );
  for (const { table, buckets } of rows.tables) {
    const texts = merged.get(table) ?? new Map<number, string>();
    for (const { bucket, text } of buckets) texts.set(bucket, text);
    merged.set(table, texts);
  }
  return {
    ...rows,
    tables: [...merged].map(([table, texts]) => ({
      table,
      buckets: [...texts].map(([bucket, text]) => ({ bucket, text })),
    })),
  };
}

function seal(state: State): void {
  const tail = state.batches.slice(state.sealed);
  const events = positionOf(state.head.cursor) - positionOf(state.batches[state.sealed - 1]?.cursor ?? null);
  const plan = sealIsDue(events, lengthOf(tail)) ? planSeal(tail) : null;
  if (!plan) return;
  const untouched = tail.filter((batch) => positionOf(batch.after) >= plan.sealed.position);
  const segments = [...state.batches.slice(0, state.sealed), ...plan.segments];
  state.batches = [...segments, ...(plan.rest ? [plan.rest] : []), ...untouched];
  state.sealed = segments.length;
}
