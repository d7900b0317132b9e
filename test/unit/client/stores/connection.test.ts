// A connection that dies, a database that goes, a tab with newer code: what a person's work meets, and that it stays whole.
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

const lost = (reason: string) => expect.objectContaining({ code: "storage-lost", details: { reason } });

test("L10 a connection that the browser closed is opened again, and the person's work goes on", async () => {
  const { store, waits } = await openStore();
  await store.appendPending(0, entriesOf("before"), []);
  await killConnection(store);
  expect(await store.appendPending(1, entriesOf("after"), [])).toBe(true);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
  const { told } = await killConnection(store);
  // Once the browser has told of it, nothing has to fail first.
  await told;
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before", "after"]);
  expect(waits).toHaveLength(1);
});

test("L1 a connection that dies under an append leaves it whole or not at all, and it is made once", async () => {
  const { store, waits } = await openStore();
  let deaths = 0;
  const restore = replace(
    IDBObjectStore.prototype,
    "add",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        const request = call.apply(this, args);
        // The second of two rows: the first one must not stay.
        if (args[1] === 2 && deaths++ === 0) this.transaction.abort();
        return request;
      },
  );
  expect(await store.appendPending(0, entriesOf("a", "b"), []).finally(restore)).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["a", "b"]);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
});

test("L3 an append whose end was never told is not made a second time", async () => {
  const { store, open, waits } = await openStore();
  const restore = loseNextEnd();
  expect(await store.appendPending(0, entriesOf("once", "only"), []).finally(restore)).toBe(true);
  expect((await (await open()).refresh(ALL)).pending.map(nameOf)).toEqual(["once", "only"]);
  expect(waits).toEqual([REOPEN_WAITS_MS[0]]);
});

test("L3 nor where another tab had it confirmed before it was run again", async () => {
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

test("L2 an append that is run again does not overwrite what another tab appended meanwhile", async () => {
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

test("L10 a storage that stays out of reach is reported after two more attempts, and used again once it is back", async () => {
  const { store, waits } = await openStore();
  const restore = replace(IDBDatabase.prototype, "transaction", () => () => {
    throw new DOMException("Connection to Indexed Database server lost. Refresh the page to try again", "UnknownError");
  });
  await expect(store.appendPending(0, entriesOf("a"), []).finally(restore)).rejects.toEqual(lost("unreachable"));
  expect(waits).toEqual(REOPEN_WAITS_MS);
  expect(await store.appendPending(0, entriesOf("a"), [])).toBe(true);
});

test("L10 a tab lets go of the database when newer code upgrades it, says so, and leaves what is pending", async () => {
  const { store, name } = await openStore();
  await store.appendPending(0, entriesOf("kept"), []);
  const newer = await openDB(name, LAYOUT_VERSION + 1);
  await expect(store.head()).rejects.toEqual(lost("newer-layout"));
  expect(await newer.count("pending")).toBe(1);
  newer.close();
});

test("L10 a tab whose database was deleted by another is told so, not given an empty one", async () => {
  const { store, open } = await openStore();
  await (await open()).destroy();
  await expect(store.head()).rejects.toEqual(lost("deleted"));
});

test("L10 a tab whose data the browser deleted is told so, also when another tab has begun anew", async () => {
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

test("L10 opening and deleting never wait without end: another tab may hold the database, or the browser hang", async () => {
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
  // A request that nobody answers: WebKit's first one after a start, at times.
  const restore = replace(IDBFactory.prototype, "open", () => () => silent as IDBOpenDBRequest);
  const opening = openIdbLogStore({ log: "faults", user: `${user}2`, newClientId, timer });
  endWaiting();
  await expect(opening.finally(restore)).rejects.toEqual(lost("unreachable"));
});

test("L10 a browser without IndexedDB is reported as storage that is out of reach", async () => {
  const restore = replace(globalThis, "indexedDB", () => undefined as unknown as IDBFactory);
  const timer = (callback: () => void) => {
    queueMicrotask(callback);
    return () => {};
  };
  await expect(openIdbLogStore({ log: "none", user: "ada", newClientId, timer }).finally(restore)).rejects.toEqual(
    lost("unreachable"),
  );
});
