// An append that need not look: what a person gets is a shorter wait, and never a commit on an old state.
import { expect, test } from "vitest";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../../src/client/stores/idb/layout.ts";
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
import { browser, settle, tabWithPlace } from "../../../support/idb/fake-browser.ts";
import { FakeLocks } from "../../../support/idb/fake-locks.ts";
import { layoutOf, loseNextEnd, newClientId, replace } from "../../../support/idb/faulty-idb.ts";

/** Appends one commit, and tells whether it was made and whether the tail was looked at. */
async function append(store: LogStore, tail: number, ...names: readonly string[]) {
  let looks = 0;
  const restore = replace(
    IDBObjectStore.prototype,
    "getAllKeys",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        looks++;
        return call.apply(this, args);
      },
  );
  const appended = await store.appendPending(tail, entriesOf(...names), []).finally(restore);
  await settle();
  return { appended, looks };
}

/** Sweeps what the browser allowed when it was asked the last time, and asks it again. */
async function sweep(store: LogStore): Promise<void> {
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

test("L2 a tab that goes on working looks at the tail twice, and then no more", async () => {
  const store = await browser().open();
  const looks: number[] = [];
  for (let tail = 0; tail < 40; tail++) {
    const { appended, looks: looked } = await append(store, tail, `c${tail}`);
    expect(appended).toBe(true);
    looks.push(looked);
  }
  expect(looks.reduce((sum, looked) => sum + looked)).toBe(2);
  expect((await store.refresh(ALL)).pendingNumbers).toHaveLength(40);
});

test("L2 what came and went behind its back is seen all the same: its rows stay until the tab has moved on", async () => {
  const { open, numbers, places } = browser();
  const [slow, other] = [await tabWithPlace(open), await open()];
  for (let tail = 2; tail < 60; tail++) await append(other, tail, `other${tail}`);
  await confirmAll(other);
  await sweep(other);
  await sweep(other);
  expect(places()[0]).toBe(1);
  expect(await numbers()).toEqual(Array.from({ length: 59 }, (_, index) => index + 2));
  // As a tab that was frozen before the other one began.
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending).toEqual([]);
  expect(await append(slow, 60, "now")).toEqual({ appended: true, looks: 0 });
});

test("rows of ended commits go once no tab needs them: when it moved on, was closed, or rested", async () => {
  for (const leave of ["close", "rest"] as const) {
    const { open, numbers, rest, locks } = browser();
    const [slow, other] = [await tabWithPlace(open), await open()];
    for (let tail = 2; tail < 30; tail++) await append(other, tail, `other${tail}`);
    if (leave === "close") slow.close();
    else {
      rest();
      rest();
    }
    await settle();
    for (let tail = 30; tail < 50; tail++) await append(other, tail, `other${tail}`);
    await confirmAll(other);
    await sweep(other);
    const left = await numbers();
    expect(left?.length).toBeLessThan(34);
    expect(left?.at(-1)).toBe(50);
    other.close();
    await settle();
    expect(locks.names).toEqual([]);
  }
});

test("rows that ended all at once, after a long time offline, go with the first confirmation after the log is opened again", async () => {
  const { open, numbers } = browser();
  const store = await tabWithPlace(open);
  for (let tail = 2; tail < 40; tail++) await append(store, tail, `c${tail}`);
  await confirmAll(store);
  store.close();
  await settle();
  const again = await open();
  await settle();
  await sweep(again);
  expect(await numbers()).toEqual([40]);
});

test("L2 a tab that gave its place back looks again, and so does one whose place was taken from it", async () => {
  const { open, rest, locks } = browser();
  const store = await tabWithPlace(open);
  expect(await append(store, 2, "covered")).toEqual({ appended: true, looks: 0 });
  rest();
  rest();
  await settle();
  expect(await append(store, 3, "looks")).toEqual({ appended: true, looks: 1 });
  expect(await append(store, 4, "looks once more, with a place")).toEqual({ appended: true, looks: 1 });
  expect(await append(store, 5, "covered")).toEqual({ appended: true, looks: 0 });
  locks.stealAll();
  await settle();
  expect(await append(store, 6, "looks")).toEqual({ appended: true, looks: 1 });
});

test("L2 a place that was got while another tab swept covers nothing before the next look, and that sweep takes nothing behind it", async () => {
  const { open, locks } = browser();
  const [slow, third, leader, other] = [await open(), await open(), await open(), await open()];
  await append(other, 0, "a", "b", "c", "d");
  other.close();
  await settle();
  // The leader asks who needs what before the slow tab has said so, hears it after that, and sweeps.
  let goOn = () => {};
  locks.answering = new Promise((resolve) => void (goOn = resolve));
  await sweep(leader);
  locks.answering = Promise.resolve();
  expect(await append(slow, 4, "e")).toEqual({ appended: true, looks: 1 });
  expect(await append(slow, 5, "f")).toEqual({ appended: true, looks: 1 });
  expect(await append(third, 6, "g", "h", "i")).toMatchObject({ appended: true });
  await confirmAll(third);
  goOn();
  await sweep(leader);
  expect(await append(slow, 6, "late")).toMatchObject({ appended: false });
  expect(await append(slow, 9, "now")).toMatchObject({ appended: true });
});

test("L2 a place that was got late covers no tail before the one that was looked at: rows behind that may be swept", async () => {
  const { open, locks } = browser();
  const [slow, other] = [await open(), await open()];
  let grant = () => {};
  locks.granting = new Promise<void>((resolve) => void (grant = resolve));
  await append(slow, 0, "a");
  await append(other, 1, "b", "c", "d");
  let goOn = () => {};
  locks.answering = new Promise((resolve) => void (goOn = resolve));
  await sweep(other);
  locks.answering = Promise.resolve();
  grant();
  await settle();
  expect(await append(slow, 4, "e")).toEqual({ appended: true, looks: 1 });
  await confirmAll(other);
  goOn();
  await sweep(other);
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending).toEqual([]);
});

test("L2 a tail that this tab has not found in the database is looked at, place or not", async () => {
  const store = await tabWithPlace(browser().open);
  expect(await append(store, 7, "no")).toEqual({ appended: false, looks: 1 });
});

test("a place that is moved or given back while an append is on its way is kept until that has ended", async () => {
  const locks = new FakeLocks();
  let timer = () => {};
  const place = new TailLease("db", locks.manager, (callback) => {
    timer = callback;
    return () => {};
  });
  place.appended(1);
  await settle();
  let end = () => {};
  const appending = place.during(() => new Promise<void>((resolve) => void (end = resolve)));
  place.appended(17);
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

test("L2 commands that were all refused on an old state are decided again: there is no row that would fail", async () => {
  const { open } = browser();
  const [slow, other] = [await tabWithPlace(open), await open()];
  await append(other, 2, "other");
  expect(await append(slow, 2)).toEqual({ appended: false, looks: 1 });
  expect(await append(slow, 3)).toEqual({ appended: true, looks: 1 });
});

test("L5 a tab with a place appends nothing on a history that another one cut back", async () => {
  const { open } = browser();
  const [slow, leader] = [await tabWithPlace(open), await open()];
  await append(leader, 2, "theirs");
  const cut = await leader.cutBack(await leader.head(), null, entriesOf("first0"));
  expect(cut).toMatchObject({ pendingTail: 5 });
  expect(await append(slow, 2, "late")).toMatchObject({ appended: false });
  expect((await slow.refresh(ALL)).pending.map(nameOf)).toEqual(["first0"]);
  expect(await append(slow, 5, "now")).toMatchObject({ appended: true });
});

test("L5 nor on one that was filled behind its back", async () => {
  const { open } = browser();
  const [slow, other] = [await tabWithPlace(open), await open()];
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

test("L3 an append without a look whose end was never told is not made a second time", async () => {
  const { open } = browser();
  const store = await tabWithPlace(open);
  const restore = loseNextEnd();
  const appending = store.appendPending(2, entriesOf("once"), []);
  expect(await appending.finally(restore)).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["first0", "first1", "once"]);
});

test("L4 a commit that has ended ends once, whether or not its row is still there", async () => {
  const { open } = browser();
  const store = await tabWithPlace(open);
  const id = commitOf("first0").id;
  await store.confirm(await store.head(), confirmationOf(null, { rejected: [rejectedOf(1, "first0")] }));
  await store.removeRejections([id]);
  await store.confirm(await store.head(), confirmationOf(null, { rejected: [rejectedOf(1, "first0")] }));
  expect((await store.refresh(ALL)).rejectionIds).toEqual([]);
  expect((await store.refresh(ALL)).pendingNumbers).toEqual([2]);
});

test("a browser without locks keeps one row of what has ended: the last", async () => {
  const user = newClientId();
  const store = await openIdbLogStore({ log: "places", user, newClientId, locks: null });
  for (let tail = 0; tail < 20; tail++)
    expect(await append(store, tail, `c${tail}`)).toEqual({ appended: true, looks: 1 });
  await confirmAll(store);
  expect((await layoutOf(databaseName("places", user)))["pending"]?.map(([n]) => n)).toEqual([20]);
});
