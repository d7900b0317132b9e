// Files of older layouts. Opening them keeps everything, or changes nothing.
import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { nodeSql, openDatabase } from "../../src/sync-server/stores/sqlite/node-sqlite.ts";
import { sqlEventStore } from "../../src/sync-server/stores/sqlite/tables.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import type { Sql } from "../../src/sync-server/stores/sqlite/sql.ts";
import { ALL, batch, commitId, outcome, readAll, recordsAfter, write } from "../../src/testing/event-store/samples.ts";
import { until } from "../support/device.ts";

const layout2 = readFileSync(new URL("./golden/sql-layout-2.sql", import.meta.url), "utf8");
const schemaOf = (database: DatabaseSync) =>
  database.prepare("select name, sql from sqlite_schema where sql is not null order by name").all();

/** A file of an older layout, with the rows of the golden file and two long logs whose rows lie mixed. */
function olderFile(layout: 1 | 2): DatabaseSync {
  const database = openDatabase(":memory:");
  database.exec(layout2);
  if (layout === 1) database.exec("drop table dacapo_server; update dacapo_layout set version = 1");
  const insert = database.prepare(
    "insert into dacapo_records (log, last, first, mark, commit_id, actor, streams, text) values (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  for (const { position, cursor, commit, actor, streams, text } of longLog)
    for (const log of [11, 10]) {
      const spans = JSON.stringify(streams.map(({ stream, first, last }) => [stream, first, last]));
      insert.run(log, cursor.position, position, cursor.mark, commit, actor, spans, text);
    }
  database.exec(`
    insert into dacapo_logs values (10, 'long', 2500, 'mark2499', 'open'), (11, 'dropped', 0, null, 'dropping');
    insert into dacapo_logs values (12, 'rejected', 0, null, 'open');
    insert into dacapo_outcomes (log, commit_id, actor, received, text) values (12, '${commitId(1)}', 'ann', 5, '{}');
    insert into dacapo_stream_records select log, 'task/t1', last, last from dacapo_records where log > 9`);
  return database;
}
const longLog = recordsAfter(
  null,
  Array.from({ length: 2_500 }, (_, commit) => ({ commit, text: JSON.stringify("x".repeat(commit % 900)) })),
);

test.each([1, 2] as const)("upgrade: a file of layout %d keeps its logs, records and outcomes", async (layout) => {
  const database = olderFile(layout);
  const store = sqlEventStore(nodeSql(database));
  await expectRows(store);
  // The drop that was cut short continues, and reaches no other log.
  const left = database.prepare("select count(*) as n from dacapo_records where log = 11");
  await until(() => left.get()?.["n"] === 0, "the dropped log has no row");
  expect(await store.head("dropped")).toEqual({ kind: "gone" });
  expect(await readAll(store, "long")).toEqual(longLog);

  const head = await write(store, "long", longLog.at(-1)?.cursor ?? null, { commit: 9_999 });
  expect(await store.head("long")).toEqual({ kind: "open", cursor: head });
  expect(await store.id()).toMatch(layout === 1 ? /^[0-9a-f]{32}$/ : /^6f2b8c31d04e97a5b1c2d3e4f5a60718$/);
  await store.close();
});

test("upgrade: an older file gets the same tables as a new one", () => {
  const fresh = openDatabase(":memory:");
  sqlEventStore(nodeSql(fresh));
  for (const layout of [1, 2] as const) {
    const database = olderFile(layout);
    sqlEventStore(nodeSql(database));
    expect(schemaOf(database)).toEqual(schemaOf(fresh));
    expect(database.prepare("pragma integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  }
});

test("upgrade: a failure at any statement changes nothing, and the next opening succeeds", async () => {
  for (let failing = 0; ; failing++) {
    const database = olderFile(2);
    const before = schemaOf(database);
    const { sql, hasFailed } = failAt(nodeSql(database), failing);
    try {
      sqlEventStore({ ...sql, close: () => {} });
    } catch (error) {
      expect(error).toMatchObject({ code: "storage-lost" });
    }
    if (!hasFailed()) break;
    expect(schemaOf(database)).toEqual(before);
    const store = sqlEventStore(nodeSql(database));
    await expectRows(store);
    await store.close();
  }
});

/** `sql`, whose n-th statement that writes fails. */
function failAt(sql: Sql, failing: number): { readonly sql: Sql; readonly hasFailed: () => boolean } {
  let statements = 0;
  const run: Sql["run"] = (statement, ...values) => {
    if (statements++ === failing) throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
    sql.run(statement, ...values);
  };
  return { sql: { ...sql, run }, hasFailed: () => statements > failing };
}

async function expectRows(store: EventStore): Promise<void> {
  expect(await store.logs()).toEqual(["long", "rejected", "team-7"]);
  expect(await readAll(store, "long")).toEqual(longLog);
  expect(await store.readStream("long", "task/t1", 2_400, ALL)).toEqual(longLog.slice(2_400));
  expect(await store.head("rejected")).toEqual({ kind: "open", cursor: null });
  expect(await store.append("rejected", batch(null, { outcomes: [outcome(1)] }))).toEqual({
    kind: "known",
    commits: [commitId(1)],
  });
  expect(await store.head("team-7")).toEqual({ kind: "open", cursor: { position: 3, mark: "5be0417d29cc83fa" } });
  expect((await readAll(store, "team-7")).map(({ streams }) => streams)).toEqual([
    [{ stream: "task/t1", first: 1, last: 2 }],
    [{ stream: "task/t1", first: 3, last: 3 }],
  ]);
  expect(await store.head("team-6")).toEqual({ kind: "gone" });
  const known = await store.known("team-7", ["0199c0de-0000-7000-8000-000000000003", commitId(1)]);
  expect([...known.values()].flatMap(({ outcomes }) => outcomes.map(({ actor }) => actor))).toEqual(["bob"]);
}
