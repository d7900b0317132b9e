// A full disk, unreadable rows, and the durability of each write.
import { expect, test } from "vitest";
import { databaseName } from "../../../../src/client/stores/database-name.ts";
import {
  ALL,
  batchOf,
  confirmationOf,
  confirmRecords,
  entriesOf,
  entryOf,
  nameOf,
  recordsBehind,
  settledOf,
} from "../../../../src/testing/log-store/fixtures.ts";
import { abortWith, behindItsBack, connectionsOf, openStore, replace } from "../../../support/idb/faulty-idb.ts";
import { containing } from "../../../support/matchers.ts";

test("L1 appendPending: a full disk stores nothing, and the next append gets a new connection", async () => {
  const { store, waits } = await openStore();
  const [before] = await connectionsOf(() => store.head());
  const restore = replace(
    IDBObjectStore.prototype,
    "add",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        const request = call.apply(this, args);
        if (args[1] === 2) queueMicrotask(() => abortWith(this.transaction, "QuotaExceededError"));
        return request;
      },
  );
  await expect(store.appendPending(0, entriesOf("a", "b"), []).finally(restore)).rejects.toMatchObject({
    code: "storage-full",
    retry: "after-fix",
  });
  expect(waits).toEqual([]);
  expect((await store.refresh(ALL)).pending).toEqual([]);
  expect(await store.appendPending(0, entriesOf("a"), [])).toBe(true);
  // Because Firefox refuses the next write of rows on a connection that met a full disk.
  const [after] = await connectionsOf(() => store.head());
  expect(after).not.toBe(before);
});

test("L1 appendPending: reports storage-full also if the browser uses another error name", async () => {
  const { store } = await openStore();
  const names = [
    ["UnknownError", "Encountered full disk while opening backing store for indexedDB.open."],
    ["QuotaExceededError", ""],
  ] as const;
  for (const [name, message] of names) {
    const restore = replace(IDBDatabase.prototype, "transaction", () => () => {
      throw new DOMException(message, name);
    });
    await expect(store.appendPending(0, entriesOf("a"), []).finally(restore)).rejects.toMatchObject({
      code: "storage-full",
    });
  }
});

test("L1 appendPending, confirm: refuse a row that is too large for any browser", async () => {
  const { store } = await openStore();
  const text = "x".repeat(61 * 1024 * 1024);
  const entry = entryOf("a");
  await expect(
    store.appendPending(0, [{ ...entry, commit: { ...entry.commit, meta: { text } } }], []),
  ).rejects.toMatchObject({ code: "invalid" });
  await expect(
    store.confirm(await store.head(), confirmationOf({ after: null, cursor: { position: 1, mark: "m1" }, text })),
  ).rejects.toMatchObject({ code: "invalid" });
  expect(await store.head()).toMatchObject({ cursor: null, pendingTail: 0 });
});

test("L2 durability: appendPending and cutBack write strict, the other writes relaxed", async () => {
  const { store } = await openStore();
  const asked: string[] = [];
  const restore = replace(
    IDBDatabase.prototype,
    "transaction",
    (call) =>
      function (this: IDBDatabase, stores, mode, options) {
        if (mode === "readwrite")
          asked.push(`${typeof stores === "string" ? stores : [...stores].join(" ")}: ${options?.durability}`);
        return call.call(this, stores, mode, options);
      },
  );
  await store.appendPending(0, entriesOf("a"), []);
  await store.appendPending(1, entriesOf("b"), ["x"]);
  await confirmRecords(store, [1200], { settled: [settledOf(1, "a")] });
  await store.seal();
  await store.removeRejections(["x"]);
  await store.writeRows(
    { generation: 0, rebuilds: 0, checkpoint: null },
    { checkpoint: { position: 1200, mark: "g0m1" }, tables: [] },
    true,
  );
  await store.cutBack(await store.head(), null, []);
  restore();
  expect(asked).toEqual([
    "pending rejections: strict",
    "pending rejections: strict",
    "meta pending sent rejections tail: relaxed",
    "meta tail segments: relaxed",
    "rejections: relaxed",
    "meta buckets: relaxed",
    "meta pending sent tail segments buckets: strict",
  ]);
});

test("L1 corruptRow: names the unreadable row, and everything else still works", async () => {
  const { store, name } = await openStore();
  await store.appendPending(0, entriesOf("a", "b", "c"), []);
  await confirmRecords(store, [1], { settled: [settledOf(1, "a", 1), settledOf(2, "b", 2)] });
  const damage = (store: string, key: IDBValidKey, row: unknown) =>
    behindItsBack(name, (database) => database.put(store, row, key));
  const corrupt = (store: string, key: string | number): unknown =>
    expect.objectContaining({
      code: "storage-lost",
      message: containing(`${store}[${key}]`),
      details: { reason: "corrupt", store, key },
    });

  await damage("pending", 3, '{"at":null,"commit":{"id":"x"}}');
  await expect(store.refresh(ALL)).rejects.toEqual(corrupt("pending", 3));
  expect((await store.refresh({ position: 0, pendingTail: 3 })).pendingNumbers).toEqual([3]);
  await damage("sent", 1, "{");
  await expect(store.readSent(null)).rejects.toEqual(corrupt("sent", 1));
  expect((await store.readSent([2])).map(nameOf)).toEqual(["b"]);
  await confirmRecords(store, [1], { forgetSentBefore: 3 });
  expect(await store.readSent([2])).toEqual([]);
  await damage("rejections", "id", 7);
  await expect(store.readRejections()).rejects.toEqual(corrupt("rejections", "id"));
  await damage("tail", 1, { after: null, cursor: "1-m1" });
  await expect(store.refresh({ position: 0, pendingTail: 3 })).rejects.toEqual(corrupt("tail", "> 0"));
  expect((await store.refresh({ position: 1, pendingTail: 3 })).batches).toHaveLength(1);
  expect(await store.cutBack(await store.head(), null, entriesOf("c"))).toMatchObject({ generation: 1, cursor: null });
  await damage("meta", "head", "no");
  await expect(store.head()).rejects.toEqual(corrupt("meta", "head"));
});

test("L7 refresh: reports a missing row in the middle of the log", async () => {
  const { store, name } = await openStore();
  for (const events of [[1], [1], [1]]) await confirmRecords(store, events);
  await behindItsBack(name, (database) => database.delete("tail", 2));
  await expect(store.refresh(ALL)).rejects.toMatchObject({
    code: "storage-lost",
    details: { reason: "corrupt", store: "tail", key: "> 1" },
  });
});

test("L8 readRows: rows that are unreadable or ahead of the log count as none and are replaced", async () => {
  const { store, name } = await openStore();
  const { generation, cursor } = await confirmRecords(store, [1]);
  const rows = {
    checkpoint: cursor ?? { position: 0, mark: "" },
    tables: [{ table: "t", buckets: [{ bucket: 1, text: "[]" }] }],
  };
  for (const head of ["{", '{"checkpoint":"9-m9","tables":["t"]}']) {
    await behindItsBack(name, async (database) => {
      await database.put("meta", head, "rows");
      await database.put("buckets", "[1]", ["t", 200]);
    });
    expect(await store.readRows()).toBeNull();
    expect(await store.writeRows({ generation, rebuilds: 0, checkpoint: null }, rows, false)).toBe(true);
    expect(await store.readRows()).toEqual(rows);
  }
});

test("L3 appendPending: two tabs that append 200 times each get distinct numbers in one order", async () => {
  const { store, open } = await openStore();
  const race = async (tab: number, tabStore: typeof store) => {
    for (let made = 0, tail = 0; made < 200;) {
      if (await tabStore.appendPending(tail, entriesOf(`${tab}.${made}`), [])) {
        made += 1;
        tail += 1;
      } else tail = (await tabStore.refresh({ position: 0, pendingTail: tail })).head.pendingTail;
    }
  };
  await Promise.all([race(0, store), race(1, await open())]);
  const { pending } = await store.refresh(ALL);
  expect(pending.map(({ n }) => n)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
  for (const tab of ["0", "1"]) {
    const names = pending.map(nameOf).filter((name) => name.startsWith(`${tab}.`));
    expect(names).toEqual(Array.from({ length: 200 }, (_, index) => `${tab}.${index}`));
  }
});

test("L5 cutBack: a cut inside a sealed segment leaves no later row", async () => {
  const { store, name } = await openStore();
  for (let index = 0; index < 30; index++) await confirmRecords(store, [100]);
  await store.seal();
  const rows = () =>
    behindItsBack(name, async (database) => ({
      segments: await database.getAllKeys("segments"),
      tail: await database.getAllKeys("tail"),
    }));
  expect(await rows()).toEqual({
    segments: [1000, 2000, 3000].slice(0, 2),
    tail: Array.from({ length: 10 }, (_, index) => 2100 + 100 * index),
  });
  await store.cutBack(await store.head(), { position: 1500, mark: "g0m1401" }, []);
  expect(await rows()).toEqual({ segments: [1000, 1500], tail: [] });
  const [first] = recordsBehind({ position: 1500, mark: "g0m1401" }, [2]);
  expect(first?.position).toBe(1501);
});

test("L9 seal: keeps what a leader confirms between its two transactions", async () => {
  const { store, open } = await openStore();
  const leader = await open();
  const head = await confirmRecords(store, [1000, 24, 7]);
  const batch = batchOf(head.cursor, recordsBehind(head.cursor, [3]));
  const confirmed: Promise<boolean>[] = [];
  const restore = replace(
    IDBDatabase.prototype,
    "transaction",
    (call) =>
      function (this: IDBDatabase, stores, mode, options) {
        const tx = call.call(this, stores, mode, options);
        if (confirmed.length === 0 && mode === "readonly" && Array.from(stores).includes("segments"))
          confirmed.push(leader.confirm(head, confirmationOf(batch)));
        return tx;
      },
  );
  await store.seal();
  restore();
  expect(await Promise.all(confirmed)).toEqual([true]);
  const { batches, head: now } = await store.refresh(ALL);
  expect(now.cursor).toEqual(batch.cursor);
  expect(batches.map(({ cursor }) => cursor.position)).toEqual([1024, 1031, 1034]);
});

test("databaseName: two logs or users never share a database, whatever their names", () => {
  const names = ["a", "a:b", "b", "", "%3A", ":", "a%3Ab", "ü", "a/b"];
  const all = names.flatMap((log) => names.map((user) => databaseName(log, user)));
  const spaced = names.flatMap((space) => names.map((name) => databaseName(name, "b", space)));
  expect(new Set([...all, ...spaced]).size).toBe(2 * names.length ** 2);
  expect(databaseName("team-7", "ada")).toBe("dacapo:team-7:ada");
  expect(() => databaseName("a", "\ud800")).toThrow(expect.objectContaining({ code: "definition" }));
});
