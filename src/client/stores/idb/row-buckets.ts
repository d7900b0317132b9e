/**
 * Stored rows of projections, as buckets of text with their checkpoint and tables.
 *
 * Guarantees:
 * - The rows are a cache. If they cannot be read or are ahead of the log, they count as missing and are written again
 *   (L8).
 */
import { tablesOf } from "../../../core/fold/packed-tables.ts";
import { list, parseText, shape, whole } from "../../../core/wire/reader.ts";
import { type Cursor, positionOf, sameCursor } from "../../../core/history/record.ts";
import { wireCursor } from "../../../core/wire/messages.ts";
import { cursorReader } from "../../../core/wire/read-messages.ts";
import { anyText } from "../entry-text.ts";
import type { StoredRows, StoreHead } from "../log-store.ts";
import {
  clear,
  type HeadRow,
  headText,
  put,
  readHead,
  type ReadTransaction,
  type StoreName,
  type WriteTransaction,
} from "./layout.ts";

export const ROWS_STORES: readonly StoreName[] = ["meta", "buckets"];

/** The row `rows` of `meta`. It names the tables, because a table may have no bucket. */
type RowsHead = Pick<StoredRows, "checkpoint" | "version"> & { readonly tables: readonly string[] };
const rowsHead = shape({ checkpoint: cursorReader, tables: list(anyText, 100_000) }, { version: whole(0) });

export async function readRowsHead(tx: ReadTransaction): Promise<RowsHead | null> {
  const row: unknown = await tx.objectStore("meta").get("rows");
  const read = typeof row === "string" ? parseText(rowsHead, row) : null;
  return read?.ok ? read.value : null;
}

export async function readRows(tx: ReadTransaction): Promise<StoredRows | null> {
  const buckets = tx.objectStore("buckets");
  const [head, rows, keys, texts] = await Promise.all([
    readHead(tx),
    readRowsHead(tx),
    buckets.getAllKeys(),
    buckets.getAll(),
  ]);
  if (!rows || !isInLog(rows, head.cursor)) return null;
  const stored = keys.map(([table, bucket], index) => {
    const text: unknown = texts[index];
    // A value that is no text becomes "", which no reader accepts as rows. So the engine folds all rows again.
    return { table, bucket, text: typeof text === "string" ? text : "" };
  });
  return { ...rows, tables: tablesOf(rows.tables, stored) };
}

type ExpectedRows = Pick<StoreHead, "generation" | "rebuilds">;

export async function writeRows(
  tx: WriteTransaction,
  expected: ExpectedRows & { readonly checkpoint: Cursor | null },
  rows: StoredRows,
  fresh: boolean,
): Promise<boolean> {
  const [head, found] = await Promise.all([readHead(tx), readRowsHead(tx)]);
  const stored = found && isInLog(found, head.cursor) ? found : null;
  if (!sameCursor(stored?.checkpoint ?? null, expected.checkpoint) || !takesRows(head, expected, rows)) return false;
  putRows(tx, rows, fresh ? null : stored);
  return true;
}

export async function replaceRows(tx: WriteTransaction, expected: ExpectedRows, rows: StoredRows): Promise<boolean> {
  const head = await readHead(tx);
  if (!takesRows(head, expected, rows)) return false;
  putRows(tx, rows, null);
  put(tx, "meta", "head", headText({ ...head, rebuilds: head.rebuilds + 1 }));
  return true;
}

function takesRows(head: HeadRow, { generation, rebuilds }: ExpectedRows, rows: StoredRows): boolean {
  return head.generation === generation && head.rebuilds === rebuilds && isInLog(rows, head.cursor);
}

/** Puts buckets to the stored ones. With null, it removes all stored ones first. */
export function putRows(tx: WriteTransaction, rows: StoredRows, stored: RowsHead | null): void {
  const { checkpoint, tables, version } = rows;
  if (!stored) clear(tx, "buckets");
  for (const { table, buckets } of tables)
    for (const { bucket, text } of buckets) put(tx, "buckets", [table, bucket], text);
  const names = [...new Set([...(stored?.tables ?? []), ...tables.map(({ table }) => table)])];
  put(tx, "meta", "rows", JSON.stringify({ checkpoint: wireCursor(checkpoint), tables: names, version }));
}

function isInLog({ checkpoint }: { readonly checkpoint: Cursor }, cursor: Cursor | null): boolean {
  return checkpoint.position < positionOf(cursor) || sameCursor(checkpoint, cursor);
}
