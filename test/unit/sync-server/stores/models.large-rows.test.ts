// A page of large rows reads no text far behind its end, because hundreds of them would fill the memory.
import pg from "pg";
import { expect, describe, test } from "vitest";
import { nodeSql, openDatabase } from "../../../../src/sync-server/stores/sqlite/node-sqlite.ts";
import type { Sql, SqlRow } from "../../../../src/sync-server/stores/sqlite/sql.ts";
import { sqlEventStore } from "../../../../src/sync-server/stores/sqlite/tables.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { PostgresSqlReads } from "../../../../src/sync-server/stores/postgres/sql-reads.ts";
import { sqlTable } from "../../../../src/sync-server/stores/sql-tables.ts";
import { modelQueriesOf } from "../../../../src/sync-server/stores/postgres/model-queries.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { write } from "../../../../src/testing/event-store/samples.ts";
import { follow, modelsOf, rowsOf } from "../../../../src/testing/model-store/samples.ts";
import { hasPostgres, postgresForTests } from "../../../support/postgres-for-tests.ts";

const LARGE = 300_000;
const KEYS = Array.from({ length: 40 }, (_, n) => `k${n + 10}`);
const PAGE = { after: null, limit: 500, bytes: 1_000_000 };

async function fill(store: EventStore): Promise<void> {
  await write(store, "log", null, { commit: 1 });
  const rows = Object.fromEntries(KEYS.map((key) => [key, JSON.stringify("x".repeat(LARGE))]));
  expect(await modelsOf(store).write("log", rowsOf(follow("a", 0), rows))).toEqual({ kind: "ok" });
}

test("sqlite: a page of large rows reads only their texts, for keys and for a range", async () => {
  let length = 0;
  const inner = nodeSql(openDatabase(":memory:"));
  const count = <Row extends SqlRow>(row: Row): Row => {
    for (const value of Object.values(row)) length += typeof value === "string" ? value.length : 0;
    return row;
  };
  const sql: Sql = {
    *rows<Row extends SqlRow>(...call: Parameters<Sql["rows"]>) {
      for (const row of inner.rows<Row>(...call)) yield count(row);
    },
    first<Row extends SqlRow>(...call: Parameters<Sql["first"]>) {
      const row = inner.first<Row>(...call);
      return row && count(row);
    },
    run: (...call) => inner.run(...call),
    transaction: (mode, work) => inner.transaction(mode, work),
    savepoint: (work) => inner.savepoint(work),
    close: () => inner.close(),
  };
  const store = sqlEventStore(sql);
  await fill(store);
  for (const selected of [{ keys: KEYS }, { from: null, to: null }]) {
    length = 0;
    const page = await modelsOf(store).rows("log", "a", "rows", { ...selected, ...PAGE });
    expect(page?.rows.map(([key]) => key)).toEqual(["k10", "k11", "k12"]);
    expect(length).toBeLessThan(PAGE.bytes + LARGE);
    length = 0;
    await modelsOf(store).rows("log", "a", "rows", { ...selected, ...PAGE, limit: 1 });
    expect(length).toBeLessThan(PAGE.bytes + LARGE);
  }
  await store.close();
});

describe.skipIf(!hasPostgres)("postgres", () => {
  const cluster = postgresForTests();

  test("postgres: the statement of a page of large rows returns only one text behind it", async () => {
    const store = postgres(cluster.url);
    await fill(store);
    await store.close();
    const { rowsByKey, rowsInRange } = modelQueriesOf("public");
    const values = ["'log'", "'a'", "'rows'", `${PAGE.limit}`, `${PAGE.bytes}`];
    const filled = (statement: string, more: readonly string[]): string =>
      [...values, ...more].reduceRight((text, value, n) => text.replaceAll(`$${n + 1}`, value), statement);
    for (const statement of [
      filled(rowsByKey, [`'${JSON.stringify(KEYS)}'`]),
      filled(rowsInRange, ["''", "null", "null"]),
    ]) {
      const rows = await cluster.query(statement);
      expect(rows.map(({ key }) => key)).toEqual(["k10", "k11", "k12", "k13"]);
    }
  });

  test("postgres: a query and a page of a SQL table read few large rows behind their limit", async () => {
    await cluster.query(`create schema apps; create table apps.texts__7 (k int primary key, text text)`);
    await cluster.query(`insert into apps.texts__7 select n, repeat('x', ${LARGE}) from generate_series(1, 400) n`);
    const client = new pg.Client({ connectionString: cluster.url });
    await client.connect();
    let length = 0;
    let fetches = 0;
    const rows = async <Row extends object>(text: string, values: readonly unknown[]): Promise<readonly Row[]> => {
      const { rows: found } = await client.query<Row>(text, [...values]);
      if (text.startsWith("fetch")) fetches++;
      for (const row of found) length += JSON.stringify(row).length;
      return found;
    };
    const reads = new PostgresSqlReads(
      "apps",
      async (_, work) => {
        await client.query("begin");
        const result = await work({ rows, run: async (text) => void (await client.query(text)) });
        await client.query("commit");
        return result;
      },
      async () => ({
        follower: { name: "a", revision: 1, at: null, wake: null, text: "" },
        ids: new Map([[sqlTable("texts"), 7]]),
      }),
    );
    const limit = { rows: 500, bytes: PAGE.bytes };
    const page = await reads.page("log", "a", "texts", { after: null, to: null, limit });
    expect([page?.rows.map(([key]) => key), page?.more]).toEqual([["[1]", "[2]", "[3]"], true]);
    const found = await reads.query("log", "a", { sql: "select * from «texts» order by k", params: [] }, limit);
    expect([found?.rows.map(({ k }) => k), found?.more]).toEqual([[1, 2, 3], true]);
    expect(length).toBeLessThan(2 * 60 * LARGE);
    fetches = 0;
    const all = await reads.query("log", "a", { sql: "select k from «texts» order by k", params: [] }, limit);
    expect([all?.rows.length, all?.more]).toEqual([400, false]);
    expect(fetches).toBeLessThan(7);
    const some = { ...limit, rows: 60 };
    const first = await reads.query("log", "a", { sql: "select k from «texts» order by k", params: [] }, some);
    expect([first?.rows.length, first?.more]).toEqual([60, true]);
    // Small rows do not show how large those behind them are.
    await cluster.query("update apps.texts__7 set text = 'x'");
    await cluster.query("insert into apps.texts__7 select n, 'x' from generate_series(401, 1000) n");
    await cluster.query(`insert into apps.texts__7 select n, repeat('x', ${LARGE}) from generate_series(1001, 1600) n`);
    length = 0;
    const most = { ...limit, rows: 5_000 };
    await reads.query("log", "a", { sql: "select * from «texts» order by k", params: [] }, most);
    expect(length).toBeLessThan(201 * LARGE);
    await client.end();
  });

  test.each(["without statistics", "with statistics"])(
    "postgres: rows of some keys are found in the index among many rows, %s",
    async (when) => {
      await cluster.query(`
        insert into dacapo_rows (tbl, key, row)
          select (select id from dacapo_tables), '${when}/' || n, '1' from generate_series(1, 20000) n`);
      if (when === "with statistics") await cluster.query("analyze");
      const keys = JSON.stringify(Array.from({ length: 100 }, (_, n) => `${when}/${n * 100 + 1}`));
      const client = new pg.Client({ connectionString: cluster.url });
      await client.connect();
      const values = ["log", "a", "rows", 100, 1_000_000, keys];
      // The store sends named statements, which get a plan for any values after some calls.
      for (const mode of ["force_custom_plan", "force_generic_plan"]) {
        await client.query(`begin; set local plan_cache_mode = ${mode}`);
        const found = await client.query({ name: mode, text: modelQueriesOf("public").rowsByKey, values });
        expect(found.rows).toHaveLength(100);
        const { rows } = await client.query<{ read: number }>(
          `select (seq_tup_read + idx_tup_fetch)::integer as read from pg_stat_xact_user_tables
           where relname = 'dacapo_rows'`,
        );
        await client.query("commit");
        expect(rows[0]?.read).toBeLessThan(1_000);
      }
      await client.end();
    },
  );
});
