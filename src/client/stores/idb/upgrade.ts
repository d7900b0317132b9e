/** Ways from older layouts. Each runs in the transaction that raises the version: all of it, or nothing. */
import { anything, parseText, shape, whole } from "../../../core/wire/reader.ts";
import type { WriteTransaction } from "./layout.ts";

/** In layout 1 a row of `pending` went when its commit ended, and the head told the one generation mark that stood among them; 0 for none. */
export async function upgradeFrom1(tx: WriteTransaction): Promise<void> {
  const meta = tx.objectStore("meta");
  const row = await meta.get("head");
  const read = parseText(headOf1, row ?? "");
  // One that cannot be read stays as it is, and is said to be so when it is needed.
  if (!read.ok) return;
  const { mark, ...head } = read.value;
  await meta.put(JSON.stringify({ ...head, ended: mark > 0 ? [[mark, mark]] : [] }), "head");
}

const headOf1 = shape(
  { client: anything, generation: anything, cursor: anything, sealed: anything, tailLength: anything, mark: whole(0) },
  { dropped: anything },
);
