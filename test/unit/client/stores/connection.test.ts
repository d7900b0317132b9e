// Dead connections, deleted databases and tabs with newer code. A person's work stays complete in each case.
import { deleteDB, openDB } from "idb";
import { expect, test } from "vitest";
import { OPEN_MS_MAX, REOPEN_WAITS_MS } from "../../../../src/client/stores/idb/connection.ts";
import { LAYOUT_VERSION } from "../../../../src/client/stores/idb/layout.ts";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import {
  ALL,
  confirmRecords,
  entriesOf,
  nameOf,
  rejectedOf,
  settledOf,
} from "../../../../src/testing/log-store/fixtures.ts";
import { killConnection, loseNextEnd, newClientId, openStore, replace } from "../../../support/idb/faulty-idb.ts";

const lost = (reason: string): unknown => expect.objectContaining({ code: "storage-lost", details: { reason } });

test("L10 connection: opens again after the browser closed it, and work continues", async () => {
  const { store, waits } = await openStore();
  await store.appendPending(0, entriesOf("before"), []);
  await killConnection(store);
  expect(await store.appendPending(1, entriesOf("after"), [])).toBe(true);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
  const { told } = await killConnection(store);
  // After the close event no operation has to fail first.
  await told;
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before", "after"]);
  expect(waits).toHaveLength(1);
});

test("L1 appendPending: an append on a dying connection is stored once and complete", async () => {
  const { store, waits } = await openStore();
  let deaths = 0;
  const restore = replace(
    IDBObjectStore.prototype,
    "add",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        const request = call.apply(this, args);
        // Abort at the second of two rows, because the first row must not stay.
        if (args[1] === 2 && deaths++ === 0) this.transaction.abort();
        return request;
      },
  );
  expect(await store.appendPending(0, entriesOf("a", "b"), []).finally(restore)).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["a", "b"]);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
});

test("L3 appendPending: an append without a report is not stored twice", async () => {
  const { store, open, waits } = await openStore();
  const restore = loseNextEnd();
  expect(await store.appendPending(0, entriesOf("once", "only"), []).finally(restore)).toBe(true);
  expect((await (await open()).refresh(ALL)).pending.map(nameOf)).toEqual(["once", "only"]);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
});

test("L3 appendPending: is not stored twice if another tab confirmed it before the second run", async () => {
  const user = newClientId();
  const { store: leader } = await openStore({ user });
  const meanwhile: Promise<unknown>[] = [];
  const timer = (callback: () => void, ms: number) => {
    const confirmFirst = async () => {
      await confirmRecords(leader, [1], { settled: [settledOf(1, "once")], rejected: [rejectedOf(2, "only")] });
      callback();
    };
    if (ms === REOPEN_WAITS_MS[0]) meanwhile.push(confirmFirst());
    return () => {};
  };
  const { store } = await openStore({ user, timer });
  const restore = loseNextEnd();
  expect(await store.appendPending(0, entriesOf("once", "only"), []).finally(restore)).toBe(true);
  await Promise.all(meanwhile);
  expect(meanwhile).toHaveLength(1);
  expect((await store.refresh(ALL)).pending).toEqual([]);
  expect([await store.readSent(null), await store.readRejections()]).toMatchObject([[{ n: 1 }], [{ n: 2 }]]);
});

test("L2 appendPending: a second run does not overwrite another tab's entries", async () => {
  const user = newClientId();
  const { store: other } = await openStore({ user });
  const meanwhile: Promise<boolean>[] = [];
  const timer = (callback: () => void, ms: number) => {
    if (ms !== REOPEN_WAITS_MS[0]) return () => {};
    const appendFirst = async () => {
      const appended = await other.appendPending(0, entriesOf("theirs"), []);
      callback();
      return appended;
    };
    meanwhile.push(appendFirst());
    return () => {};
  };
  const { store } = await openStore({ user, timer });
  const restore = replace(
    IDBObjectStore.prototype,
    "add",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        const request = call.apply(this, args);
        restore();
        this.transaction.abort();
        return request;
      },
  );
  expect(await store.appendPending(0, entriesOf("mine"), [])).toBe(false);
  expect(await Promise.all(meanwhile)).toEqual([true]);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["theirs"]);
});

test("L10 connection: reports unreachable storage after two more attempts, and recovers later", async () => {
  const { store, waits } = await openStore();
  const restore = replace(IDBDatabase.prototype, "transaction", () => () => {
    throw new DOMException("Connection to Indexed Database server lost. Refresh the page to try again", "UnknownError");
  });
  await expect(store.appendPending(0, entriesOf("a"), []).finally(restore)).rejects.toEqual(lost("unreachable"));
  expect(waits).toEqual(REOPEN_WAITS_MS);
  expect(await store.appendPending(0, entriesOf("a"), [])).toBe(true);
});

test("L10 connection: closes when newer code upgrades, reports it, and keeps pending work", async () => {
  const { store, name } = await openStore();
  await store.appendPending(0, entriesOf("kept"), []);
  const newer = await openDB(name, LAYOUT_VERSION + 1);
  await expect(store.head()).rejects.toEqual(lost("newer-layout"));
  expect(await newer.count("pending")).toBe(1);
  newer.close();
});

test("L10 connection: reports a database that another tab deleted, and makes no empty one", async () => {
  const { store, open } = await openStore();
  await (await open()).destroy();
  await expect(store.head()).rejects.toEqual(lost("deleted"));
});

test("L10 connection: reports data that the browser deleted, also if another tab started again", async () => {
  for (const beganAnew of [false, true]) {
    const { store, open, name } = await openStore();
    await killConnection(store);
    await deleteDB(name);
    if (beganAnew) await open();
    await expect(store.appendPending(0, entriesOf("a"), [])).rejects.toEqual(lost("replaced"));
    await expect(store.head()).rejects.toEqual(lost("replaced"));
    expect((await indexedDB.databases()).some((database) => database.name === name)).toBe(beganAnew);
  }
});

test("L10 connection: opening and deleting fail after a time limit", async () => {
  const bound: { readonly ms: number; readonly callback: () => void }[] = [];
  const timer = (callback: () => void, ms: number) => {
    bound.push({ ms, callback });
    return () => {};
  };
  const endWaiting = () =>
    bound
      .splice(0)
      .filter(({ ms }) => ms === OPEN_MS_MAX)
      .forEach(({ callback }) => callback());
  const { store, name, user } = await openStore({ timer });
  const holder = await openDB(name);
  const destroyed = store.destroy();
  endWaiting();
  await expect(destroyed).rejects.toEqual(lost("blocked"));
  holder.close();

  const silent: unknown = Reflect.construct(IDBOpenDBRequest, []);
  // A request that gets no event, as the first request after a start of Safari 14.1 did (WebKit bug 226547).
  const restore = replace(IDBFactory.prototype, "open", () => () => silent as IDBOpenDBRequest);
  const opening = openIdbLogStore({ log: "faults", user: `${user}2`, newClientId, timer });
  endWaiting();
  await expect(opening.finally(restore)).rejects.toEqual(lost("unreachable"));
});

test("L10 connection: reports a browser without IndexedDB as denied storage", async () => {
  const restore = replace(globalThis, "indexedDB", () => undefined as unknown as IDBFactory);
  const timer = (callback: () => void) => {
    queueMicrotask(callback);
    return () => {};
  };
  await expect(openIdbLogStore({ log: "none", user: "ada", newClientId, timer }).finally(restore)).rejects.toEqual(
    lost("denied"),
  );
});
