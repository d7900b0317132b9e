// A store whose logs were restored to an earlier time, and whose rows were not.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { operateLog } from "../../../../src/sync-server/server-log/operated-log.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, domain } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { fillBoard } from "../../../support/filled-log.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

test("read models: rows that are ahead of a restored log are built again, without an append", async () => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  await fillBoard(store, 5);
  const before = testServer({ store, models: [board] });
  await before.log("board").rows(board, { at: "5-m5" });
  await before.close();
  const database = new DatabaseSync(file);
  database.exec(`update dacapo_followers set position = 9, mark = 'lost' where name like 'rows/%';
    insert into dacapo_rows (tbl, key, row) select id, 'task/lost', '{}' from dacapo_tables where name = 'rows'`);
  database.close();
  const after = testServer({ store: sqlite(file), models: [board], limits: { lookMs: 20 } });
  cleanUp.push(() => after.close());
  const status = async () => (await after.log("board").models.list())[0];
  await until(async () => (await status())?.at === "5-m5", "the rows of the restored log");
  expect(await status()).toMatchObject({ phase: "ready", behind: 0 });
  expect((await after.log("board").rows(board)).rows.map(({ key }) => key)).not.toContain("task/lost");
});

test.each(["resume", "cancel"] as const)("%s: works for a paused job whose log was restored", async (verb) => {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  await fillBoard(store, 5);
  const options = { domain: domain.definition, subscribers: [], processes: [], works: false, report: () => {} };
  const operated = await operateLog({ ...options, store, models: [board] }, "board");
  await (await operated.models.rebuild(board)).pause();
  await store.close();
  const database = new DatabaseSync(file);
  database.exec("update dacapo_followers set position = 9, mark = 'lost' where name like 'beside/%'");
  database.close();
  const after = testServer({ store: sqlite(file), models: [board] });
  cleanUp.push(() => after.close());
  const { models } = after.log("board");
  const job = await models.job(board);
  await job?.[verb]();
  expect(await job?.finished()).toMatchObject({ phase: verb === "resume" ? "done" : "cancelled" });
  await (await models.rebuild(board)).finished();
  expect(await models.verify(board)).toMatchObject({ rows: 5, differences: [] });
});
