// A node that dies before or after any of its calls of the store: the next node continues, and only orphans are left.
import { copyFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { notesOf } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { hasEnded } from "../../../../src/sync-server/read-models/job.ts";
import { ModelJobs } from "../../../../src/sync-server/read-models/model-jobs.ts";
import { ModelKeepers } from "../../../../src/sync-server/read-models/model-keepers.ts";
import type { ReadModel } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { columnCounts, domain } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { addOldRow, COUNTS, fillBoard, OLD } from "../../../support/filled-log.ts";
import { temporaryFolder } from "../../../support/server.ts";

const EVENTS = 12;
/** A job needs some steps for the log. */
const PAGE_EVENTS = 5;
const BESIDE = COUNTS.replace("rows/", "beside/");
const ALL = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const undo: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = await temporaryFolder();
  const store = sqlite(folder.path("filled.db"));
  await fillBoard(store, EVENTS);
  const { keepers } = nodeOn(store);
  keepers.start();
  await until(async () => (await readCounts(store)).at === EVENTS, "the rows before the job");
  await keepers.close();
  await addOldRow(store);
  await store.close();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => folder.remove());

type Node = { readonly keepers: ModelKeepers; readonly jobs: ModelJobs; readonly model: ReadModel };

function nodeOn(store: EventStore): Node {
  const { models: modelStore } = store;
  if (!modelStore) throw new Error("The store keeps no models");
  const facts = { domain: domain.definition, models: [columnCounts], store, env: runtimeEnv, isBusy: () => false };
  const keepers = new ModelKeepers({ ...facts, report: () => {}, walkMs: 10, ticks: true, turn: null });
  const model = keepers.models.get("column-counts");
  if (!model) throw new Error("The server has no model `column-counts`");
  return { keepers, jobs: new ModelJobs({ modelStore, keepers, env: runtimeEnv }), model };
}

/** The store of a node that dies at its n-th call: before the call has an effect, or after it and without an answer. */
function dying(inner: EventStore, at: number, moment: "before" | "after") {
  const node = { calls: 0, inStore: 0, isDead: () => node.calls >= at && node.inStore === 0 };
  const pass = async <Answer>(call: (store: EventStore) => Promise<Answer>): Promise<Answer> => {
    const n = ++node.calls;
    if (n > at || (n === at && moment === "before")) return new Promise<never>(() => {});
    node.inStore++;
    const answer = await call(inner).finally(() => node.inStore--);
    return n === at ? new Promise<never>(() => {}) : answer;
  };
  const store = storeThrough(pass, async () => {});
  const read: EventStore["read"] = (log, after, limit) => store.read(log, after, { ...limit, events: PAGE_EVENTS });
  return { node, store: { ...store, read } };
}

async function readCounts(store: EventStore) {
  const page = await store.models?.rows("board", COUNTS, "rows", ALL);
  const rows = page?.rows.filter(([key]) => key !== OLD.key) ?? [];
  return {
    at: page?.follower.at?.position ?? 0,
    isOld: page?.rows.some(([key]) => key === OLD.key) ?? false,
    rows: rows.map(([key, text]) => [key, JSON.parse(text ?? "null") as unknown]),
    phase: notesOf(page?.follower)?.phase,
  };
}

async function jobIn(store: EventStore) {
  const found = await store.models?.followers("board");
  return notesOf(found?.kind === "open" ? found.followers.find(({ name }) => name === BESIDE) : undefined)?.job;
}

const allRows = [0, 1, 2].map((n) => [`column${n}`, { tasks: EVENTS / 3 }]);
const options = { onError: "park", duty: null } as const;

type Scene = {
  readonly verbs: string;
  readonly run: (node: Node, store: EventStore) => Promise<unknown>;
  /** The ends that a crash may leave, after the next node has continued. */
  readonly ends: readonly { readonly phase: string; readonly isOld: boolean }[];
};

const ended = (store: EventStore) => until(async () => hasEndedNow(await jobIn(store)), "the end of the job");
const hasEndedNow = (job: Awaited<ReturnType<typeof jobIn>>): boolean => job === undefined || hasEnded(job);
const change = async ({ jobs, model }: Node, store: EventStore, verb: "pause" | "resume" | "cancel") => {
  const id = (await jobIn(store))?.id;
  if (id !== undefined) await jobs.change("board", { model, id }, verb);
};
const OLD_ROWS = { phase: "ready", isOld: true };
const NEW_ROWS = { phase: "ready", isOld: false };
const NO_ROWS = { phase: "purged", isOld: false };

const scenes: readonly Scene[] = [
  {
    verbs: "rebuild",
    run: ({ jobs, model }, store) => jobs.rebuild("board", model, options).then(() => ended(store)),
    ends: [OLD_ROWS, NEW_ROWS],
  },
  {
    verbs: "rebuild, pause, resume",
    run: async (node, store) => {
      await node.jobs.rebuild("board", node.model, options);
      await change(node, store, "pause");
      await change(node, store, "resume");
      await ended(store);
    },
    ends: [OLD_ROWS, NEW_ROWS],
  },
  {
    verbs: "rebuild, cancel",
    run: async (node, store) => {
      await node.jobs.rebuild("board", node.model, options);
      await change(node, store, "cancel");
    },
    ends: [OLD_ROWS, NEW_ROWS],
  },
  {
    verbs: "purge, populate",
    run: async (node, store) => {
      await node.jobs.purge("board", node.model);
      await node.jobs.populate("board", [node.model], options);
      await ended(store);
    },
    ends: [OLD_ROWS, NO_ROWS, NEW_ROWS],
  },
];

test.each(scenes)(
  "read models: a crash at any call of $verbs leaves old or new rows, and no orphans",
  async ({ run, ends }) => {
    const seen = new Set<string>();
    for (const moment of ["before", "after"] as const)
      for (let at = 1, isOver = false; !isOver; at++) {
        const file = folder.path(`${crypto.randomUUID()}.db`);
        copyFileSync(folder.path("filled.db"), file);
        const [first, second] = [sqlite(file), sqlite(file)];
        undo.push(
          () => first.close(),
          () => second.close(),
        );
        const { node, store } = dying(first, at, moment);
        const dead = nodeOn(store);
        let hasRun = false;
        // After the crash its calls have no answer.
        void run(dead, second).then(
          () => (hasRun = true),
          () => {},
        );
        await until(() => node.isDead() || hasRun, "the crash");
        // A scene that ends without a crash has had each of its calls cut off.
        isOver = !node.isDead();
        if (isOver) await dead.keepers.close();

        const live = nodeOn(second);
        undo.push(() => live.keepers.close());
        // Nobody reports work to this node. So it finds a job by its walk over all logs.
        live.keepers.start();
        await until(async () => (await jobIn(second))?.state !== "running", "the end of the running job");
        if ((await jobIn(second))?.state === "paused") {
          await change(live, second, "resume");
          await ended(second);
        }
        // The next record of any log has this effect.
        live.keepers.poke("board");
        await until(() => orphansIn(file) === 0, `the sweep after a crash ${moment} call ${at}`);
        const { phase = "none", isOld, rows, at: position } = await readCounts(second);
        const end = { phase, isOld };
        expect(ends, `a crash ${moment} call ${at}`).toContainEqual(end);
        if (phase === "ready") expect({ rows, position }).toEqual({ rows: allRows, position: EVENTS });
        else expect(rows).toEqual([]);
        expect(await second.models?.rows("board", BESIDE, "rows", ALL)).toBeNull();
        seen.add(JSON.stringify(end));
        for (const step of undo.splice(0).reverse()) await step();
      }
    // Each end was met, so the crashes were in time.
    expect(seen).toEqual(new Set(ends.map((end) => JSON.stringify(end))));
  },
);

function orphansIn(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  const found = database.prepare("select count(*) as n from dacapo_tables where follower is null").get();
  database.close();
  return Number(found?.["n"]);
}
