// The plans of Postgres for the statements of the store, on a log with many streams.
import pg from "pg";
import { beforeAll, describe, expect, test } from "vitest";
import { postgres } from "../../../../../src/sync-server/stores/postgres.ts";
import { queriesOf } from "../../../../../src/sync-server/stores/postgres/queries.ts";
import { batch, outcome, recordsAfter } from "../../../../../src/testing/event-store/samples.ts";
import { hasPostgres, postgresForTests } from "../../../../support/postgres-for-tests.ts";

const STREAMS = 200;

const OUTCOMES = 20_000;

describe.skipIf(!hasPostgres)("plans", () => {
  const cluster = postgresForTests();
  beforeAll(async () => {
    const store = postgres(cluster.url);
    const samples = Array.from({ length: 100 }, (_, commit) => ({
      commit,
      events: STREAMS,
      streams: Array.from({ length: STREAMS }, (_, n) => ({ stream: `task/t${commit}-${n}`, first: 1, last: 1 })),
    }));
    await store.append("log", batch(null, { records: recordsAfter(null, samples) }));
    await store.close();
  });

  test.each(["without statistics", "with statistics"])(
    "written: does not scan the streams of a log, %s",
    async (when) => {
      if (when === "with statistics") await cluster.query("analyze");
      const names = JSON.stringify(Array.from({ length: 100 }, (_, n) => `task/new-${n}`));
      const statement = queriesOf("public").written.replace("$1", "'log'").replace("$2", `'${names}'`);
      const plan = (await cluster.query(`explain ${statement}`)).map((row) => String(row["QUERY PLAN"]));
      expect(plan.filter((line) => /Seq Scan on dacapo_stream_records/.test(line))).toEqual([]);
      expect(plan.filter((line) => /Index.* on dacapo_stream_records/.test(line))).toHaveLength(1);
      expect(plan.filter((line) => /Index Cond: .*stream = /.test(line))).toHaveLength(1);
    },
  );

  test("append: reads none of the outcomes that a log keeps, also without statistics", async () => {
    const store = postgres({ url: cluster.url, schema: "outcomes" });
    for (const log of ["log", "other"]) await store.append(log, batch(null, { outcomes: [outcome(0)] }));
    await store.close();
    await cluster.query(`
      insert into outcomes.dacapo_outcomes (log, commit_id, actor, received, text)
        select id, 'commit-' || n, 'ann', 1000, '{}' from outcomes.dacapo_logs, generate_series(1, ${OUTCOMES}) n`);
    const client = new pg.Client({ connectionString: cluster.url });
    await client.connect();
    await client.query("delete from pg_statistic");
    await client.query("begin");
    const row = { first: 1, last: 1, mark: "m", commit_id: "new", actor: "ann", streams: "[]", text: "{}" };
    const call = "select outcomes.dacapo_append_1('log', null, null, $1, '[]', '[]', 0, 10000) as result";
    expect((await client.query(call, [JSON.stringify([row])])).rows).toEqual([{ result: '{"kind":"ok"}' }]);
    const { rows } = await client.query<{ read: number }>(
      `select (seq_tup_read + idx_tup_fetch)::integer as read from pg_stat_xact_user_tables
       where schemaname = 'outcomes' and relname = 'dacapo_outcomes'`,
    );
    await client.end();
    expect(rows[0]?.read).toBeLessThan(10);
  });
});
