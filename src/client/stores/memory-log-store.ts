/**
 * The log store in memory: the law of `log-store` in its plainest form.
 *
 * Place: tests, the simulator, and a browser whose IndexedDB is broken. A `MemoryDatabase` is what several tabs share; each
 * handle on it is one tab.
 * Holds: an operation is one synchronous step, so operations are atomic and one after the other; it waits through promises only, so a
 * test that runs twice runs the same twice. Entries are kept as text: nobody shares an object with the store.
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
  type LogStore,
  type PendingEntry,
  type Refresh,
  stillDropped,
  type StoredRows,
  type StoreHead,
} from "./log-store.ts";
import { lengthOf, planSeal, sealIsDue } from "./sealing.ts";
import { storageLost } from "./storage-errors.ts";

type State = {
  head: StoreHead;
  /** Confirmed runs, oldest first; the first `sealed` of them are segments. */
  batches: ConfirmedBatch[];
  sealed: number;
  pending: Map<number, string>;
  /** Number of the generation mark, which stands among the pending ones. */
  mark: number;
  sent: Map<number, string>;
  rejections: Map<string, string>;
  rows: StoredRows | null;
};

/** What the tabs of one log and user share. */
export class MemoryDatabase {
  #newClientId: () => string;
  #state: State | null = null;

  constructor(newClientId: () => string) {
    this.#newClientId = newClientId;
  }

  /** The stored state; made where there is none. Another object after the database was deleted. */
  open(): State {
    return (this.#state ??= {
      head: { client: this.#newClientId(), generation: 0, cursor: null, dropped: null, pendingTail: 0 },
      batches: [],
      sealed: 0,
      pending: new Map(),
      mark: 0,
      sent: new Map(),
      rejections: new Map(),
      rows: null,
    });
  }

  isOpen(state: State): boolean {
    return this.#state === state;
  }

  /** Deletes what is stored, as a browser does that evicts a site. Open handles are lost. */
  delete(): void {
    this.#state = null;
  }

  /** A second database with the same content: a copied profile, or the disk as it was at this moment. */
  copy(): MemoryDatabase {
    const copy = new MemoryDatabase(this.#newClientId);
    copy.#state = structuredClone(this.#state);
    return copy;
  }
}

export type MemoryLogStoreOptions = {
  /** Called before each operation: may wait, or throw what the operation is to fail with. Nothing was written then. */
  readonly before?: (operation: string) => Promise<void> | void;
  /** Called when an operation is done and before its caller hears of it. A promise that never ends is a tab that died. */
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
        if (tail !== at.head.pendingTail) return standsAlready(at, tail, entries);
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
    cutBack: (expected, keep, pending, dropped) =>
      step("cutBack", (at) => {
        const { generation, cursor, pendingTail } = at.head;
        if (
          generation !== expected.generation ||
          !sameCursor(cursor, expected.cursor) ||
          pendingTail !== expected.pendingTail
        )
          return null;
        cutLog(at, keep);
        const returned = new Set(pending.map(({ commit }) => commit.id));
        for (const { n, commit } of readSent(at.sent, null)) if (returned.has(commit.id)) at.sent.delete(n);
        at.mark = pendingTail + 1;
        at.pending = new Map([[at.mark, generationMarkText(generation + 1)]]);
        pending.forEach((entry, index) => at.pending.set(at.mark + index + 1, pendingText(entry)));
        return (at.head = {
          ...at.head,
          generation: generation + 1,
          cursor: keep,
          dropped: dropped ?? null,
          pendingTail: at.mark + pending.length,
        });
      }),
    fill: (expected, { batch, settled, rejected, pending }) =>
      step("fill", (at) => {
        const { generation, cursor, pendingTail } = at.head;
        if (
          generation !== expected.generation ||
          !sameCursor(cursor, expected.cursor) ||
          pendingTail !== expected.pendingTail
        )
          return false;
        const ended = pendingTail + settled.length + rejected.length;
        for (const entry of settled) at.sent.set(entry.n, sentText(entry));
        for (const entry of rejected) at.rejections.set(entry.commit.id, rejectionText(entry));
        pending.forEach((entry, index) => at.pending.set(ended + index + 1, pendingText(entry)));
        takeBatch(at, batch);
        at.head = { ...at.head, pendingTail: ended + pending.length };
        return true;
      }),
    readRows: () => step("readRows", standingRows),
    writeRows: (expected, rows, fresh) =>
      step("writeRows", (at) => {
        const stored = standingRows(at);
        if (at.head.generation !== expected.generation || !sameCursor(stored?.checkpoint ?? null, expected.checkpoint))
          return false;
        if (positionOf(rows.checkpoint) > positionOf(at.head.cursor)) return false;
        at.rows = mergeRows(fresh ? null : stored, rows);
        return true;
      }),
    seal: () => step("seal", seal),
    close: () => void (closed = true),
    destroy: () =>
      step("destroy", () => {
        closed = true;
        database.delete();
      }),
  };
}

function refresh(
  { head, batches, pending, mark, rejections }: State,
  known: { readonly position: number; readonly pendingTail: number },
): Refresh {
  const numbers = [...pending.keys()].filter((n) => n !== mark);
  const given: ConfirmedBatch[] = [];
  let length = 0;
  for (const batch of batches) {
    if (batch.cursor.position <= known.position) continue;
    if (given.length > 0 && length + batch.text.length > REFRESH_LENGTH_MAX) break;
    const behind = batchBehind(batch, known.position);
    if (behind) given.push(behind);
    length += batch.text.length;
  }
  const end = given.at(-1)?.cursor;
  return {
    head,
    batches: given,
    more: end !== undefined && end.position < positionOf(head.cursor),
    pending: numbers.filter((n) => n > known.pendingTail).map((n) => readPending(n, pending.get(n))),
    pendingNumbers: numbers,
    rejectionIds: [...rejections.keys()],
  };
}

/** Whether these commits were appended before: then they went in behind that tail, all of them, and may have ended since. */
function standsAlready(
  { pending, sent, rejections }: State,
  tail: number,
  entries: Iterable<Pick<PendingEntry, "commit">>,
): boolean {
  const behind = [...pending, ...sent].filter(([n]) => n > tail);
  const standing = new Set(behind.map(([, text]) => peekCommitId(text)));
  return Array.from(entries).some(({ commit: { id } }) => standing.has(id) || rejections.has(id));
}

function readSent(sent: State["sent"], numbers: readonly number[] | null) {
  const wanted = numbers === null ? [...sent.keys()] : [...new Set(numbers)].filter((n) => sent.has(n));
  return wanted.sort((a, b) => a - b).map((n) => readSentEntry(n, sent.get(n)));
}

function confirm(state: State, { batch, settled, rejected, forgetSentBefore }: Confirmation): true {
  takeBatch(state, batch);
  for (const entry of settled) {
    state.sent.set(entry.n, sentText(entry));
    // Refused here before, or withdrawn in a tab that this one has not heard of.
    state.rejections.delete(entry.commit.id);
  }
  // One that has ended meanwhile may have been discarded by the app: it must not come back.
  for (const entry of rejected)
    if (state.pending.has(entry.n)) state.rejections.set(entry.commit.id, rejectionText(entry));
  for (const { n } of [...settled, ...rejected]) state.pending.delete(n);
  if (forgetSentBefore !== null)
    for (const { n, settledAt } of readSent(state.sent, null)) if (settledAt < forgetSentBefore) state.sent.delete(n);
  return true;
}

function takeBatch(state: State, batch: ConfirmedBatch | null): void {
  if (!batch) return;
  checkFollows(batch, state.head.cursor);
  state.batches.push(batch);
  state.head = { ...state.head, cursor: batch.cursor, dropped: stillDropped(state.head.dropped, batch.cursor) };
}

function cutLog(state: State, keep: StoreHead["cursor"]): void {
  const position = positionOf(keep);
  const kept = state.batches.filter((batch) => positionOf(batch.after) < position);
  const last = kept.at(-1);
  if (keep !== null) {
    if (!last) throw notInLog(keep);
    kept[kept.length - 1] = batchUpTo(last, keep);
  }
  state.batches = kept;
  state.sealed = Math.min(state.sealed, kept.length);
  if (positionOf(state.rows?.checkpoint ?? null) > position) state.rows = null;
}

function standingRows({ rows, head }: State): StoredRows | null {
  return rows !== null && positionOf(rows.checkpoint) <= positionOf(head.cursor) ? rows : null;
}

function mergeRows(stored: StoredRows | null, { checkpoint, tables }: StoredRows): StoredRows {
  const merged = new Map(
    stored?.tables.map(({ table, buckets }) => [table, new Map(buckets.map(({ bucket, text }) => [bucket, text]))]),
  );
  for (const { table, buckets } of tables) {
    const texts = merged.get(table) ?? new Map<number, string>();
    for (const { bucket, text } of buckets) texts.set(bucket, text);
    merged.set(table, texts);
  }
  return {
    checkpoint,
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
