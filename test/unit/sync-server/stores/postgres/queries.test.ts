// The plans of Postgres for the statements of the store, on a log with many streams.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres } from "../../../../../scripts/postgres.ts";
import { postgres } from "../../../../../src/sync-server/stores/postgres.ts";
import { queriesOf } from "../../../../../src/sync-server/stores/postgres/queries.ts";
import { batch, recordsAfter } from "../../../../../src/testing/event-store/samples.ts";
import { type PostgresCluster, startPostgres } from "../../../../support/postgres-cluster.ts";

const STREAMS = 200;

describe.skipIf(!findPostgres())("plans", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgres();
    const store = postgres(cluster.url);
    const samples = Array.from({ length: 100 }, (_, commit) => ({
      commit,
      events: STREAMS,
      streams: Array.from({ length: STREAMS }, (_, n) => ({ stream: `task/t${commit}-${n}`, first: 1, last: 1 })),
    }));
    await store.append("log", batch(null, { records: recordsAfter(null, samples) }));
    await store.close();
  }, 60_000);
  afterAll(() => cluster?.stop());

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
});
