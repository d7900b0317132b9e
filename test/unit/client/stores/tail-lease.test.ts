// An append with a current lease skips reading the tail. It takes less time, and still never stores a commit on an old
// state.
import { expect, test } from "vitest";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../../src/client/stores/database-name.ts";
import { TailLease } from "../../../../src/client/stores/idb/tail-lease.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import {
  ALL,
  commitOf,
  confirmationOf,
  entriesOf,
  nameOf,
  rejectedOf,
  settledOf,
} from "../../../../src/testing/log-store/fixtures.ts";
import { browser, settle, tabWithLease } from "../../../support/idb/fake-browser.ts";
import { FakeLocks } from "../../../support/idb/fake-locks.ts";
import { layoutOf, loseNextEnd, newClientId, replace } from "../../../support/idb/faulty-idb.ts";

/** Appends commits. Returns whether the store wrote them, and how often it read the tail. */
async function append(store: LogStore, tail: number, ...names: readonly string[]) {
  let reads = 0;
  const restore = replace(
    IDBObjectStore.prototype,
    "getAllKeys",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        reads++;
        return call.apply(this, args);
      },
  );
  const appended = await store.appendPending(tail, entriesOf(...names), []).finally(restore);
  await settle();
  return { appended, reads };
}

/** Removes the rows that the last query allowed, and starts the next query. */
async function removeRows(store: LogStore): Promise<void> {
  expect(await store.confirm(await store.head(), confirmationOf(null))).toBe(true);
  await settle();
}

async function confirmAll(store: LogStore): Promise<void> {
  const head = await store.head();
  const { pending } = await store.refresh(ALL);
  expect(
    await store.confirm(
      head,
      confirmationOf(null, { settled: pending.map((entry) => settledOf(entry.n, nameOf(entry))) }),
    ),
  ).toBe(true);
}

test("L2 TailLease: a working tab reads the tail twice, and then never again", async () => {
  const store = await browser().open();
  const reads: number[] = [];
  for (let tail = 0; tail < 40; tail++) {
    const { appended, reads: read } = await append(store, tail, `c${tail}`);
    expect(appended).toBe(true);
    reads.push(read);
  }
  expect(reads.reduce((sum, read) => sum + read)).toBe(2);
  expect((await store.refresh(ALL)).pendingNumbers).toHaveLength(40);
});

test("L2 TailLease: rows stay until a slow tab has moved on, so its stale append fails", async () => {
  const { open, numbers, leasedTails } = browser();
  const [slow, other] = [await tabWithLease(open), await open()];
  for (let tail = 2; tail < 60; tail++) await append(other, tail, `other${tail}`);
  await confirmAll(other);
  await removeRows(other);
  await removeRows(other);
  expect(leasedTails()[0]).toBe(1);
  expect(await numbers()).toEqual(Array.from({ length: 59 }, (_, index) => index + 2));
  // The slow tab acts as if it was frozen before the other tab began.
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending).toEqual([]);
  expect(await append(slow, 60, "now")).toEqual({ appended: true, reads: 0 });
});

test("TailLease: rows of settled commits go when no tab needs them: moved on, closed, or idle", async () => {
  for (const end of ["close", "idle"] as const) {
    const { open, numbers, passIdleTime, locks } = browser();
    const [slow, other] = [await tabWithLease(open), await open()];
    for (let tail = 2; tail < 30; tail++) await append(other, tail, `other${tail}`);
    if (end === "close") slow.close();
    else {
      passIdleTime();
      passIdleTime();
    }
    await settle();
    for (let tail = 30; tail < 50; tail++) await append(other, tail, `other${tail}`);
    await confirmAll(other);
    await removeRows(other);
    const left = await numbers();
    expect(left?.length).toBeLessThan(34);
    expect(left?.at(-1)).toBe(50);
    other.close();
    await settle();
    expect(locks.names).toEqual([]);
  }
});

test("TailLease: rows that settled together go with the first confirmation after reopening", async () => {
  const { open, numbers } = browser();
  const store = await tabWithLease(open);
  for (let tail = 2; tail < 40; tail++) await append(store, tail, `c${tail}`);
  await confirmAll(store);
  store.close();
  await settle();
  const again = await open();
  await settle();
  await removeRows(again);
  expect(await numbers()).toEqual([40]);
});

test("L2 TailLease: a tab reads the tail again after its lease was released or stolen", async () => {
  const { open, passIdleTime, locks } = browser();
  const store = await tabWithLease(open);
  expect(await append(store, 2, "skips the read")).toEqual({ appended: true, reads: 0 });
  passIdleTime();
  passIdleTime();
  await settle();
  expect(await append(store, 3, "reads")).toEqual({ appended: true, reads: 1 });
  expect(await append(store, 4, "reads again, with a new lease")).toEqual({ appended: true, reads: 1 });
  expect(await append(store, 5, "skips the read")).toEqual({ appended: true, reads: 0 });
  locks.stealAll();
  await settle();
  expect(await append(store, 6, "reads")).toEqual({ appended: true, reads: 1 });
});

test("L2 TailLease: a lease granted while another tab removes rows is not current until a read", async () => {
  const { open, locks } = browser();
  const [slow, third, leader, other] = [await open(), await open(), await open(), await open()];
  await append(other, 0, "a", "b", "c", "d");
  other.close();
  await settle();
  // The leader's query begins before the slow tab has a lease, and its reply arrives after that.
  let sendReply = () => {};
  locks.answering = new Promise((resolve) => void (sendReply = resolve));
  await removeRows(leader);
  locks.answering = Promise.resolve();
  expect(await append(slow, 4, "e")).toEqual({ appended: true, reads: 1 });
  expect(await append(slow, 5, "f")).toEqual({ appended: true, reads: 1 });
  expect(await append(third, 6, "g", "h", "i")).toMatchObject({ appended: true });
  await confirmAll(third);
  sendReply();
  await removeRows(leader);
  expect(await append(slow, 6, "late")).toMatchObject({ appended: false });
  expect(await append(slow, 9, "now")).toMatchObject({ appended: true });
});

test("L2 TailLease: a late lease is not current for a tail below the last tail that was read", async () => {
  const { open, locks } = browser();
  const [slow, other] = [await open(), await open()];
  let grant = () => {};
  locks.granting = new Promise<void>((resolve) => void (grant = resolve));
  await append(slow, 0, "a");
  await append(other, 1, "b", "c", "d");
  let sendReply = () => {};
  locks.answering = new Promise((resolve) => void (sendReply = resolve));
  await removeRows(other);
  locks.answering = Promise.resolve();
  grant();
  await settle();
  expect(await append(slow, 4, "e")).toEqual({ appended: true, reads: 1 });
  await confirmAll(other);
  sendReply();
  await removeRows(other);
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending).toEqual([]);
});

test("L2 TailLease: an append on an unobserved tail reads the tail, also with a lease", async () => {
  const store = await tabWithLease(browser().open);
  expect(await append(store, 7, "no")).toEqual({ appended: false, reads: 1 });
});

test("TailLease: a lease that moves or ends during an append is kept until the append settled", async () => {
  const locks = new FakeLocks();
  let timer = () => {};
  const lease = new TailLease("db", locks.manager, (callback) => {
    timer = callback;
    return () => {};
  });
  lease.advanceTo(1);
  await settle();
  let end = () => {};
  const appending = lease.keepDuring(() => new Promise<void>((resolve) => void (end = resolve)));
  lease.advanceTo(17);
  await settle();
  expect(locks.names).toEqual(["db:place:1", "db:place:17"]);
  timer();
  timer();
  await settle();
  expect(locks.names).toHaveLength(2);
  end();
  await appending;
  await settle();
  expect(locks.names).toEqual([]);
});

test("L2 appendPending: reads the tail if all commands were refused, because no row can fail", async () => {
  const { open } = browser();
  const [slow, other] = [await tabWithLease(open), await open()];
  await append(other, 2, "other");
  expect(await append(slow, 2)).toEqual({ appended: false, reads: 1 });
  expect(await append(slow, 3)).toEqual({ appended: true, reads: 1 });
});

test("L5 cutBack: a tab with a lease appends nothing on the old history", async () => {
  const { open } = browser();
  const [slow, leader] = [await tabWithLease(open), await open()];
  await append(leader, 2, "theirs");
  const cut = await leader.cutBack(await leader.head(), null, entriesOf("first0"));
  expect(cut).toMatchObject({ pendingTail: 5 });
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending.map(nameOf)).toEqual(["first0"]);
  expect(await append(slow, 5, "now")).toMatchObject({ appended: true });
});

test("L5 fill: a tab with a lease appends nothing on its old tail", async () => {
  const { open } = browser();
  const [slow, other] = [await tabWithLease(open), await open()];
  await confirmAll(other);
  const filling = {
    batch: null,
    settled: [settledOf(3, "x"), settledOf(4, "y")],
    rejected: [rejectedOf(5, "z")],
    pending: [],
  };
  expect(await other.fill(await other.head(), filling)).toBe(true);
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.head()).pendingTail).toBe(5);
  expect(await append(slow, 5, "now")).toMatchObject({ appended: true });
});

test("L3 appendPending: an append with a lease and without a report is not stored twice", async () => {
  const { open } = browser();
  const store = await tabWithLease(open);
  const restore = loseNextEnd();
  const appending = store.appendPending(2, entriesOf("once"), []);
  expect(await appending.finally(restore)).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["first0", "first1", "once"]);
});

test("L4 confirm: a commit settles once, whether or not its row is still there", async () => {
  const { open } = browser();
  const store = await tabWithLease(open);
  const id = commitOf("first0").id;
  await store.confirm(await store.head(), confirmationOf(null, { rejected: [rejectedOf(1, "first0")] }));
  await store.removeRejections([id]);
  await store.confirm(await store.head(), confirmationOf(null, { rejected: [rejectedOf(1, "first0")] }));
  expect((await store.refresh(ALL)).rejectionIds).toEqual([]);
  expect((await store.refresh(ALL)).pendingNumbers).toEqual([2]);
});

test("TailLease: a browser without locks keeps only the last row of settled commits", async () => {
  const user = newClientId();
  const store = await openIdbLogStore({ log: "leases", user, newClientId, locks: null });
  for (let tail = 0; tail < 20; tail++)
    expect(await append(store, tail, `c${tail}`)).toEqual({ appended: true, reads: 1 });
  await confirmAll(store);
  expect((await layoutOf(databaseName("leases", user)))["pending"]?.map(([n]) => n)).toEqual([20]);
});
