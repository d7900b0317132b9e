// What the memory store offers to tests and the simulator beyond its port: faults, copies, eviction.
import { expect, test } from "vitest";
import { MemoryDatabase, memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { storageFull } from "../../../../src/client/stores/storage-errors.ts";
import { ALL, entriesOf, nameOf } from "../../../../src/testing/log-store/fixtures.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());

test("L1 an operation that is made to fail writes nothing", async () => {
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

test("L1 a tab that dies after a write and before it heard of it leaves the write to the others", async () => {
  const database = newDatabase();
  const dying = memoryLogStore(database, { after: () => new Promise(() => {}) });
  void dying.appendPending(0, entriesOf("a"), []);
  const other = memoryLogStore(database);
  // One turn for the step before the write.
  await Promise.resolve();
  expect((await other.refresh(ALL)).pending.map(nameOf)).toEqual(["a"]);
});

test("L10 a copied database goes its own way, and an evicted one is lost to its handles", async () => {
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
