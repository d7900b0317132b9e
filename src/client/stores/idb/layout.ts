/**
 * The layout of a log in IndexedDB: names, stores, keys and rows. `docs/storage-client.md` shows each with an example.
 *
 * Guarantees:
 * - There is no secondary index, no generated key and no Blob, because each is slower or fails in some browser.
 * - A changed layout raises `LAYOUT_VERSION`. Older code then reports `newer-layout` and leaves the data alone (L10).
 * - The rows are those of the golden file (test/conformance/layout.golden.test.ts).
 */
import { type DBSchema, type IDBPTransaction, unwrap } from "idb";
import { describeProblem } from "../../../core/values/parsed.ts";
import { fail, list, orNull, parse, type Reader, shape, text, whole } from "../../../core/wire/reader.ts";
import { type Cursor, encodeCursor, positionOf } from "../../../core/history/record.ts";
import { wireCursor } from "../../../core/wire/messages.ts";
import { cursorReader } from "../../../core/wire/read-messages.ts";
import { anyText, readRow } from "../entry-text.ts";
import type { ConfirmedBatch } from "../log-store.ts";
import { corruptRow, rowTooLarge } from "../storage-errors.ts";
import type { NumberRanges } from "./number-ranges.ts";
import type { ClientId } from "../../../core/values/ids.ts";

export const LAYOUT_VERSION = 3;

/** Chromium refuses a value above about 127 MiB, with two bytes for each character, and does not say why. */
const ROW_LENGTH_MAX = 60 * 1024 * 1024;

/** A run of confirmed records. The text is its own field, because it must stay as it was received. */
export type BatchRow = { readonly after: string | null; readonly cursor: string; readonly text: string };

export interface Layout extends DBSchema {
  /** Confirmed runs that are not sealed yet, by the position of their end. */
  tail: { key: number; value: BatchRow };
  /** Sealed runs, by the position of their end. All are before the tail. */
  segments: { key: number; value: BatchRow };
  /** Waiting commits, by number, with generation marks and settled commits whose rows are not removed yet. */
  pending: { key: number; value: string };
  /** Own commits that the server accepted, by their number in `pending`. */
  sent: { key: number; value: string };
  /** Own commits that the server rejected, by commit id. */
  rejections: { key: string; value: string };
  /** Rows of projections, packed, by table and bucket. */
  buckets: { key: [string, number]; value: string };
  /** `server`: the id of the sync server. */
  meta: { key: "head" | "rows" | "server"; value: string };
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

/**
 * Writes a row. It makes no promise for the request, because a failed request aborts the transaction, which the caller
 * awaits.
 */
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

/**
 * Deletes rows by number, neighbours in one range. In Chromium a single delete costs up to a millisecond, and a row in
 * a range about a hundredth of that.
 */
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

/**
 * The row `head` of `meta`, which each write of the leader names. It has no tail of `pending`, because appends do not
 * write it.
 */
export type HeadRow = {
  readonly client: ClientId;
  readonly generation: number;
  /** As in `StoreHead`. The row leaves out 0, as older releases do. */
  readonly rebuilds: number;
  readonly cursor: Cursor | null;
  /** The end of the last segment. */
  readonly sealed: Cursor | null;
  /** Characters of text in `tail`. */
  readonly tailLength: number;
  /** Numbers of settled commits in `pending`. Their rows only prevent that a tab appends on an old state. */
  readonly ended: NumberRanges;
  /** `droppedEnd` of `StoreHead`. */
  readonly dropped: Cursor | null;
  /** Where a log begins that joined from a base. Null: at its first record. */
  readonly base: Cursor | null;
};

/** More ranges than that cannot exist, because there are fewer commits. */
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
    cursor: orNull(cursorReader),
    sealed: orNull(cursorReader),
    tailLength: whole(0),
    ended: list(numberRange, NUMBER_RANGES_MAX),
  },
  { dropped: orNull(cursorReader), rebuilds: whole(0), base: cursorReader },
);

export function headText(head: HeadRow): string {
  return JSON.stringify({
    ...head,
    rebuilds: head.rebuilds || undefined,
    cursor: wireCursor(head.cursor),
    sealed: wireCursor(head.sealed),
    dropped: wireCursor(head.dropped),
    base: wireCursor(head.base) ?? undefined,
  });
}

export async function readHead(tx: ReadTransaction): Promise<HeadRow> {
  return parseHead(await tx.objectStore("meta").get("head"));
}

/** Checks a row `head` that the database returned. */
export function parseHead(stored: unknown): HeadRow {
  const row = readRow(headRow, "meta", "head", stored);
  return { ...row, dropped: row.dropped ?? null, rebuilds: row.rebuilds ?? 0, base: row.base ?? null };
}

export function batchRow({ after, cursor, text: records }: ConfirmedBatch): BatchRow {
  return { after: wireCursor(after), cursor: encodeCursor(cursor), text: records };
}

const storedBatch: Reader<ConfirmedBatch> = shape({ after: orNull(cursorReader), cursor: cursorReader, text: anyText });

/** Reads the run after position `behind`, and checks that no record is missing between them. */
export function readBatch(store: "tail" | "segments", behind: number, row: BatchRow): ConfirmedBatch {
  const read = parse(storedBatch, row);
  if (!read.ok) throw corruptRow(store, `> ${behind}`, describeProblem(read.problem));
  if (positionOf(read.value.after) > behind)
    throw corruptRow(
      store,
      `> ${behind}`,
      `begins after position ${positionOf(read.value.after)}, so records between them are missing`,
    );
  return read.value;
}
