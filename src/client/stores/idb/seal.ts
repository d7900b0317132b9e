/**
 * Seals what has come together in the tail: reads, computes outside, then writes naming what was read (L9).
 *
 * Holds: where the log was cut back or sealed by another tab meanwhile, nothing is written; several tabs sealing at once do no harm.
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
/** Characters sealed in one transaction: others wait for it. */
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
  // What another tab confirmed since is in this head, not in the one that was read.
  put(tx, "meta", "head", headText({ ...head, sealed, tailLength: head.tailLength - lengthTaken }));
  return true;
}
