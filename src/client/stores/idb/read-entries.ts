/** Reads own settled commits: `sent` and `rejections`. */
import { readRejection, readSentEntry } from "../entry-text.ts";
import type { RejectionEntry, SentEntry } from "../log-store.ts";
import type { ReadTransaction } from "./layout.ts";

export async function readSent(tx: ReadTransaction, numbers: readonly number[] | null): Promise<readonly SentEntry[]> {
  const store = tx.objectStore("sent");
  if (numbers === null) {
    const [keys, rows] = await Promise.all([store.getAllKeys(), store.getAll()]);
    return keys.map((n, index) => readSentEntry(n, rows[index]));
  }
  const wanted = [...new Set(numbers)].sort((a, b) => a - b);
  const rows = await Promise.all(wanted.map((n) => store.get(n)));
  return wanted.flatMap((n, index) => (rows[index] === undefined ? [] : readSentEntry(n, rows[index])));
}

/** Reads all rejections, in the order in which the commits were made. */
export async function readRejections(tx: ReadTransaction): Promise<readonly RejectionEntry[]> {
  const store = tx.objectStore("rejections");
  const [ids, rows] = await Promise.all([store.getAllKeys(), store.getAll()]);
  return ids.map((id, index) => readRejection(id, rows[index])).sort((a, b) => a.n - b.n);
}
