/**
 * Reads a page of a SQL table that is read and of the table beside it, and compares them by their primary key.
 *
 * Guarantees (sql-model.crashes.test.ts, sql-model.postgres.test.ts):
 * - Both pages have all rows between two keys, so each row is compared once. The database itself orders the keys.
 */
import { parseOwnJson } from "../../core/values/json.ts";
import type { SqlPage, SqlReads, KeyedRow } from "../stores/sql-tables.ts";
import { type Comparison, compareRows } from "./compare-rows.ts";

const LIMIT = { rows: 500, bytes: 1024 * 1024 };

/** The followers to compare. */
export type ComparedTables = {
  readonly log: string;
  readonly stored: string;
  readonly folded: string;
  /** The names of the tables, each with a primary key. */
  readonly tables: readonly string[];
};

/** The next comparison, and the revisions of both followers in each page. Null: a table is missing. */
export async function compareSql(
  sql: SqlReads,
  { log, stored, folded, tables }: ComparedTables,
  before: Comparison,
): Promise<{
  readonly next: Comparison;
  readonly isEnded: boolean;
  readonly revisions: { readonly stored: readonly number[]; readonly folded: readonly number[] };
} | null> {
  type Place = readonly [table: string, after: string | null];
  const [table, after] = before.to === null ? ([tables[0] ?? "", null] as const) : parseOwnJson<Place>(before.to);
  const page = (follower: string, to: string | null): Promise<SqlPage<KeyedRow> | null> =>
    sql.page(log, follower, table, { after, to, limit: LIMIT });
  const first = await page(stored, null);
  const firstEnd = first?.more ? lastKey(first) : null;
  const ofFolded = await page(folded, firstEnd);
  // The other table may have more rows between the same keys. Then its page ends first.
  const end = ofFolded?.more ? lastKey(ofFolded) : firstEnd;
  const ofStored = end === firstEnd ? first : await page(stored, end);
  if (!first || !ofFolded || !ofStored) return null;
  const named = ({ rows }: SqlPage<KeyedRow>) => ({
    rows: rows.map(([key, row]) => [`${table} ${key}`, row] as const),
    more: false,
  });
  const { next } = compareRows(before, named(ofStored), named(ofFolded));
  const following = end === null ? tables[tables.indexOf(table) + 1] : table;
  const to = following === undefined ? before.to : JSON.stringify([following, end]);
  return {
    next: { ...next, to },
    isEnded: following === undefined,
    revisions: {
      stored: [first.follower.revision, ofStored.follower.revision],
      folded: [ofFolded.follower.revision],
    },
  };
}

function lastKey({ rows }: SqlPage<KeyedRow>): string | null {
  return rows.at(-1)?.[0] ?? null;
}
