/**
 * Reads of the rows of many keys, and work that needs no more of them than fit into memory.
 *
 * Guarantees (read-keys.test.ts):
 * - All rows of the keys are read, in pages of a bounded size.
 * - Work for many items that needs too many rows is done for the first items. Each try has at most half of the items of
 *   the try before.
 */
import type { ModelStore, RowPage, RowRange } from "./model-store.ts";

/** A good size of the texts that one read of rows holds in memory. */
const READ_BYTES = 4 * 1024 * 1024;

/** The first page of all rows of a table. */
export const ALL_ROWS = { from: null, to: null, after: null, limit: 500, bytes: 1024 * 1024 } as const;

/** The first page of the rows of these keys. */
export function keyRange(keys: readonly string[]): RowRange {
  return { keys, after: null, limit: Math.max(1, keys.length), bytes: READ_BYTES };
}

/** Reads all pages of a range or of keys. Null: there is no such follower, or it has no such table. */
export async function* readPages(
  models: Pick<ModelStore, "rows">,
  log: string,
  follower: string,
  table: string,
  range: RowRange,
): AsyncGenerator<RowPage | null> {
  for (let { after } = range; ;) {
    const page = await models.rows(log, follower, table, { ...range, after });
    yield page;
    after = page?.rows.at(-1)?.[0] ?? null;
    if (!page?.more || after === null) return;
  }
}

/** The texts of rows by key. A null text is a tombstone. */
export type RowTexts = ReadonlyMap<string, string | null>;

/**
 * Reads the rows of these keys. If the follower moves between two pages, they are of two revisions. Then a write that
 * names the first one is refused.
 *
 * @throws TooManyRows if the rows must be `few`, and are more than one page.
 */
export async function readKeys(
  models: Pick<ModelStore, "rows">,
  log: string,
  follower: string,
  table: string,
  keys: readonly string[],
  few = false,
): Promise<RowTexts> {
  const texts = new Map<string, string | null>();
  if (keys.length === 0) return texts;
  for await (const page of readPages(models, log, follower, table, keyRange(keys))) {
    if (page?.more && few) throw new TooManyRows(page.rows.length / keys.length);
    for (const [key, text] of page?.rows ?? []) texts.set(key, text);
  }
  return texts;
}

/** Work needs more rows than it should hold in memory. */
export class TooManyRows extends Error {
  /** About the share of the work whose rows are few enough. */
  readonly share: number;

  constructor(share: number) {
    super("Too many rows");
    this.share = share;
  }
}

/** The most items of the next try, of those of the last one. */
const SHARE_MAX = 0.5;

/** Does work for these items, or for the first of them if all need too many rows. A single item may read any rows. */
export async function workThatFits<Item, Result>(
  items: readonly Item[],
  work: (some: readonly Item[], few: boolean) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(items, items.length > 1);
  } catch (error) {
    if (!(error instanceof TooManyRows)) throw error;
    // A few large rows would take many tries, because the share counts rows and not bytes.
    const share = Math.min(error.share, SHARE_MAX);
    return workThatFits(items.slice(0, Math.max(1, Math.floor(items.length * share))), work);
  }
}
