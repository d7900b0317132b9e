/**
 * How a log lies in IndexedDB: names, stores, keys and rows. `docs/storage-client.md` shows each with an example.
 *
 * Holds: no secondary index, no generated key, no Blob: each of them is slower, or fails in some browser. A form that changes raises
 * `LAYOUT_VERSION`; older code then says so and leaves the data alone.
 */
import type { DBSchema, IDBPTransaction } from "idb";
import { unwrap } from "idb";
import { DefinitionError } from "../../../core/values/errors.ts";
import { describeProblem } from "../../../core/values/parsed.ts";
import { fail, list, orNull, parse, type Reader, shape, text, whole } from "../../../core/wire/reader.ts";
import { type Cursor, encodeCursor, positionOf } from "../../../core/history/record.ts";
import { anyText, cursorText, readRow, storedCursor } from "../entry-text.ts";
import type { ConfirmedBatch } from "../log-store.ts";
import { corruptRow, rowTooLarge } from "../storage-errors.ts";
import type { NumberRanges } from "./number-ranges.ts";

export const LAYOUT_VERSION = 2;

/** Chromium refuses a value of more than some 127 MiB, two bytes a character, without saying why. */
const ROW_LENGTH_MAX = 60 * 1024 * 1024;

/** A run of confirmed records. The text is the one that came, so it does not lie inside another text. */
export type BatchRow = { readonly after: string | null; readonly cursor: string; readonly text: string };

export interface Layout extends DBSchema {
  /** Confirmed runs that are not sealed yet, by the position where they end. */
  tail: { key: number; value: BatchRow };
  /** Sealed runs, by the position where they end. All lie before the tail. */
  segments: { key: number; value: BatchRow };
  /** Commits, and generation marks, by number: those that have not ended, and those that have and whose rows are not swept yet. */
  pending: { key: number; value: string };
  /** Own commits that the server took, by the number that they had. */
  sent: { key: number; value: string };
  /** Own commits that were refused, by commit id. */
  rejections: { key: string; value: string };
  /** Rows of projections, packed, by table and bucket. */
  buckets: { key: [string, number]; value: string };
  meta: { key: "head" | "rows"; value: string };
}

export type StoreName = "tail" | "segments" | "pending" | "sent" | "rejections" | "buckets" | "meta";
export const STORE_NAMES: readonly StoreName[] = [
  "tail",
  "segments",
  "pending",
  "sent",
  "rejections",
  "buckets",
  "meta",
];

export type ReadTransaction = IDBPTransaction<Layout, StoreName[], "readonly" | "readwrite" | "versionchange">;
export type WriteTransaction = IDBPTransaction<Layout, StoreName[], "readwrite" | "versionchange">;

/** The database of a log and user. Two pairs never share one: the colon does not survive the encoding. */
export function databaseName(log: string, user: string): string {
  if (!log.isWellFormed() || !user.isWellFormed()) {
    throw new DefinitionError({
      message: "The name of a log or user has a lone surrogate",
      fix: "Name both with well-formed text.",
    });
  }
  return `dacapo:${encodeURIComponent(log)}:${encodeURIComponent(user)}`;
}

/** Writes a row. No promise a row: a request that fails aborts its transaction, and that one is awaited. */
export function put<Name extends StoreName>(
  tx: WriteTransaction,
  store: Name,
  key: Layout[Name]["key"],
  value: Layout[Name]["value"],
): void {
  requireRowLength(store, typeof value === "string" ? value.length : value.text.length);
  unwrap(tx.objectStore(store)).put(value, key);
}

export function requireRowLength(store: StoreName, length: number): void {
  if (length > ROW_LENGTH_MAX) throw rowTooLarge(store, length, ROW_LENGTH_MAX);
}

export function remove<Name extends StoreName>(
  tx: WriteTransaction,
  store: Name,
  key: Layout[Name]["key"] | IDBKeyRange,
): void {
  unwrap(tx.objectStore(store)).delete(key);
}

/** Deletes rows by number, neighbours together: one by one, each costs Chromium up to a millisecond; in a range, some hundredth. */
export function removeNumbers(tx: WriteTransaction, store: "pending" | "sent", numbers: readonly number[]): void {
  const sorted = [...numbers].sort((a, b) => a - b);
  sorted.forEach((n, index) => {
    if (sorted[index + 1] === n + 1) return;
    let first = index;
    while (sorted[first - 1] === (sorted[first] ?? 0) - 1) first--;
    remove(tx, store, IDBKeyRange.bound(sorted[first], n));
  });
}

export function clear(tx: WriteTransaction, store: StoreName): void {
  unwrap(tx.objectStore(store)).clear();
}

/** The row `head` of `meta`: what the leader's writes name. The tail of `pending` is not in it: tabs append without it. */
export type HeadRow = {
  readonly client: string;
  readonly generation: number;
  readonly cursor: Cursor | null;
  /** Where the last segment ends. */
  readonly sealed: Cursor | null;
  /** Characters of text in `tail`. */
  readonly tailLength: number;
  /** Numbers in `pending` that have ended: their rows only keep tabs from appending on an old state. */
  readonly ended: NumberRanges;
  /** As in `StoreHead`. */
  readonly dropped: Cursor | null;
};

/** There cannot be more than commits that wait. */
const NUMBER_RANGES_MAX = 10_000_000;

const numberRange: Reader<readonly [number, number]> = (value, path) => {
  const [first, last] = list(whole(1), 2, 2)(value, path);
  return first !== undefined && last !== undefined && first <= last
    ? [first, last]
    : fail(path, "must be two numbers, the lesser first");
};

const headRow = shape(
  {
    client: text(64),
    generation: whole(0),
    cursor: orNull(storedCursor),
    sealed: orNull(storedCursor),
    tailLength: whole(0),
    ended: list(numberRange, NUMBER_RANGES_MAX),
  },
  { dropped: orNull(storedCursor) },
);

export function headText(head: HeadRow): string {
  return JSON.stringify({
    ...head,
    cursor: cursorText(head.cursor),
    sealed: cursorText(head.sealed),
    dropped: cursorText(head.dropped),
  });
}

export async function readHead(tx: ReadTransaction): Promise<HeadRow> {
  const row = readRow(headRow, "meta", "head", await tx.objectStore("meta").get("head"));
  return { ...row, dropped: row.dropped ?? null };
}

export function batchRow({ after, cursor, text: records }: ConfirmedBatch): BatchRow {
  return { after: cursorText(after), cursor: encodeCursor(cursor), text: records };
}

const storedBatch: Reader<ConfirmedBatch> = shape({ after: orNull(storedCursor), cursor: storedCursor, text: anyText });

/** The run that lies behind a position. */
export function readBatch(store: "tail" | "segments", behind: number, row: BatchRow): ConfirmedBatch {
  const read = parse(storedBatch, row);
  if (!read.ok) throw corruptRow(store, `> ${behind}`, describeProblem(read.problem));
  if (positionOf(read.value.after) > behind)
    throw corruptRow(
      store,
      `> ${behind}`,
      `begins behind position ${positionOf(read.value.after)}: what lies between is missing`,
    );
  return read.value;
}
