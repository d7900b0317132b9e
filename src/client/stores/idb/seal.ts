/**
 * Seals the tail: one transaction reads it, `planSeal` computes the runs, a second transaction writes them.
 *
 * Guarantees:
 * - The second transaction writes nothing if another tab cut or sealed the log in between. So several tabs may seal at
 *   once (L9 seal: tabs that seal while a leader confirms lose no record).
 */
import { positionOf, sameCursor } from "../../../core/history/record.ts";
import { planSeal, sealIsDue, type SealPlan } from "../sealing.ts";
import type { Connection } from "./connection.ts";
import {
  batchRow,
  headText,
  type HeadRow,
  put,
  readHead,
  type ReadTransaction,
  remove,
  type StoreName,
  type WriteTransaction,
} from "./layout.ts";
import { readBatches, tailRowsAhead } from "./refresh.ts";

const SEAL_STORES: readonly StoreName[] = ["meta", "tail", "segments"];
/** Characters sealed in one transaction. There is a limit, because other tabs wait for the transaction. */
const STEP_LENGTH_MAX = 8 * 1024 * 1024;

export async function seal(connection: Connection): Promise<void> {
  for (let again = true; again;) {
    const { head, tail } = await connection.read(SEAL_STORES, readTail);
    const plan = planSeal(tail);
    again = plan !== null && (await connection.write(SEAL_STORES, "relaxed", (tx) => writeSeal(tx, head, plan)));
  }
}

async function readTail(tx: ReadTransaction) {
  const head = await readHead(tx);
  const sealed = positionOf(head.sealed);
  if (!sealIsDue(positionOf(head.cursor) - sealed, head.tailLength)) return { head, tail: [] };
  return { head, tail: await readBatches(tx, "tail", sealed, tailRowsAhead(head), STEP_LENGTH_MAX) };
}

async function writeSeal(
  tx: WriteTransaction,
  read: HeadRow,
  { segments, sealed, rest, lengthTaken }: SealPlan,
): Promise<boolean> {
  const head = await readHead(tx);
  if (head.generation !== read.generation || !sameCursor(head.sealed, read.sealed)) return false;
  for (const segment of segments) put(tx, "segments", segment.cursor.position, batchRow(segment));
  remove(tx, "tail", IDBKeyRange.upperBound(sealed.position));
  if (rest) put(tx, "tail", rest.cursor.position, batchRow(rest));
  // Write the current head, because the head of the first transaction lacks what another tab confirmed since.
  put(tx, "meta", "head", headText({ ...head, sealed, tailLength: head.tailLength - lengthTaken }));
  return true;
}
