// The rounds of a batch: other nodes that append first, appends that fail, and logs that are gone.
import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { commitOf, kindsOf, outcomesOf, writerScene } from "../../../support/writer-scene.ts";

let ids = 0;
const add = (id = `t${++ids}`) => commitOf([task.command.add(id, { title: "Milk", column: "todo" })]);
const rename = (id: string) => commitOf([task.command.rename(id, { title: "x" })]);

/** Two nodes over one store. The other one has its own writer and its own memory. */
function twoNodes() {
  const store = memory();
  return { here: writerScene({ store }), there: writerScene({ store }) };
}

/** Counts the calls of some methods of a store. */
function countCalls(store: EventStore, names: readonly ("head" | "known" | "read" | "readStream")[]): string[] {
  const calls: string[] = [];
  for (const name of names) {
    const call: (...given: never[]) => unknown = store[name].bind(store);
    Object.assign(store, { [name]: (...given: never[]) => (calls.push(name), call(...given)) });
  }
  return calls;
}

test("appendBatch: refuses a push as unavailable after 20 appends that another node preceded", async () => {
  const { here, there } = twoNodes();
  await here.push([add()]);
  here.appends.length = 0;
  here.hooks.append = async (write) => {
    expect(kindsOf(await there.push([add()]))).toEqual(["recorded"]);
    return write();
  };
  const commit = add();
  expect(await here.push([commit])).toEqual({ kind: "refused", code: "unavailable" });
  expect(here.appends).toHaveLength(20);
  // The first two tries come at once. Later ones wait, each longer than the one before.
  expect(here.waits).toHaveLength(18);
  expect(here.waits).toEqual(here.waits.toSorted((one, other) => one - other));
  expect([new Set(here.waits).size, Math.min(...here.waits) > 0, Math.max(...here.waits) < 1_000]).toEqual([
    18,
    true,
    true,
  ]);
  expect([here.errors, here.published]).toMatchObject([[], [{ head: { position: 1 } }, null]]);
  here.hooks.append = (write) => write();
  expect(outcomesOf(await here.push([commit]))).toMatchObject([{ outcome: "recorded" }]);
});

test.each([
  [1, 0],
  [2, 1],
  [3, 2],
])("appendBatch: records the push after %i appends of another node, with %i waits", async (lost, waits) => {
  const { here, there } = twoNodes();
  await here.push([add()]);
  let left = lost;
  const calls = countCalls(here.store, ["known"]);
  here.hooks.append = async (write) => {
    if (left-- > 0) await there.push([add()]);
    return write();
  };
  expect(kindsOf(await here.push([add()]))).toEqual(["recorded"]);
  expect(here.waits).toHaveLength(waits);
  // The append itself checks the ids, so a lost round does not read them.
  expect(calls).toEqual([]);
  // Readers of this node get the records of the other node by the gap before these.
  expect(here.published[1]).toMatchObject({ after: { position: lost + 1 }, head: { position: lost + 2 } });
});

test("appendBatch: a log that is dropped before or during the push is gone", async () => {
  const { push, store, hooks, errors, appends } = writerScene();
  await push([add()]);
  hooks.append = async (write) => {
    await store.drop("board");
    return write();
  };
  expect(await push([add(), rename("nothing")])).toEqual({ kind: "refused", code: "gone" });
  hooks.append = (write) => write();
  const fresh = writerScene({ store });
  expect(await fresh.push([add()])).toEqual({ kind: "refused", code: "gone" });
  expect([errors, fresh.errors, appends.length, fresh.appends.length]).toEqual([[], [], 2, 0]);
});

test("appendBatch: a new node answers repeated commits without an append", async () => {
  const { here, there } = twoNodes();
  const commits = [add(), rename("nothing"), commitOf([task.command.complete("nothing")])];
  const first = await here.push(commits);
  expect(kindsOf(first)).toEqual(["recorded", "no-such-task", "empty"]);
  const again = await there.push(commits);
  expect(outcomesOf(again)).toEqual(outcomesOf(first));
  expect([there.appends, there.published]).toEqual([[], []]);
});

test("appendBatch: an answer without commits has the end of the log, also of another node", async () => {
  const { here, there } = twoNodes();
  await here.push([add()]);
  await there.push([add(), add()]);
  expect(await here.push([])).toMatchObject({ kind: "settled", appended: { after: { position: 3 }, records: [] } });
  expect(here.appends).toHaveLength(1);
});

test("appendBatch: an actor's kept outcome is found although another actor takes its id at once", async () => {
  const { push, hold } = writerScene();
  await push([add()]);
  const refused = rename("nothing");
  const his = await push([refused], { actor: "bob" });
  const release = hold();
  const both = [push([{ ...add(), id: refused.id }]), push([refused], { actor: "bob" })];
  release();
  const [hers, again] = await Promise.all(both);
  expect(hers && kindsOf(hers)).toEqual(["recorded"]);
  expect(again && outcomesOf(again)).toEqual(outcomesOf(his));
});

test("appendBatch: a rejected append is reported, and one that was written is not repeated", async () => {
  const { push, hooks, errors, appends } = writerScene();
  await push([add("t")]);
  const failure = new Error("the connection broke after the commit");
  let isBroken = true;
  hooks.append = async (write) => {
    const result = await write();
    if (isBroken) throw failure;
    return result;
  };
  const commit = add();
  expect(outcomesOf(await push([commit]))).toMatchObject([{ outcome: "recorded", at: matchingPosition(2) }]);
  expect([errors, appends.length]).toEqual([[failure], 2]);
  isBroken = false;
  expect(kindsOf(await push([add("t"), commit]))).toEqual(["already-added", "recorded"]);
});

test("appendBatch: an append that fails twice for one cause is one report", async () => {
  const { push, hooks, errors, appends } = writerScene();
  hooks.append = () => Promise.reject(new Error("the disk is full"));
  expect(await push([add("t")])).toEqual({ kind: "refused", code: "unavailable" });
  expect([errors.map(String), appends.length]).toEqual([["Error: the disk is full"], 2]);
  hooks.append = () => Promise.reject(new Error(`cause ${appends.length}`));
  await push([add("t")]);
  expect(errors.slice(1)).toHaveLength(2);
});

const matchingPosition = (position: number): unknown => expect.stringMatching(new RegExp(`^${position}-`));

test("appendBatch: a read that fails refuses the push at once, and is reported", async () => {
  const { push, store, errors, appends } = writerScene();
  const failure = new Error("the disk is slow");
  store.readStream = () => Promise.reject(failure);
  store.written = () => Promise.reject(failure);
  expect(await push([commitOf([task.command.complete("t1")])])).toEqual({ kind: "refused", code: "unavailable" });
  expect([errors, appends]).toEqual([[failure], []]);
});

test("appendBatch: a node that missed more than a page of records appends at its second try", async () => {
  const { here, there } = twoNodes();
  await here.push([add("t1")]);
  const noted = () => commitOf(Array.from({ length: 100 }, () => task.command.note("t1", { text: "hm" })));
  await there.push(Array.from({ length: 11 }, noted));
  const calls = countCalls(here.store, ["head", "read"]);
  expect(kindsOf(await here.push([add("t2")]))).toEqual(["recorded"]);
  expect([here.appends.length, calls]).toEqual([3, ["read", "head"]]);
  expect((await here.head())?.position).toBe(1_102);
});

test("appendBatch: a node that followed more records than it keeps reads the streams again", async () => {
  const { here, there } = twoNodes();
  await here.push([add("t1")]);
  const after = await here.head();
  const large = () => commitOf([{ ...task.command.note("t1", { text: "x".repeat(200_000) }), seen: 1 }]);
  for (let n = 0; n < 6; n++) await there.push([large()]);
  const page = await here.store.read("board", after, { events: 100, bytes: 10_000_000 });
  if (page.kind !== "page") throw new Error("The log cannot be read");
  here.writer.follow("board", { after, records: page.records, head: page.head });
  expect(kindsOf(await here.push([commitOf([{ ...task.command.claim("t1", { title: "x" }), seen: 7 }])]))).toEqual([
    "recorded",
  ]);
  expect([here.appends.length, here.errors]).toEqual([2, []]);
});

test("appendBatch: a node whose log was restored forgets the end that it knew", async () => {
  const logs = [memory(), memory()] as const;
  let current: EventStore = logs[0];
  const here = writerScene({
    store: new Proxy<EventStore>(logs[0], {
      get: (_, name: keyof EventStore) => {
        const member = current[name];
        return typeof member === "function" ? member.bind(current) : member;
      },
    }),
  });
  await here.push([add("t1"), add("t2")]);
  current = logs[1];
  const there = writerScene({ store: logs[1] });
  await there.push([add("t3")]);
  for (const appends of [3, 4]) {
    // No record is appended, so the end of the log is not known by an append of this node.
    expect(kindsOf(await here.push([rename("t1")]))).toEqual(["no-such-task"]);
    expect(here.appends).toHaveLength(appends);
  }
});

test("appendBatch: a batch reports its own events, not those of the log", async () => {
  const { push, appends } = writerScene();
  await push([add(), add()]);
  const before: Cursor | null = appends[0]?.records.at(-1)?.cursor ?? null;
  await push([add()], { after: before });
  expect(appends[1]).toMatchObject({ expected: before, records: [{ position: 3 }], outcomes: [] });
});
