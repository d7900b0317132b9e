/**
 * Begins an empty log at the rows of a base, in one transaction.
 *
 * Guarantees: rows, checkpoint and cursor change together, or not at all (L14).
 */
import { stillDropped, type StoredRows, type StoreHead } from "../log-store.ts";
import { headText, put, readHead, type WriteTransaction } from "./layout.ts";
import { putRows, ROWS_STORES } from "./row-buckets.ts";

export const JOIN_STORES = ROWS_STORES;

export async function join(
  tx: WriteTransaction,
  expected: Pick<StoreHead, "generation">,
  rows: StoredRows,
): Promise<boolean> {
  const head = await readHead(tx);
  if (head.generation !== expected.generation || head.cursor !== null) return false;
  putRows(tx, rows, null);
  const base = rows.checkpoint;
  // The next segment begins behind the base. Other tabs load again, because the generation is another one.
  const generation = head.generation + 1;
  const dropped = stillDropped(head.dropped, base);
  put(tx, "meta", "head", headText({ ...head, generation, base, cursor: base, sealed: base, dropped }));
  return true;
}
