/** Followers and writes of read models, with only the fields that a rule needs. */
import type { Cursor } from "../../core/history/record.ts";
import type { AppendResult, EventStore } from "../../sync-server/stores/event-store.ts";
import type {
  FollowerNext,
  FollowerWrite,
  ModelStore,
  ModelWrite,
  ModelWriteResult,
  RowPage,
  RowRange,
  Vetoed,
} from "../../sync-server/stores/model-store.ts";
import { type SqlReads, type SqlStatement, type SqlTable, sqlTable } from "../../sync-server/stores/sql-tables.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import { requireEqual, requireThat } from "../require.ts";

export type ModelBed = { readonly store: EventStore; readonly models: ModelStore };

export type ModelRule = {
  readonly rule: string;
  readonly name: string;
  readonly check: (bed: ModelBed) => Promise<void>;
};

export function modelsOf(store: EventStore): ModelStore {
  if (store.models) return store.models;
  throw new Error("The store has no member `models`");
}

export function sqlOf(store: EventStore): SqlReads {
  const { sql } = modelsOf(store);
  if (sql) return sql;
  throw new Error("The store has no SQL tables");
}

export const ALL_ROWS = { from: null, to: null, after: null, limit: 1_000_000, bytes: 1_000_000_000 } as const;

/** All rows of these keys. */
export function keysOf(...keys: readonly string[]): RowRange {
  return { keys, after: null, limit: 1_000_000, bytes: 1_000_000_000 };
}

export const ALL_SQL = { after: null, to: null, limit: { rows: 1_000_000, bytes: 1_000_000_000 } } as const;

/** A SQL table with a text as its key and a number, and the view `NAME_v1`. */
export function sqlSpec(name: string): SqlTable {
  const create = [
    `create table «${name}» (k text primary key, n integer not null)`,
    `create index «${name}»_n on «${name}» (n)`,
  ];
  return { create, view: `${name}_v1`, isShown: true };
}

/** A statement that is refused if the key is there. Its event is the key. */
export function sqlInsert(follower: string, table: string, key: string, n = 0): SqlStatement {
  return { follower, event: key, sql: `insert into «${table}» (k, n) values (?, ?)`, params: [key, n] };
}

/** A follower with the SQL table `numbers`. */
export function followSql(name: string, revision: number, next: Partial<FollowerNext> = {}): FollowerWrite {
  return follow(name, revision, {
    tables: { [sqlTable("numbers")]: "keep" },
    sql: { numbers: sqlSpec("numbers") },
    ...next,
  });
}

/** The rows of the table `numbers` of a follower, by key. */
export async function readNumbers(models: ModelStore, follower: string): Promise<Readonly<Record<string, number>>> {
  const page = await models.sql?.page("log", follower, "numbers", ALL_SQL);
  requireThat(page !== null && page !== undefined, `the SQL table of ${follower}`);
  return Object.fromEntries(
    page.rows.map(([, row]) => parseOwnJson<{ k: string; n: number }>(row)).map(({ k, n }) => [k, n]),
  );
}

/** A follower of the table `rows`, with a change of its next state. */
export function follow(name: string, revision: number, next: Partial<FollowerNext> = {}): FollowerWrite {
  return { name, revision, next: { at: null, text: "{}", wake: null, tables: { rows: "keep" }, ...next } };
}

/** A write of one follower and its rows. A null text is a tombstone. */
export function rowsOf(
  follower: FollowerWrite,
  set: Readonly<Record<string, string | null>> = {},
  remove: readonly string[] = [],
): ModelWrite {
  return {
    followers: [follower],
    rows: [{ follower: follower.name, table: "rows", set: Object.entries(set), remove }],
  };
}

export async function mustWrite(models: ModelStore, write: ModelWrite, log = "log"): Promise<void> {
  requireEqual(await models.write(log, write), { kind: "ok" }, "a write of read models");
}

/**
 * Checks the event of a refused write, and the other events that the store names. A store that stopped at the first
 * event names none.
 */
export function requireVetoed(
  result: ModelWriteResult | AppendResult,
  { follower, event, others = [] }: Pick<Vetoed, "follower" | "event" | "others">,
  what: string,
): void {
  requireThat(result.kind === "vetoed", `${what} is refused`);
  const found = [result, ...(result.others ?? [])];
  for (const { message } of found) requireThat(message !== "", `${what} has a reason for each event`);
  requireEqual(
    found.map((one) => [one.kind, one.follower, one.event]),
    [{ follower, event }, ...(result.others ? others : [])].map((one) => ["vetoed", one.follower, one.event]),
    `the refused events of ${what}`,
  );
}

/** The rows of a table as an object of key and text. */
export async function readRows(
  models: ModelStore,
  follower: string,
  range: RowRange = ALL_ROWS,
  table = "rows",
): Promise<Readonly<Record<string, string | null>>> {
  return Object.fromEntries((await readPage(models, follower, range, table)).rows);
}

export async function readPage(
  models: ModelStore,
  follower: string,
  range: RowRange = ALL_ROWS,
  table = "rows",
): Promise<RowPage> {
  const page = await models.rows("log", follower, table, range);
  requireThat(page !== null, `the table ${table} of ${follower}`);
  return page;
}

type PagedRange<Range> = Range extends unknown ? Omit<Range, "after"> : never;

/** The keys of all pages of the follower `a`. Each page must be in its limits. */
export async function pagesOf(models: ModelStore, range: PagedRange<RowRange>): Promise<readonly string[]> {
  const { limit, bytes } = range;
  const found: string[] = [];
  for (let after: string | null = null; ;) {
    const page: RowPage = await readPage(models, "a", { ...range, after });
    const size = page.rows.reduce((sum, [, text]) => sum + byteLength(text ?? ""), 0);
    requireThat(page.rows.length <= 1 || (page.rows.length <= limit && size <= bytes), "a page in its limits");
    requireThat(after === null || page.rows.length > 0, "a row behind a page that says that there are more");
    found.push(...page.rows.map(([key]) => key));
    if (!page.more) return found;
    after = page.rows.at(-1)?.[0] ?? null;
    requireThat(after !== null, "a row on a page with more rows behind it");
  }
}

/** Checks the revision and the cursor of each follower. */
export async function requireFollowers(
  models: ModelStore,
  expected: Readonly<Record<string, readonly [revision: number, at: Cursor | null]>>,
): Promise<void> {
  const found = await models.followers("log");
  requireThat(found.kind === "open", `an open log, not ${found.kind}`);
  requireEqual(
    Object.fromEntries(found.followers.map(({ name, revision, at }) => [name, [revision, at]])),
    expected,
    "the followers",
  );
}
