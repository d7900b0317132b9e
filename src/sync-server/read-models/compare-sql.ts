/**
 * Reads a page of a SQL table that is read and of the table beside it, and compares them by their primary key.
 *
 * Guarantees (sql-model.crashes.test.ts, sql-model.postgres.test.ts):
 * - Both pages have all rows between two keys, so each row is compared once. The database itself orders the keys.
 */
import { parseOwnJson } from "../../core/values/json.ts";
import type { SqlPage, SqlReads, KeyedRow } from "../stores/sql-tables.ts";
import { type Comparison, compareRows } from "./compare-rows.ts";
import type { ReadFollower } from "./next-step.ts";

const LIMIT = { rows: 500, bytes: 1024 * 1024 };

/** The followers to compare. */
export type ComparedTables = {
  readonly log: string;
  readonly stored: string;
  readonly folded: string;
  /** The names of the tables, each with a primary key. */
  readonly tables: readonly string[];
};

/**
 * The next comparison. Null: a table is missing, or the rows beside moved.
 *
 * @param reach brings the rows beside to the cursor of a page, and returns their revision. Null: they moved
 */
export async function compareSql(
  sql: SqlReads,
  { log, stored, folded, tables }: ComparedTables,
  before: Comparison,
  reach: (read: ReadFollower) => Promise<number | null>,
): Promise<{ readonly next: Comparison; readonly isEnded: boolean } | null> {
  type Place = readonly [table: string, after: string | null];
  const [table, after] = before.to === null ? ([tables[0] ?? "", null] as const) : parseOwnJson<Place>(before.to);
  const page = (follower: string, to: string | null): Promise<SqlPage<KeyedRow> | null> =>
    sql.page(log, follower, table, { after, to, limit: LIMIT });
  for (let end: string | null = null; ;) {
    const ofStored = await page(stored, end);
    if (ofStored?.more) end = lastKey(ofStored);
    const revision = ofStored && (await reach(ofStored.follower));
    const ofFolded = revision === null ? null : await page(folded, end);
    if (!ofStored || !ofFolded || ofFolded.follower.revision !== revision) return null;
    if (ofFolded.more) {
      // The other table may have more rows between the same keys. Then its page ends first.
      end = lastKey(ofFolded);
      continue;
    }
    const named = ({ rows }: SqlPage<KeyedRow>) => ({
      rows: rows.map(([key, row]) => [`${table} ${key}`, row] as const),
      more: false,
    });
    const { next } = compareRows(before, named(ofStored), named(ofFolded));
    const following = end === null ? tables[tables.indexOf(table) + 1] : table;
    const to = following === undefined ? before.to : JSON.stringify([following, end]);
    return { next: { ...next, to }, isEnded: following === undefined };
  }
}

function lastKey({ rows }: SqlPage<KeyedRow>): string | null {
  return rows.at(-1)?.[0] ?? null;
}
