// Commits whose statements the database refuses, at the writer of one node on a SQLite file.
import { afterEach, expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { nextOf } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { startOf } from "../../../../src/sync-server/read-models/next-step.ts";
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { placeholder } from "../../../../src/sync-server/stores/sql-tables.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { invoices, order, ordersDomain } from "../../../support/invoices-domain.ts";
import { commitOf, kindsOf, outcomesOf, writerScene } from "../../../support/writer-scene.ts";

const stores: EventStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close?.();
});

function openStore(): EventStore {
  const store = sqlite(":memory:");
  stores.push(store);
  return store;
}

function node(store = openStore()) {
  const keepers = {
    models: readModels(ordersDomain.definition, [strong(invoices)], store),
    catchUp: () => Promise.resolve(),
  };
  return writerScene({ store, domain: ordersDomain.definition, keepers });
}

let ids = 0;
const { place, pay, cancel } = order.command;
const paid = (number: string, id = `o${++ids}`) => commitOf([place(id, { total: 1 }), pay(id, { number })]);
const paidAs = (numbers: string) => Array.from(numbers, (number) => paid(number));
/** The pushes of one batch, each with one commit for each digit, which is its invoice number. */
async function pushTogether(scene: ReturnType<typeof node>, batch: readonly string[]) {
  const release = scene.hold();
  const pushes = batch.map((numbers) => scene.push(paidAs(numbers)));
  release();
  return (await Promise.all(pushes)).map((result) => kindsOf(result));
}

test("strong SQL model: the first append of each node shows the tables, later ones do not", async () => {
  const store = openStore();
  const shown = async () => {
    const scene = node(store);
    for (let n = 0; n < 2; n++) await scene.push([paid(crypto.randomUUID())]);
    return scene.appends.map(({ models }) => {
      const [follower] = models?.followers ?? [];
      const next = follower?.next;
      return next && next !== "check" ? (next.sql?.["invoice"]?.isShown ?? null) : "check";
    });
  };
  expect([await shown(), await shown()]).toEqual([
    [true, null],
    [true, null],
  ]);
});

test("appendBatch: up to three refused commits of several pushes are rejected within one append", async () => {
  const scene = node();
  const taken = "number-taken";
  expect(await pushTogether(scene, ["0", "01", "012", "3"])).toEqual([
    ["recorded"],
    [taken, "recorded"],
    [taken, taken, "recorded"],
    ["recorded"],
  ]);
  // Each refused commit costs one append, and each is without those that were refused before.
  expect(scene.appends.map(({ records }) => records.length)).toEqual([7, 6, 5, 4]);
  expect(scene.published).toMatchObject([{ records: [{}, {}, {}, {}] }]);
  expect([scene.errors, scene.waits]).toEqual([[], []]);
});

test("appendBatch: after more refused commits, each push is settled alone with the same results", async () => {
  const scene = node();
  const taken = "number-taken";
  expect(await pushTogether(scene, ["0", "0001", "0", "0"])).toEqual([
    ["recorded"],
    [taken, taken, taken, "recorded"],
    [taken],
    [taken],
  ]);
  const together = [7, 6, 5, 4];
  expect(scene.appends.map(({ records }) => records.length)).toEqual([...together, 1, 4, 3, 2, 1, 1, 0, 1, 0]);
  // Readers read the records of several appends from the store.
  expect(scene.published).toEqual([null]);
  expect((await scene.head())?.position).toBe(4);
});

test("appendBatch: pushes that are settled alone and record nothing report nothing to readers", async () => {
  const scene = node();
  await scene.push([paid("0")]);
  const published = scene.published.length;
  expect((await pushTogether(scene, ["00", "00"])).flat()).toEqual(Array(4).fill("number-taken"));
  expect(scene.published).toHaveLength(published);
});

test("appendBatch: pushes that are settled alone report the records of another node", async () => {
  const store = openStore();
  const [here, there] = [node(store), node(store)];
  await here.push([paid("0")]);
  const published = here.published.length;
  here.hooks.append = async (write) => {
    if (here.appends.length === 7) expect(kindsOf(await there.push([paid("1")]))).toEqual(["recorded"]);
    return write();
  };
  expect((await pushTogether(here, ["00", "00"])).flat()).toEqual(Array(4).fill("number-taken"));
  expect(here.published.slice(published)).toEqual([null]);
});

test("appendBatch: a refused commit names the command whose event the database refused", async () => {
  const scene = node();
  await scene.push([paid("0"), paid("1")]);
  expect(outcomesOf(await scene.push([paid("0")]))).toMatchObject([{ code: "number-taken", command: 1 }]);
});

test("appendBatch: one push may have more refused commits than a batch has rounds", async () => {
  const scene = node();
  await scene.push([paid("0")]);
  scene.appends.length = 0;
  const kinds = kindsOf(await scene.push([...paidAs("0".repeat(25)), paid("1")]));
  expect(kinds).toEqual([...Array<string>(25).fill("number-taken"), "recorded"]);
  expect([scene.appends.length, scene.waits]).toEqual([26, []]);
});

test("appendBatch: a refused commit is tried again if the rows of the model moved", async () => {
  const scene = node();
  await scene.push([paid("0", "first")]);
  scene.appends.length = 0;
  scene.hooks.append = async (write) => {
    const result = await write();
    if (result.kind === "vetoed") await changeRows(scene.store, `delete from ${placeholder("invoice")}`);
    return result;
  };
  const kinds = kindsOf(await scene.push([paid("0")]));
  expect([kinds, scene.errors]).toEqual([["recorded"], []]);
  expect(scene.appends.map(({ records }) => records.length)).toEqual([1, 1]);
});

/** Changes the rows of the model as another node does, such as one that rebuilt them. */
async function changeRows(store: EventStore, sql: string): Promise<void> {
  const found = await store.models?.followers("board");
  const [follower] = found?.kind === "open" ? found.followers : [];
  const [model] = readModels(ordersDomain.definition, [strong(invoices)], store).values();
  if (!store.models || !follower || !model) throw new Error("The model has no follower");
  const { name, revision } = follower;
  const { at, notes } = startOf(model, follower);
  if (!notes) throw new Error("The follower has no notes");
  const followers = [{ name, revision, next: nextOf(model, at, notes, "keep", "keep") }];
  const statements = [{ follower: name, event: "repair", sql, params: [] }];
  expect(await store.models.write("board", { followers, rows: [], statements })).toEqual({ kind: "ok" });
}

test("appendBatch: a refused commit is tried again in a turn after another node freed its number", async () => {
  const store = openStore();
  const [here, there] = [node(store), node(store)];
  await here.push([paid("0", "first")]);
  await here.push([paid("1", "second")]);
  here.hooks.append = async (write) => {
    await there.push([commitOf([place(`x${++ids}`, { total: 1 })])]);
    return write();
  };
  const turns: string[] = [];
  here.store.takeTurn = async (log, work) => {
    turns.push(log);
    if (turns.length === 2) expect(kindsOf(await there.push([commitOf([cancel("first")])]))).toEqual(["recorded"]);
    return work(store);
  };
  expect(kindsOf(await here.push(paidAs("01")))).toEqual(["recorded", "number-taken"]);
  expect(turns).toHaveLength(3);
});
