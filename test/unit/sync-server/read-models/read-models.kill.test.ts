// A server that is killed while it folds: rows and cursor stay together, and the next server continues.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storedRecord } from "../../../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../../../src/testing/event-store/samples.ts";
import { until } from "../../../support/device.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { startServerChild } from "../../../support/server-child/start.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const EVENTS = 12_000;

const recordAt = (position: number): CommitRecord => ({
  position,
  mark: `m${position}`,
  commit: crypto.randomUUID(),
  client: crypto.randomUUID(),
  actor: "ada",
  time: 1,
  received: 1,
  meta: null,
  events: [
    { type: "TaskAdded", v: 1, stream: `task/t${position}`, version: 1, data: { title: "Milk", column: "todo" } },
  ],
});

/** The position of each follower, beside what its rows contain. Each event makes a row, and adds one to the count. */
function readFollowers(database: DatabaseSync): readonly { name: string; position: number; contained: number }[] {
  const isThere = database.prepare("select 1 from sqlite_master where name = 'dacapo_followers'").get();
  if (!isThere) return [];
  return database
    .prepare(
      `select f.name, f.position, case
         when f.name like 'rows/board%' then (select count(*) from dacapo_rows where tbl = t.id)
         else coalesce((select row ->> 'tasks' from dacapo_rows where tbl = t.id and key = 'todo'), 0) end as contained
       from dacapo_followers f join dacapo_tables t on t.log = f.log and t.follower = f.name and t.name = 'rows'
       where f.revision > 0`,
    )
    .all()
    .map((row) => ({
      name: String(row["name"]),
      position: Number(row["position"]),
      contained: Number(row["contained"]),
    }));
}

test("read models: a kill -9 leaves rows of one cursor, and the next server continues", async () => {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  const records = Array.from({ length: EVENTS }, (_, n) => storedRecord(recordAt(n + 1)));
  await store.append("board", batch(null, { records }));
  await store.close();
  const database = new DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000");
  undo.push(async () => database.close());

  // A loaded machine may kill too late, after the last step. Then the rows begin again.
  let before = 0;
  let killedInTheMiddle = 0;
  for (let kill = 0; killedInTheMiddle < 2 && kill < 10; kill++) {
    const child = await startServerChild();
    undo.push(child.kill);
    await child.serve({ store: { file }, hasModels: true });
    await until(() => readFollowers(database).some(({ position }) => position > before), "a step of the server");
    await child.kill();
    const followers = readFollowers(database);
    for (const { name, position, contained } of followers) expect(contained, name).toBe(position);
    before = Math.max(...followers.map(({ position }) => position));
    // The lease of a killed server ends after 15 seconds, for which this test does not wait.
    database.exec("update dacapo_followers set held_until = 0");
    if (before < EVENTS) killedInTheMiddle++;
    else database.exec("delete from dacapo_rows; delete from dacapo_tables; delete from dacapo_followers");
    before %= EVENTS;
  }
  expect(killedInTheMiddle).toBe(2);

  const last = await startServerChild();
  undo.push(last.kill);
  const { url } = await last.serve({ store: { file }, hasModels: true });
  const headers = { authorization: "Bearer ada" };
  const path = `${url}/logs/board/rows/column-counts?at=${EVENTS}-m${EVENTS}&waitMs=30000`;
  const response = await fetch(path, { headers });
  expect(parseOwnJson(await response.text())).toMatchObject({
    parked: 0,
    rows: [{ key: "todo", row: { tasks: EVENTS } }],
  });
  await until(
    () => readFollowers(database).every(({ position, contained }) => position === EVENTS && contained === EVENTS),
    "all rows of both models",
  );
  await last.stop();
});
