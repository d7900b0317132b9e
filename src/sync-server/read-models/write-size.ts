/**
 * The size of a write of rows, and how many records should share one. Pure.
 *
 * A page of records is small, but its events may change thousands of rows, or rows of a megabyte. One write of them all
 * would block the process for many seconds.
 */
import type { ModelWrite } from "../stores/model-store.ts";

/** A good size of a write, in UTF-16 units. */
export const WRITE_SIZE = 4 * 1024 * 1024;
/** Above this size, fewer records are folded instead. */
const WRITE_SIZE_MAX = 2 * WRITE_SIZE;
/** The write of a row or a statement takes about as long as that of a text of this length. */
const ROW_SIZE = 1_000;

/** About the size of a write, in UTF-16 units. */
export function sizeOf({ rows, statements = [] }: Pick<ModelWrite, "rows" | "statements">): number {
  let size = statements.length * ROW_SIZE;
  for (const { params } of statements) for (const param of params) size += typeof param === "string" ? param.length : 0;
  for (const { set, remove } of rows) {
    size += (set.length + remove.length) * ROW_SIZE;
    for (const [, text] of set) size += text?.length ?? 0;
  }
  return size;
}

/** The number of these records whose write would have a good size. All of them: their write has it. */
export function recordsThatFit(records: number, size: number): number {
  return size <= WRITE_SIZE_MAX ? records : Math.max(1, Math.floor((records * WRITE_SIZE) / size));
}
