// A part of a store was restored, and its log grew back to the same length: the mark of its head shows it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { findPostgres } from "../../../../scripts/postgres.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { postgres } from "../../../../src/sync-server/stores/postgres.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { write } from "../../../../src/testing/event-store/samples.ts";
import { follow, modelsOf, mustWrite, rowsOf } from "../../../../src/testing/model-store/samples.ts";
import { startPostgres } from "../../../support/postgres-cluster.ts";

/** The logs that `due` names, before and after the head of one of two logs has another mark. */
async function dueAround(store: EventStore, changeMark: () => unknown) {
  const models = modelsOf(store);
  for (const log of ["log", "other"]) {
    const at = await write(store, log, null, { commit: 1 }, { commit: 2 });
    await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "1" }), log);
  }
  const due = async () => (await models.due(["a"], 0, null, 10)).logs;
  const before = await due();
  await changeMark();
  return { before, after: await due() };
}
const expected = { before: [], after: ["log"] };

test("due: on SQLite, names a log whose head has another mark than its follower", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-"));
  const store = sqlite(join(folder, "logs.db"));
  const database = new DatabaseSync(join(folder, "logs.db"));
  const ofLog = "id / 100000000000 = (select id from dacapo_logs where name = 'log')";
  const changeMark = () => database.exec(`update dacapo_records set mark = 'other' where last = 2 and ${ofLog}`);
  expect(await dueAround(store, changeMark)).toEqual(expected);
  database.close();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

test.skipIf(!findPostgres())(
  "due: on Postgres, names a log whose head has another mark than its follower",
  async () => {
    const cluster = await startPostgres();
    const store = postgres({ url: cluster.url });
    const changeMark = () => cluster.query("update dacapo_logs set mark = 'other' where name = 'log'");
    expect(await dueAround(store, changeMark)).toEqual(expected);
    await store.close();
    await cluster.stop();
  },
);
