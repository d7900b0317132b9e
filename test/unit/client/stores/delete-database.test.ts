import "fake-indexeddb/auto";
import { openDB } from "idb";
import { expect, test } from "vitest";
import { deleteDatabase, DELETING } from "../../../../src/client/stores/idb/delete-database.ts";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import { entriesOf } from "../../../../src/testing/log-store/fixtures.ts";

const options = () => ({ log: "team", user: crypto.randomUUID(), newClientId: () => crypto.randomUUID(), locks: null });
const timer = () => () => {};
const yes = () => Promise.resolve(true);
const exists = async (name: string) => (await indexedDB.databases()).some((database) => database.name === name);

test("deleteDatabase: a deletion that a crash interrupted is finished by the next opening", async () => {
  const log = options();
  const name = `dacapo:team:${log.user}`;
  const left = await openDB(name, DELETING);
  left.close();
  const store = await openIdbLogStore(log);
  expect(await store.head()).toMatchObject({ generation: 0, pendingTail: 0 });
  store.close();
});

test("deleteDatabase: a deletion that a crash interrupted is finished by the next deletion", async () => {
  const left = await openDB("left", DELETING);
  left.close();
  expect(await deleteDatabase("left", () => Promise.resolve(false), timer)).toBe(true);
  expect(await exists("left")).toBe(false);
});

test("deleteDatabase: an error of the check deletes nothing", async () => {
  (await openDB("kept", 1)).close();
  const failing = deleteDatabase("kept", () => Promise.reject(new Error("no such store")), timer);
  await expect(failing).rejects.toMatchObject({ code: "storage-lost", details: { reason: "unreachable" } });
  expect((await openDB("kept")).version).toBe(1);
});

test("deleteDatabase: reports a tab that keeps the database open, and then deletes nothing", async () => {
  const holder = await openDB("held", 1);
  let endWaiting = () => {};
  const deleting = deleteDatabase("held", yes, (run) => {
    endWaiting = run;
    return () => {};
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  endWaiting();
  await expect(deleting).rejects.toMatchObject({ code: "storage-lost", details: { reason: "blocked" } });
  holder.close();
  expect((await openDB("held")).version).toBe(1);
});

test("destroy: with an expected head, deletes nothing after another tab appended", async () => {
  const log = options();
  const store = await openIdbLogStore(log);
  const other = await openIdbLogStore(log);
  const head = await store.head();
  await other.appendPending(0, entriesOf("a"), []);
  expect(await store.destroy(head)).toBe(false);
  const now = await store.head();
  expect(now.pendingTail).toBe(1);
  expect(await store.destroy(now)).toBe(true);
  await expect(store.head()).rejects.toMatchObject({ details: { reason: "deleted" } });
  await expect(other.head()).rejects.toMatchObject({ details: { reason: "deleted" } });
  expect(await exists(`dacapo:team:${log.user}`)).toBe(false);
});
