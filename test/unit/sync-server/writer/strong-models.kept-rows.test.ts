// The rows of strong read models that a node keeps and reads, and commits that it must not check yet.
import { expect, test } from "vitest";
import { projection, RejectedError, veto } from "dacapo";
import { strong } from "../../../../src/sync-server/app.ts";
import { type ServerModel } from "../../../../src/sync-server/read-models/strong.ts";
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { ModelStore } from "../../../../src/sync-server/stores/model-store.ts";
import { BREAKS, eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { commitOf, kindsOf, outcomesOf, writerScene } from "../../../support/writer-scene.ts";

const CATCH_UPS_MAX = 50;
const call = (id: string, name: string) => user.command.name(id, { name });
const named = (...pairs: readonly (readonly [id: string, name: string])[]) =>
  commitOf(pairs.map(([id, name]) => call(id, name)));
const range = (count: number, from = 0) => Array.from({ length: count }, (_, n) => n + from);

function modelsOf({ models }: EventStore): ModelStore {
  if (!models) throw new Error("The store keeps no models");
  return models;
}

/** A node with these models. Its keepers fold nothing, and note the milliseconds of each wait for them. */
function node(models: readonly ServerModel[], store = memory(), onFolded: (isFolded: boolean) => void = () => {}) {
  const waited: number[] = [];
  const keepers = {
    models: readModels(namesDomain.definition, models, store),
    catchUp: async (_: string, ms: number) => {
      if (waited.push(ms) > CATCH_UPS_MAX) throw new Error("The writer does not stop to wait");
    },
  };
  const scene = writerScene({
    store,
    domain: namesDomain.definition,
    ...(models.length > 0 && { keepers }),
    onAppended: (_, __, isFolded) => onFolded(isFolded),
  });
  const reads: string[] = [];
  const through = modelsOf(scene.store);
  const [followers, rows] = [through.followers.bind(through), through.rows.bind(through)];
  Object.assign(through, {
    followers: (log: string) => (reads.push("followers"), followers(log)),
    rows: (...given: Parameters<ModelStore["rows"]>) => {
      const [, follower, , asked] = given;
      // Snapshots of streams are no rows of a model.
      if (follower !== "snapshots") reads.push("keys" in asked ? asked.keys.join() : "range");
      return rows(...given);
    },
  });
  /** Pushes one commit, and returns its outcome and the reads that it cost. */
  const cost = async (...commits: Parameters<typeof scene.push>[0]) => {
    reads.length = 0;
    const kinds = kindsOf(await scene.push(commits));
    return [kinds, [...reads]];
  };
  return { ...scene, reads, waited, cost, base: store };
}

/** Appends to a log as a release without strong models does. */
async function oldRelease(
  store: EventStore,
  ...commits: Parameters<ReturnType<typeof node>["push"]>[0]
): Promise<void> {
  const result = await writerScene({ store, domain: namesDomain.definition }).push(commits);
  expect(result).toMatchObject({ kind: "settled", stopped: null });
}

/** Writes a follower as another node would, with a change of its notes. Its rows stay. */
async function moveFollower(store: EventStore, name: string, change: object = {}): Promise<void> {
  const found = await modelsOf(store).followers("board");
  const follower = found.kind === "open" ? found.followers.find((one) => one.name === name) : undefined;
  const { revision = 0, at = null } = follower ?? {};
  const text = JSON.stringify({ ...parseOwnJson<object>(follower?.text ?? "{}"), ...change });
  const tables = { rows: "keep", states: "keep" } as const;
  const write = { followers: [{ name, revision, next: { at, text, wake: null, tables } }], rows: [] };
  expect(await modelsOf(store).write("board", write)).toEqual({ kind: "ok" });
}
const NAMES = "rows/names@1<user@1";

test("strong: a new log costs one read, and later batches read only rows that are not in memory", async () => {
  const { cost, appends } = node([strong(names)]);
  expect(await cost(named(["u1", "neo"]))).toEqual([["recorded"], ["followers"]]);
  expect(await cost(named(["u1", "tank"]))).toEqual([["recorded"], ["tank"]]);
  expect(await cost(named(["u1", "neo"]))).toEqual([["recorded"], []]);
  expect(await cost(commitOf([{ stream: "user/u1", name: "explode", v: 1 }]))).toEqual([["unknown-command"], []]);
  // A rejection by a model is written only while its rows are those of the store.
  expect(await cost(named(["u2", "neo"]))).toEqual([["name-taken"], ["followers"]]);
  expect(await cost(named(["u2", "neo"]), named(["u2", "tank"]))).toEqual([["name-taken", "recorded"], []]);
  expect(await cost(named(["u3", "tank"]), named(["u3", "dozer"]))).toEqual([["name-taken", "recorded"], ["dozer"]]);
  expect(appends).toHaveLength(7);
  expect(appends[0]?.models?.followers).toMatchObject([
    { name: NAMES, revision: 0, next: { at: { position: 1 }, tables: { rows: "new", states: "new" } } },
  ]);
  const [first] = appends[0]?.models?.followers ?? [];
  const next = typeof first?.next === "object" ? first.next : null;
  expect(parseOwnJson(next?.text ?? "")).toMatchObject({
    phase: "ready",
    domain: 1,
    hasUnknown: false,
    parkedCount: 0,
  });
});

test("strong: a server without strong models reads and writes no rows", async () => {
  for (const models of [[], [names, eventCounts]]) {
    const { cost, appends } = node(models);
    expect(await cost(named(["u1", "neo"]))).toEqual([["recorded"], []]);
    expect(appends[0]?.models).toBeUndefined();
  }
  const { cost, appends } = node([eventCounts, strong(names)]);
  await cost(named(["u1", "neo"]));
  expect(appends[0]?.models?.followers.map(({ name }) => name)).toEqual([NAMES]);
});

test("strong: an append that moves the rows of all models needs no keeper, but once a minute", async () => {
  for (const [models, isAll] of [
    [[strong(names), strong(eventCounts)], true],
    [[strong(names), eventCounts], false],
  ] as const) {
    const folded: boolean[] = [];
    const { push, clock } = node(models, memory(), (isFolded) => folded.push(isFolded));
    for (const [name, ms] of [
      ["a", 0],
      ["b", 0],
      ["c", 59_999],
      ["d", 1],
      ["e", 0],
    ] as const) {
      clock.now += ms;
      await push([named(["u1", name])]);
    }
    expect(folded).toEqual(isAll ? [false, true, true, false, true] : [false, false, false, false, false]);
  }
});

/** A model with a row for the stream and a row for the name. */
const both = projection("both", {
  version: 1,
  from: [user],
  initial: 0,
  key: ({ stream }, { after }) => [stream, after?.name],
  on: { UserNamed: (count) => count + 1, UserLeft: (count) => count },
});
/** A model with no row for these events. */
const none = projection("none", { version: 1, from: [user], initial: 0, key: () => [], on: { UserNamed: (n) => n } });

/** A store in which a node with these models named users. */
async function storeWith(models: readonly ServerModel[], ...ids: readonly string[]): Promise<EventStore> {
  const store = memory();
  await node(models, store).push([named(...ids.map((id) => [id, `old-${id}`] as const))]);
  return store;
}

test.each<[string, ServerModel, readonly string[], readonly string[]]>([
  ["rows by stream", strong(eventCounts), ["user/u1"], ["user/u2,user/u3"]],
  ["rows by another key", strong(names), ["old-u1,neo"], ["old-u2,tank", "old-u3,dozer"]],
  ["rows by both", strong(both), ["user/u1,neo"], ["user/u2,tank", "user/u3,dozer"]],
  ["no rows", strong(none), [], ["user/u2,user/u3"]],
])("strong: a batch reads the rows of several streams at once if a model has %s", async (_, model, one, two) => {
  const { cost } = node([model], await storeWith([model], "u1", "u2", "u3"));
  expect(await cost(named(["u1", "neo"]))).toEqual([["recorded"], ["followers", ...one]]);
  expect(await cost(named(["u2", "tank"]), named(["u3", "dozer"]))).toEqual([["recorded", "recorded"], two]);
});

test("strong: rows in memory are not read at once again, also after a commit of many streams", async () => {
  const models = [strong(eventCounts)];
  const { cost } = node(models, await storeWith(models, "u1", "u2", "u3", "u4"));
  expect(await cost(named(["u1", "neo"], ["u2", "tank"]))).toEqual([["recorded"], ["followers", "user/u1,user/u2"]]);
  expect(await cost(named(["u2", "a"]), named(["u1", "b"]))).toEqual([["recorded", "recorded"], []]);
  expect(await cost(named(["u3", "a"]), named(["u4", "b"]))).toEqual([["recorded", "recorded"], ["user/u3,user/u4"]]);
});

test("strong: a stream that begins costs no read of its row, unless rows were deleted", async () => {
  const models = [strong(eventCounts)];
  const [COUNTS, store] = ["rows/event-counts@1<user@1", await storeWith(models, "first")];
  const { cost } = node(models, store);
  expect(await cost(named(["u1", "a"]))).toEqual([["recorded"], ["followers"]]);
  expect(await cost(named(["u2", "a"]), named(["u3", "a"], ["first", "b"]))).toEqual([
    ["recorded", "recorded"],
    ["user/first"],
  ]);
  // Notes of a writer that did not know it are without the field.
  for (const [n, hasDeleted] of [true, undefined].entries()) {
    await moveFollower(store, COUNTS, { hasDeleted });
    await cost(named([`a${n}`, "a"]));
    expect(await cost(named([`b${n}`, "a"]))).toEqual([["recorded"], [`user/b${n}`]]);
    expect(await cost(named([`c${n}`, "a"]), named([`d${n}`, "a"]))).toEqual([
      ["recorded", "recorded"],
      [`user/c${n},user/d${n}`],
    ]);
  }
});

/** A model with a row for the name that a user has now, and none for a user who left. */
const current = projection("current", {
  version: 1,
  from: [user],
  initial: 0,
  key: (_, { after }) => [after?.name],
  on: { UserNamed: (count) => count + 1, UserLeft: (count) => count },
});

test("strong: an event without a row does not change how the rows of a model are read", async () => {
  const store = memory();
  await node([strong(current)], store).push([named(["first", "first"])]);
  const { cost } = node([strong(current)], store);
  await cost(named(["u1", "neo"]));
  expect(await cost(commitOf([user.command.leave("u1")]))).toEqual([["recorded"], []]);
  expect(await cost(named(["u2", "tank"]), named(["u3", "dozer"]))).toEqual([
    ["recorded", "recorded"],
    ["tank", "dozer"],
  ]);
});

test("strong: a node keeps the last 1,000 rows of a log, and up to 1,000 more", async () => {
  const { cost, push } = node([strong(eventCounts)]);
  const append = (first: number, count = 100) =>
    push([named(...range(count, first).map((n) => [`u${n}`, "a"] as const))]);
  for (const n of range(19)) await append(n * 100);
  // The rows of u0 to u999 are one generation, and the others begin the next one.
  expect(await cost(named(["u0", "b"]))).toEqual([["recorded"], []]);
  await append(1_900, 98);
  expect(await cost(named(["u1", "b"]))).toEqual([["recorded"], []]);
  // Now the next one has 1,000 rows, with those of u0 and u1.
  for (const id of ["u0", "u1", "u1000", "u1997"]) expect(await cost(named([id, "c"]))).toEqual([["recorded"], []]);
  expect(await cost(named(["u2", "b"]))).toEqual([["recorded"], ["user/u2"]]);
});

/** A model whose row is the name of its user. */
const lastName = projection("last-name", {
  version: 1,
  from: [user],
  initial: null as string | null,
  on: { UserNamed: (_, { data }) => data.name, UserLeft: () => null },
});

test("strong: the rows that a node keeps of a log have at most 250,000 characters", async () => {
  const { cost } = node([strong(lastName)]);
  // With its quotes, the text of a row has two characters more.
  const row = (id: string, length: number) => cost(named([id, "a".repeat(length - 2)]));
  for (const n of range(5)) await row(`u${n}`, 50_000);
  // Only two of these rows fit into each generation.
  for (const id of ["u1", "u2", "u3", "u4"]) expect(await row(id, 3)).toEqual([["recorded"], []]);
  expect(await row("u0", 125_000)).toEqual([["recorded"], ["user/u0"]]);
  expect(await row("u0", 125_001)).toEqual([["recorded"], []]);
  expect(await row("u0", 3)).toEqual([["recorded"], ["user/u0"]]);
});

/** A model that refuses each name, after its row was read. */
const closed = projection("closed", {
  version: 1,
  from: [user],
  initial: 0,
  key: (_, { after }) => after?.name,
  on: {
    UserNamed: (count, { data }) => (data.name === "open" ? count : veto("closed", "No more names")),
    UserLeft: (count) => count,
  },
});

test("strong: rejected commits read rows, and a node keeps at most 2,000 of them", async () => {
  const { cost, push } = node([strong(closed)]);
  await push([named(["u1", "open"])]);
  const refused = async (name: string) => {
    const [kinds, reads] = await cost(named(["u1", name]));
    expect(kinds).toEqual(["closed"]);
    return reads;
  };
  expect(await refused("n0")).toEqual(["n0", "followers"]);
  expect(await refused("n0")).toEqual(["followers"]);
  for (const n of range(20)) await push(range(100).map((k) => named(["u1", `n${n * 100 + k + 1}`])));
  expect(await refused("n2000")).toEqual(["followers"]);
  expect(await refused("n0")).toEqual(["n0", "followers"]);
});

test("strong: of a commit with more than 1,000 rows, a node keeps the last ones", async () => {
  const { cost, push } = node([strong(lastOf)]);
  await push([named(["u1", "0"]), named(["u1", "2500"])]);
  expect(await cost(named(["u1", "02500"]))).toEqual([
    ["recorded"],
    [
      range(1_500)
        .map((n) => `row-${n}`)
        .join(),
    ],
  ]);
});

/** A model with as many rows as the name says. */
const lastOf = projection("last-of", {
  version: 1,
  from: [user],
  initial: 0,
  key: (_, { after }) => range(Number(after?.name)).map((n) => `row-${n}`),
  on: { UserNamed: (count) => count + 1, UserLeft: (count) => count },
});

test("strong: a node keeps the rows of 200 logs, and forgets the log that was idle for longest", async () => {
  const { push, reads } = node([strong(names)]);
  const readsOf = async (log: string, name: string) => {
    reads.length = 0;
    expect(kindsOf(await push([named(["u1", name])], { log }))).toEqual(["recorded"]);
    return reads.filter((read) => read === "followers").length;
  };
  for (const n of range(200)) await readsOf(`log-${n}`, "neo");
  expect(await readsOf("log-0", "tank")).toBe(0);
  expect(await readsOf("log-200", "neo")).toBe(1);
  expect([await readsOf("log-0", "neo"), await readsOf("log-2", "tank"), await readsOf("log-1", "tank")]).toEqual([
    0, 0, 1,
  ]);
});

test("strong: rows that another node moved are read again, and the commit is planned twice", async () => {
  const { cost, base, appends, errors } = node([strong(names), strong(eventCounts)]);
  await cost(named(["u1", "neo"]));
  await moveFollower(base, NAMES);
  expect((await cost(named(["u2", "tank"])))[0]).toEqual(["recorded"]);
  expect([appends.length, errors]).toEqual([3, []]);
  expect(appends[2]?.models?.followers.map(({ revision }) => revision)).toEqual([2, 1]);
  // A rejection appends no row, so the writer itself notices that the rows of one model moved.
  await moveFollower(base, NAMES);
  expect((await cost(named(["u3", "neo"])))[0]).toEqual(["name-taken"]);
  expect((await cost(named(["u3", "dozer"])))[0]).toEqual(["recorded"]);
  expect(appends).toHaveLength(5);
});

test("strong: a follower of another model does not count for a rejection", async () => {
  const { cost, base, appends } = node([strong(names)]);
  await cost(named(["u1", "neo"]));
  for (let n = 0; n < 3; n++) await moveFollower(base, "rows/aaa@1<user@1");
  expect(await cost(named(["u2", "neo"]))).toEqual([["name-taken"], ["followers"]]);
  expect(appends).toHaveLength(2);
});

test("strong: the first commit of a log can be rejected by a model", async () => {
  const { push, errors, head } = node([strong(names)]);
  expect(outcomesOf(await push([named(["u1", "neo"], ["u2", "neo"])]))).toMatchObject([
    { code: "name-taken", command: 1 },
  ]);
  expect([errors, await head()]).toEqual([[], null]);
  expect(kindsOf(await push([named(["u1", "neo"])]))).toEqual(["recorded"]);
});

test("strong: a log that another node moves while its rows are read is planned again", async () => {
  const { push, store, base, appends } = node([strong(names)]);
  const through = modelsOf(store);
  const followers = through.followers.bind(through);
  let isFirst = true;
  through.followers = async (log) => {
    if (isFirst) await oldRelease(base, named(["u1", "neo"]));
    isFirst = false;
    return followers(log);
  };
  expect(kindsOf(await push([named(["u2", "tank"])]))).toEqual(["recorded"]);
  expect(appends).toMatchObject([{ expected: { position: 1 } }]);
});

test("strong: commits wait for rows that are behind, five times, and are then refused", async () => {
  const store = memory();
  await node([strong(names), strong(eventCounts)], store).push([named(["u1", "neo"])]);
  // Only one of the two models is behind.
  await node([strong(eventCounts)], store).push([named(["u2", "tank"])]);
  const { push, waited, appends } = node([strong(names), strong(eventCounts)], store);
  expect(kindsOf(await push([named(["u3", "dozer"])]))).toBe("unavailable");
  expect([waited, appends]).toEqual([[400, 400, 400, 400, 400], []]);
});

test.each([
  [1_000, [400, 400, 400, 400, 400]],
  [1_001, [0]],
])("strong: rows that are %i events behind let commits wait for %j milliseconds", async (missing, expected) => {
  const store = memory();
  await node([strong(names)], store).push([named(["u1", "neo"])]);
  const commits = range(Math.ceil(missing / 100)).map((n) =>
    named(...range(Math.min(100, missing - n * 100), n * 100).map((k) => [`b${k}`, `b${k}`] as const)),
  );
  await oldRelease(store, ...commits);
  const { push, waited } = node([strong(names)], store);
  expect(kindsOf(await push([named(["u2", "tank"])]))).toBe("unavailable");
  expect(waited).toEqual(expected);
});

test("strong: if one model is far from ready, no commit waits for another that is behind", async () => {
  const store = memory();
  await node([strong(eventCounts)], store).push([named(["u1", "neo"])]);
  await oldRelease(store, named(["u2", "tank"]));
  const { push, waited } = node([strong(eventCounts), strong(names, { untilReady: "refuse" })], store);
  expect(kindsOf(await push([named(["u3", "dozer"])]))).toBe("unavailable");
  expect(waited).toEqual([0]);
});

test("strong: a model that is not built lets commits pass, beside one that checks them", async () => {
  const store = memory();
  await node([strong(eventCounts)], store).push([named(["u1", "neo"])]);
  const folded: boolean[] = [];
  const models = [strong(eventCounts), strong(names)];
  const { cost, waited, appends } = node(models, store, (isFolded) => folded.push(isFolded));
  // Each batch checks again whether the rows are built.
  for (const id of ["u2", "u3"]) {
    const [kinds, reads] = await cost(named([id, "neo"]));
    expect([kinds, reads?.[0]]).toEqual([["recorded"], "followers"]);
  }
  // The keeper must run after each, because it builds the rows.
  expect([waited, appends.length, folded]).toEqual([[], 2, [false, false]]);
  expect(appends[1]?.models?.followers).toMatchObject([
    { name: NAMES, revision: 0, next: "check" },
    { revision: 2, next: { at: { position: 3 } } },
  ]);
});

/** A model whose handler throws an error of its own. */
const refusing = projection("refusing", {
  version: 1,
  from: [user],
  initial: 0,
  on: {
    UserNamed: (count, { data }) => {
      if (data.name === "no") throw new RejectedError({ message: "No", fix: "Take another name." });
      return count + 1;
    },
    UserLeft: (count) => count,
  },
});

test("strong: a rejection names the command whose event the model refuses", async () => {
  const failing = node([strong(names)]);
  await failing.push([named(["u0", "first"], ["u9", "last"])]);
  const commit = named(["u1", "neo"], ["u2", "tank"], ["u3", BREAKS]);
  expect(outcomesOf(await failing.push([commit]))).toMatchObject([{ code: "model-failed", command: 2 }]);
  expect(failing.errors).toMatchObject([{ details: { model: "names", stream: "user/u3", log: "board" } }]);
  const parking = node([strong(names, { onError: "park" })]);
  expect(kindsOf(await parking.push([named(["u1", BREAKS])]))).toEqual(["recorded"]);
  const own = node([strong(refusing)]);
  expect(outcomesOf(await own.push([named(["u1", "yes"], ["u2", "no"])]))).toMatchObject([
    { code: "rejected", message: "No", command: 1 },
  ]);
});
