// Strong read models whose rows move between the plan of a batch and its append.
import { expect, test } from "vitest";
import { strong, syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Append, EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelStore } from "../../../../src/sync-server/stores/model-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { tokens } from "../../../support/sync-requests.ts";

const FOLLOWER = "rows/names@1<user@1";
const call = (id: string, name: string) => user.command.name(id, { name });

type Hooks = {
  /** Runs before each append reaches the store. */
  readonly beforeAppend?: (append: Append) => Promise<void>;
  /** True: no keeper of this node writes rows. */
  readonly isIdle?: boolean;
};

function node(store: EventStore, hooks: Hooks = {}, models = [strong(names)]): SyncServer {
  const shared = storeThrough(
    (run) => run(store),
    () => Promise.resolve(),
  );
  const inner = requireModels(shared);
  return syncServer({
    domain: namesDomain,
    store: {
      ...shared,
      append: async (log, append) => {
        await hooks.beforeAppend?.(append);
        return shared.append(log, append);
      },
      models: hooks.isIdle ? { ...inner, write: () => Promise.resolve({ kind: "moved", followers: [] }) } : inner,
    },
    authorize: bearer({ tokens }),
    models,
    liveTicks: false,
  });
}

function requireModels({ models }: EventStore): ModelStore {
  if (!models) throw new Error("The store keeps no models");
  return models;
}

/** An old log with one user, of a release without strong models. */
async function oldLog(): Promise<EventStore> {
  const store = memory();
  await node(store, {}, []).log("board").execute(call("u1", "neo"));
  return store;
}

test("strong: a commit that passed during a build is planned again once the rows are ready", async () => {
  const store = await oldLog();
  let plans = 0;
  const writer = node(store, {
    isIdle: true,
    beforeAppend: async () => {
      if (plans++ === 0) await node(store).log("board").rows(names);
    },
  });
  await expect(writer.log("board").execute(call("u2", "neo"))).rejects.toMatchObject({
    details: { code: "name-taken" },
  });
  expect(plans).toBe(2);
});

test("strong: a commit that is appended before the rows are ready passes, and the rows park it", async () => {
  const store = await oldLog();
  const done = await node(store, { isIdle: true }).log("board").execute(call("u2", "neo"));
  expect(await node(store).log("board").rows(names, { at: done.at })).toMatchObject({
    parked: 1,
    rows: [{ key: "neo", row: { user: "user/u1" } }],
  });
});

test("strong: a veto is decided again if the rows moved, though no record is appended", async () => {
  const store = memory();
  const log = node(store).log("board");
  await log.execute(call("u1", "neo"));
  await removeName(store, "neo");
  // This node still has the old row in its memory.
  expect(await log.execute(call("u2", "neo"))).toMatchObject({ outcome: "recorded" });
  expect((await log.rows(names)).rows).toEqual([{ key: "neo", row: { user: "user/u2" } }]);
});

test("strong: a vetoed commit changes no row of any model, and an append has each row once", async () => {
  const store = memory();
  const appends: Append[] = [];
  const writer = node(store, { beforeAppend: async (append) => void appends.push(append) }, [
    strong(eventCounts),
    strong(names),
  ]);
  const log = writer.log("board");
  await log.execute(call("u1", "neo"));
  const settled = await Promise.allSettled([
    log.execute([call("u2", "tank"), call("u2", "mouse")]),
    log.execute(call("u3", "neo")),
    log.execute(call("u2", "switch")),
    log.execute(call("u3", "dozer")),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  expect(appends).toHaveLength(2);
  expect(appends[1]?.models).toMatchObject({
    followers: [
      { revision: 1, next: { at: { position: 5 } } },
      { revision: 1, next: { at: { position: 5 } } },
    ],
    rows: [
      {
        table: "rows",
        set: [
          ["user/u2", "3"],
          ["user/u3", "1"],
        ],
        remove: [],
      },
      {
        table: "rows",
        set: [
          ["switch", `{"user":"user/u2"}`],
          ["dozer", `{"user":"user/u3"}`],
        ],
        remove: ["tank", "mouse"],
      },
    ],
  });
});

test("strong: the rows of a batch are read at once if the model has rows by stream", async () => {
  const store = memory();
  const ids = Array.from({ length: 10 }, (_, n) => `u${n}`);
  const rename = (server: SyncServer, suffix: string) =>
    Promise.all(ids.map((id) => server.log("board").execute(call(id, `${id}${suffix}`))));
  await rename(node(store, {}, [strong(eventCounts)]), "");
  const reads: string[] = [];
  const models = requireModels(store);
  const rows = models.rows.bind(models);
  models.rows = (log, follower, table, range) => {
    if (follower !== "snapshots") reads.push(`${follower} ${"keys" in range ? range.keys.length : "range"}`);
    return rows(log, follower, table, range);
  };
  await rename(node(store, {}, [strong(eventCounts)]), "b");
  expect(reads).toEqual(["rows/event-counts@1<user@1 10"]);
});

/** Removes a row as an operator would, from another node. */
async function removeName(store: EventStore, key: string): Promise<void> {
  const models = requireModels(store);
  const found = await models.followers("board");
  const follower = found.kind === "open" ? found.followers.find(({ name }) => name === FOLLOWER) : undefined;
  if (!follower) throw new Error("The model has no follower");
  const { name, revision, at, text } = follower;
  const next = { at, text, wake: null, tables: { rows: "keep", states: "keep" } } as const;
  await models.write("board", {
    followers: [{ name, revision, next }],
    rows: [{ follower: name, table: "rows", set: [], remove: [key] }],
  });
}
