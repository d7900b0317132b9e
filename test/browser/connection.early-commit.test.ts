// Real IndexedDB: what a transaction stores if it commits early and then a request fails.
import { deleteDB, openDB, unwrap } from "idb";
import { expect, test } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../src/client/stores/database-name.ts";
import { ALL, commitOf, confirmationOf, entriesOf, nameOf, rejectedOf } from "../../src/testing/log-store/fixtures.ts";

const isFirefox = navigator.userAgent.includes("Firefox");

/** Adds rows under these keys, commits at once, and returns the keys that are stored then. "used" is stored before. */
async function storedAfter(...keys: readonly string[]): Promise<readonly IDBValidKey[]> {
  const name = `early-commit-${crypto.randomUUID()}`;
  const database = await openDB(name, 1, { upgrade: (made) => void made.createObjectStore("rows") });
  await database.put("rows", 0, "used");
  const tx = unwrap(database).transaction("rows", "readwrite");
  for (const key of keys) tx.objectStore("rows").add(1, key);
  tx.commit();
  await new Promise<void>((resolve) => {
    tx.oncomplete = () => resolve();
    tx.onabort = () => resolve();
  });
  const stored = await database.getAllKeys("rows");
  database.close();
  await deleteDB(name);
  return stored;
}

/** True if a tab may append without reading the tail. Only then the store commits early. */
async function hasLease(user: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name?.includes(databaseName("early-commit", user)));
}

test("commitEarly: every browser aborts if the only request fails, or the last one", async () => {
  expect(await storedAfter("used")).toEqual(["used"]);
  expect(await storedAfter("new", "used")).toEqual(["used"]);
});

test("commitEarly: if another request fails, Firefox commits the rest, and other browsers abort", async () => {
  expect(await storedAfter("used", "new")).toEqual(isFirefox ? ["new", "used"] : ["used"]);
});

test.each([
  ["one commit", ["late"], []],
  ["a group", ["late", "later"], []],
  ["a commit that replaces a rejection", ["late"], ["first0"]],
])("L2 appendPending: %s on an old tail returns false and stores nothing", async (_name, names, ends) => {
  const user = crypto.randomUUID();
  const open = () => openIdbLogStore({ log: "early-commit", user, newClientId: () => crypto.randomUUID() });
  const [slow, other] = [await open(), await open()];
  for (let tail = 0; tail < 2; tail++) {
    expect(await slow.appendPending(tail, entriesOf(`first${tail}`), [])).toBe(true);
    await expect.poll(() => hasLease(user)).toBe(true);
  }
  const rejection = confirmationOf(null, { rejected: [rejectedOf(1, "first0")] });
  expect(await other.confirm(await other.head(), rejection)).toBe(true);
  expect(await other.appendPending(2, entriesOf("other"), [])).toBe(true);
  const replaced = ends.map((name) => commitOf(name).id);
  expect(await slow.appendPending(2, entriesOf(...names), replaced)).toBe(false);
  const { pending, rejectionIds } = await slow.refresh(ALL);
  expect(pending.map((entry) => [entry.n, nameOf(entry)])).toEqual([
    [2, "first1"],
    [3, "other"],
  ]);
  expect(rejectionIds).toEqual([commitOf("first0").id]);
  slow.close();
  await other.destroy();
});
