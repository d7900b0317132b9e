// The memory store's extras for tests and the simulator: faults, copies and eviction.
import { expect, test } from "vitest";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { storageFull } from "../../../../src/client/stores/storage-errors.ts";
import { ALL, entriesOf, nameOf } from "../../../../src/testing/log-store/fixtures.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());

test("L1 memoryLogStore: an operation that `before` fails stores nothing", async () => {
  const database = newDatabase();
  let isFull = true;
  const store = memoryLogStore(database, {
    before: (operation) => {
      if (isFull && operation === "appendPending") throw storageFull();
    },
  });
  await expect(store.appendPending(0, entriesOf("a"), [])).rejects.toMatchObject({ code: "storage-full" });
  expect((await store.head()).pendingTail).toBe(0);
  isFull = false;
  expect(await store.appendPending(0, entriesOf("a"), [])).toBe(true);
});

test("L1 memoryLogStore: other tabs read a write whose tab died before its result arrived", async () => {
  const database = newDatabase();
  const dying = memoryLogStore(database, { after: () => new Promise(() => {}) });
  void dying.appendPending(0, entriesOf("a"), []);
  const other = memoryLogStore(database);
  // Wait one turn, because the write begins after `before`.
  await Promise.resolve();
  expect((await other.refresh(ALL)).pending.map(nameOf)).toEqual(["a"]);
});

test("L10 MemoryDatabase: a copy is independent, and handles of a deleted one report it", async () => {
  const database = newDatabase();
  const store = memoryLogStore(database);
  await store.appendPending(0, entriesOf("a"), []);
  const copy = memoryLogStore(database.copy());
  await copy.appendPending(1, entriesOf("b"), []);
  expect([(await copy.head()).client, (await copy.head()).pendingTail]).toEqual([(await store.head()).client, 2]);
  expect((await store.head()).pendingTail).toBe(1);
  database.delete();
  await expect(store.head()).rejects.toMatchObject({ code: "storage-lost", details: { reason: "deleted" } });
  expect((await memoryLogStore(database).head()).pendingTail).toBe(0);
});
