/**
 * Cuts the log back to a cursor and replaces all pending entries, in one transaction.
 *
 * Guarantees:
 * - The transaction writes nothing if generation, cursor or tail moved (L5).
 * - A generation mark follows every earlier number, and the earlier rows stay, listed as `ended`. So a tab that decided
 *   on the old history appends nothing (L2).
 */
import { positionOf, sameCursor } from "../../../core/history/record.ts";
import { batchUpTo, notInLog } from "../batches.ts";
import { generationMarkText, peekCommitId, pendingText } from "../entry-text.ts";
import {
  type ExpectedHead,
  isUnmoved,
  keptBehind,
  type PendingEntry,
  stillDropped,
  type StoreHead,
} from "../log-store.ts";
import { lengthOf } from "../sealing.ts";
import {
  batchRow,
  clear,
  headText,
  put,
  readBatch,
  readHead,
  remove,
  removeNumbers,
  type StoreName,
  type WriteTransaction,
} from "./layout.ts";
import { withNumbers } from "./number-ranges.ts";
import { readRowsHead } from "./row-buckets.ts";

export const CUT_BACK_STORES: readonly StoreName[] = ["meta", "pending", "sent", "tail", "segments", "buckets"];

export async function cutBack(
  tx: WriteTransaction,
  expected: ExpectedHead,
  wanted: StoreHead["cursor"],
  pending: readonly Omit<PendingEntry, "n">[],
  end: StoreHead["droppedEnd"] = wanted,
): Promise<StoreHead | null> {
  const [head, numbers, rows] = await Promise.all([
    readHead(tx),
    tx.objectStore("pending").getAllKeys(),
    readRowsHead(tx),
  ]);
  const pendingTail = numbers.at(-1) ?? 0;
  if (!isUnmoved({ ...head, pendingTail }, expected)) return null;

  const keep = keptBehind(head.base, rows?.checkpoint ?? null, wanted);
  const base = keep && head.base;
  const dropped = stillDropped(end, keep);
  const isAtBase = keep === null || sameCursor(keep, base);
  const log = isAtBase ? clearLog(tx, base) : await cutLog(tx, keep, head.sealed);
  if (positionOf(rows?.checkpoint ?? null) > positionOf(keep)) {
    clear(tx, "buckets");
    remove(tx, "meta", "rows");
  }
  await removeReturned(tx, new Set(pending.map(({ commit }) => commit.id)));

  const { client, rebuilds } = head;
  const generation = head.generation + 1;
  const mark = pendingTail + 1;
  const ended = withNumbers(head.ended, [...numbers, mark]);
  put(tx, "pending", mark, generationMarkText(generation));
  pending.forEach((entry, index) => put(tx, "pending", mark + index + 1, pendingText(entry)));
  put(tx, "meta", "head", headText({ client, generation, rebuilds, cursor: keep, ended, dropped, base, ...log }));
  return { client, generation, rebuilds, cursor: keep, droppedEnd: dropped, pendingTail: mark + pending.length };
}

type CutLog = { readonly sealed: StoreHead["cursor"]; readonly tailLength: number };

function clearLog(tx: WriteTransaction, base: StoreHead["cursor"]): CutLog {
  clear(tx, "tail");
  clear(tx, "segments");
  return { sealed: base, tailLength: 0 };
}

async function cutLog(
  tx: WriteTransaction,
  keep: NonNullable<StoreHead["cursor"]>,
  sealed: StoreHead["cursor"],
): Promise<CutLog> {
  const store = keep.position <= positionOf(sealed) ? "segments" : "tail";
  const [row] = await tx.objectStore(store).getAll(IDBKeyRange.lowerBound(keep.position), 1);
  if (row === undefined) throw notInLog(keep);
  const holding = readBatch(store, keep.position - 1, row);
  const kept = batchUpTo(holding, keep);
  remove(tx, store, IDBKeyRange.lowerBound(keep.position, true));
  if (kept !== holding) put(tx, store, keep.position, batchRow(kept));
  if (store === "segments") {
    clear(tx, "tail");
    return { sealed: keep, tailLength: 0 };
  }
  const before = await tx.objectStore("tail").getAll(IDBKeyRange.upperBound(keep.position));
  return { sealed, tailLength: lengthOf(before) };
}

async function removeReturned(tx: WriteTransaction, ids: ReadonlySet<string>): Promise<void> {
  if (ids.size === 0) return;
  const sent = tx.objectStore("sent");
  const [numbers, rows] = await Promise.all([sent.getAllKeys(), sent.getAll()]);
  const returned = numbers.filter((_, index) => {
    const id = peekCommitId(rows[index]);
    return id !== null && ids.has(id);
  });
  removeNumbers(tx, "sent", returned);
}
