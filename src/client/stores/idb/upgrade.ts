/**
 * Upgrades from older layouts. Each runs in the transaction that raises the version, so it is complete or has no
 * effect.
 */
import { anything, parseText, shape, whole } from "../../../core/wire/reader.ts";
import type { WriteTransaction } from "./layout.ts";

/**
 * In layout 1 the row of a settled commit left `pending` at once, and `mark` in the head was the number of the only
 * generation mark, or 0.
 */
export async function upgradeFrom1(tx: WriteTransaction): Promise<void> {
  const meta = tx.objectStore("meta");
  const row = await meta.get("head");
  const read = parseText(headOf1, row ?? "");
  // A head that cannot be read stays as it is. The first operation that reads it reports the error.
  if (!read.ok) return;
  const { mark, ...head } = read.value;
  await meta.put(JSON.stringify({ ...head, ended: mark > 0 ? [[mark, mark]] : [] }), "head");
}

const headOf1 = shape(
  { client: anything, generation: anything, cursor: anything, sealed: anything, tailLength: anything, mark: whole(0) },
  { dropped: anything },
);
