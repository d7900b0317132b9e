// A store whose logs were restored to an earlier time, and whose rows were not.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { emptyNotes, notesText } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { type JobNotes, newJob, newVerification } from "../../../../src/sync-server/read-models/job.ts";
import { operateLog } from "../../../../src/sync-server/server-log/operated-log.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, domain } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { BOARD, fillBoard } from "../../../support/filled-log.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

type Restored = { readonly lookMs: number; readonly job?: JobNotes };

async function restored({ lookMs, job }: Restored) {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const file = folder.path("logs.db");
  const store = sqlite(file);
  await fillBoard(store, 5);
  const before = testServer({ store, models: [board] });
  await before.log("board").rows(board, { at: "5-m5" });
  await before.close();
  if (job) {
    const again = sqlite(file);
    const text = notesText(emptyNotes(1, Date.now(), job));
    const next = { at: null, wake: 0, text, tables: { rows: "new", states: "new" } } as const;
    const name = BOARD.replace("rows/", "beside/");
    await again.models?.write("board", { followers: [{ name, revision: 0, next }], rows: [] });
    await again.close();
  }
  const database = new DatabaseSync(file);
  database.exec(`update dacapo_followers set position = 9, mark = 'lost'
      where name like 'rows/%' or text like '%task/t3%';
    insert into dacapo_rows (tbl, key, row) select id, 'task/lost', '{}' from dacapo_tables
      where name = 'rows' and follower like 'rows/%'`);
  database.close();
  const after = testServer({ store: sqlite(file), models: [board], limits: { lookMs } });
  cleanUp.push(() => after.close());
  const { models, rows } = after.log("board");
  const status = async () => (await models.list())[0];
  return {
    models,
    keys: async () => (await rows(board)).rows.map(({ key }) => key),
    built: async () => {
      await until(async () => (await status())?.at === "5-m5", "the rows of the restored log");
      expect(await status()).toMatchObject({ phase: "ready", behind: 0 });
    },
  };
}

test("read models: rows that are ahead of a restored log are built again, without an append", async () => {
  const { built, keys } = await restored({ lookMs: 20 });
  await built();
  expect(await keys()).not.toContain("task/lost");
});

test("read models: a rebuild in a restored log replaces the rows of the lost history", async () => {
  const { models, built, keys } = await restored({
    lookMs: 20,
    job: newJob("job", { onError: "park", duty: null }),
  });
  await built();
  expect((await models.status(board)).job).toMatchObject({ phase: "done" });
  expect(await keys()).not.toContain("task/lost");
});

test("read models: verify in a restored log compares the rows that are built again", async () => {
  // No walk over all logs finds the rows before the job does.
  const { models, built, keys } = await restored({ lookMs: 60_000 });
  expect(await models.verify(board)).toMatchObject({ at: "5-m5", rows: 5, differences: [] });
  await built();
  expect(await keys()).not.toContain("task/lost");
});

test("verify: compares all rows again after a restore in the middle of it", async () => {
  const comparison = { rows: 7, to: "task/t3", differences: [], more: false };
  const { models, built } = await restored({ lookMs: 20, job: { ...newVerification("job", null), comparison } });
  await built();
  await until(async () => (await models.status(board)).job?.phase === "done", "the end of the comparison");
  expect((await models.status(board)).verified).toMatchObject({ at: "5-m5", rows: 5, differences: [] });
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
