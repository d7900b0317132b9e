// `finished` of a job ends with the job, with its server, or with a store that failed for good.
import { afterEach, expect, test } from "vitest";
import { StorageLostError } from "../../../../src/core/values/errors.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board } from "../../../support/board-domain.ts";
import { fillBoard } from "../../../support/filled-log.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

/** A paused job in a store whose reads of followers fail while `away` is set. */
async function pausedJob() {
  const store = sqlite(":memory:");
  await fillBoard(store, 300);
  const outage = { isOn: false, reads: 0 };
  const { models } = store;
  if (!models) throw new Error("The store has no models");
  const followers = models.followers.bind(models);
  Object.assign(models, {
    followers: async (log: string) => {
      if (!outage.isOn) return followers(log);
      outage.reads++;
      throw new StorageLostError({ message: "The database restarts", fix: "Nothing to do." });
    },
  });
  const server = testServer({ store, models: [board] });
  undo.push(server.close);
  const log = server.log("board");
  await log.rows(board, { at: "300-m300", waitMs: 20_000 });
  const job = await log.models.rebuild(board);
  await job.pause();
  return { store, server, job, outage };
}

test("finished: a store that is away for some reads does not reject it", async () => {
  const { job, outage } = await pausedJob();
  outage.isOn = true;
  const finished = job.finished();
  finished.catch(() => {});
  while (outage.reads < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  outage.isOn = false;
  await job.resume();
  expect(await finished).toMatchObject({ phase: "done", done: 300, of: 300 });
});

test("finished: a closed server rejects it, also while the store is away", async () => {
  const { server, job, outage } = await pausedJob();
  outage.isOn = true;
  const isClosed = expect(job.finished()).rejects.toMatchObject({ code: "unreachable" });
  while (outage.reads < 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await server.close();
  await isClosed;
});

test("finished: a store that failed for good rejects it", async () => {
  const { store, job } = await pausedJob();
  const isLost = expect(job.finished()).rejects.toMatchObject({ code: "storage-lost" });
  await store.close();
  await isLost;
});
