// A server that is killed while it builds rows beside those that are read: the next server continues the job.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { emptyNotes, notesText } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { newJob } from "../../../../src/sync-server/read-models/job.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, columnCounts } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { addOldRow, COUNTS, fillBoard, OLD } from "../../../support/filled-log.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { seededRandom } from "../../../support/random.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { startServerChild } from "../../../support/server-child/start.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const EVENTS = 12_000;
const BESIDE = "beside/column-counts@1<task@1";

/** A file with rows of both models, a damaged row, and a job that has not begun. */
async function fileWithJob(file: string): Promise<void> {
  const store = sqlite(file);
  await fillBoard(store, EVENTS);
  const server = testServer({ store, models: [board, columnCounts] });
  for (const model of [board, columnCounts])
    await server.log("board").rows(model, { limit: 1, at: `${EVENTS}-m${EVENTS}`, waitMs: 30_000 });
  await server.close();
  const again = sqlite(file);
  await addOldRow(again);
  const text = notesText(emptyNotes(1, Date.now(), newJob("job", { onError: "park", duty: 0.5 })));
  const next = { at: null, wake: 0, text, tables: { rows: "new", states: "new" } } as const;
  await again.models?.write("board", { followers: [{ name: BESIDE, revision: 0, next }], rows: [] });
  await again.close();
}

test("rebuild: a job that is killed at random continues, and its rows are those of the log", async () => {
  const random = seededRandom(7);
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  await fileWithJob(file);
  const database = new DatabaseSync(file);
  database.exec("pragma busy_timeout = 5000");
  undo.push(async () => database.close());
  const sumOf = (follower: string) =>
    Number(
      database
        .prepare(
          `select coalesce(sum(row ->> 'tasks'), 0) as sum from dacapo_rows
           where tbl = (select id from dacapo_tables where follower = ? and name = 'rows')`,
        )
        .get(follower)?.["sum"],
    );
  const followerAt = (name: string) =>
    Number(database.prepare("select position from dacapo_followers where name = ?").get(name)?.["position"]);

  let kills = 0;
  for (let before = 0; kills < 4 && before < EVENTS; before = followerAt(BESIDE)) {
    const child = await startServerChild();
    undo.push(child.kill);
    await child.serve({ store: { file }, hasModels: true });
    await until(() => followerAt(BESIDE) > before, "a step of the job");
    await new Promise((resolve) => setTimeout(resolve, random.below(30)));
    await child.kill();
    const isEnded = sumOf(COUNTS) === EVENTS;
    // Before the swap readers have the old rows, and the rows beside are those of their cursor.
    if (!isEnded) expect(sumOf(COUNTS)).toBe(EVENTS + OLD.tasks);
    if (!isEnded) expect(sumOf(BESIDE)).toBe(followerAt(BESIDE));
    // The lease of a killed server ends after 15 seconds, for which this test does not wait.
    database.exec("update dacapo_followers set held_until = 0");
    kills++;
  }
  expect(kills).toBeGreaterThan(1);

  const last = await startServerChild();
  undo.push(last.kill);
  const { url } = await last.serve({ store: { file }, hasModels: true });
  await until(() => sumOf(COUNTS) === EVENTS, "the end of the job");
  const response = await fetch(`${url}/logs/board/rows/column-counts`, { headers: { authorization: "Bearer ada" } });
  expect(parseOwnJson(await response.text())).toMatchObject({
    parked: 0,
    rows: [0, 1, 2].map((n) => ({ key: `column${n}`, row: { tasks: EVENTS / 3 } })),
  });
  const tables = () =>
    Number(database.prepare("select count(*) as n from dacapo_tables where follower is null").get()?.["n"]);
  await until(() => tables() === 0, "the sweep of the old rows");
  await last.stop();
});
