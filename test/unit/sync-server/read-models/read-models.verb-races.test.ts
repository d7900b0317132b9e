// Two verbs on one model at the same time: one of them runs between the read and the write of the other.
import { afterEach, expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelStore, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { board } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { BOARD, fillBoard } from "../../../support/filled-log.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const BESIDE = BOARD.replace("rows/", "beside/");

type Models = ReturnType<ReturnType<typeof testServer>["log"]>["models"];

/** A server with five rows. Before the first write for which `isVerb` is true, it awaits `between`. */
async function racedBy(isVerb: (write: ModelWrite) => boolean, between: (models: Models) => Promise<unknown>) {
  const inner = memory();
  const { models } = inner;
  if (!models) throw new Error("The store has no models");
  await fillBoard(inner, 5);
  let run: (() => Promise<unknown>) | null = null;
  let isHeld = true;
  const write: ModelStore["write"] = async (log, given) => {
    const runs = run;
    if (runs && isVerb(given)) {
      run = null;
      await runs();
    }
    const isSwap = given.followers.some(
      ({ next }) => next && next !== "check" && typeof next.tables["rows"] === "object",
    );
    return isHeld && isSwap ? { kind: "moved", followers: [] } : models.write(log, given);
  };
  const through = storeThrough(
    (call) => call(inner),
    () => Promise.resolve(),
  );
  const store: EventStore = { ...through, models: { ...methodsOf(models), write } };
  const server = testServer({ store, models: [board] });
  undo.push(server.close);
  const log = server.log("board");
  await log.rows(board, { at: "5-m5", waitMs: 20_000 });
  const hasJob = async (): Promise<boolean> => {
    const found = await models.followers("board");
    return found.kind === "open" && found.followers.some(({ name }) => name === BESIDE);
  };
  run = () => between(log.models);
  return { log, hasJob, letSwap: () => (isHeld = false) };
}

/** The same with a rebuild that begins before the write. */
async function raced(isVerb: (write: ModelWrite) => boolean) {
  const rebuilt: Promise<unknown>[] = [];
  const { log, hasJob, letSwap } = await racedBy(isVerb, async (models) => {
    rebuilt.push(models.rebuild(board).then((job) => job.finished()));
    await until(hasJob, "the job");
  });
  return {
    log,
    /** Lets the rebuild finish. */
    release: async () => {
      letSwap();
      await Promise.allSettled(rebuilt);
    },
  };
}

/** A spread copies no methods of a class. */
function methodsOf(models: ModelStore): ModelStore {
  return {
    followers: (log) => models.followers(log),
    write: (log, write) => models.write(log, write),
    rows: (log, follower, table, range) => models.rows(log, follower, table, range),
    lease: (log, follower, holder, ms) => models.lease(log, follower, holder, ms),
    sweep: (rowsMax) => models.sweep(rowsMax),
    due: (followers, now, after, limit) => models.due(followers, now, after, limit),
  };
}

test("delete: a row stays absent if a rebuild begins while the row is deleted", async () => {
  const isDelete = ({ rows }: ModelWrite): boolean => rows.some(({ set }) => set.some(([, text]) => text === null));
  const { log, release } = await raced(isDelete);
  await log.models.delete(board, "task/t3");
  await release();
  expect((await log.rows(board)).rows.map(({ key }) => key)).not.toContain("task/t3");
});

test("purge: ends a rebuild that begins while the rows are purged", async () => {
  const isPurge = ({ followers }: ModelWrite): boolean =>
    followers.some(({ next }) => next && next !== "check" && next.text.includes('"phase":"purged"'));
  const { log, release } = await raced(isPurge);
  await log.models.purge(board);
  await release();
  await expect(log.rows(board, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-not-populated" });
});

test("verify: ends with rows-not-populated if a purge comes just before its job begins", async () => {
  const isVerify = ({ followers }: ModelWrite): boolean =>
    followers.some(({ next }) => next && next !== "check" && next.text.includes('"comparison"'));
  const { log } = await racedBy(isVerify, (models) => models.purge(board));
  await expect(log.models.verify(board)).rejects.toMatchObject({ code: "rows-not-populated" });
});
