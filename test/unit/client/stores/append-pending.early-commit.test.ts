// A transaction that commits before its requests are done. Browsers differ on what a failed request then does to the
// other requests.
import { expect, test } from "vitest";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import {
  ALL,
  batchOf,
  commitOf,
  confirmationOf,
  entriesOf,
  nameOf,
  recordsBehind,
  rejectedOf,
  settledOf,
} from "../../../../src/testing/log-store/fixtures.ts";
import { browser, tabWithLease } from "../../../support/idb/fake-browser.ts";
import { commitAsFirefox, openStore, replace } from "../../../support/idb/faulty-idb.ts";

/** Two tabs. The first has a lease on the tail 2. */
async function twoTabs(): Promise<readonly [LogStore, LogStore]> {
  const { open } = browser();
  return [await tabWithLease(open), await open()];
}

test.each([
  ["one commit", ["late"], []],
  ["a group", ["late", "later"], []],
  ["a commit that replaces a rejection", ["late"], ["first0"]],
])("L2 appendPending: in Firefox, %s on an old tail returns false and stores nothing", async (_name, names, ends) => {
  const [slow, other] = await twoTabs();
  expect(await other.confirm(await other.head(), confirmationOf(null, { rejected: [rejectedOf(1, "first0")] }))).toBe(
    true,
  );
  expect(await other.appendPending(2, entriesOf("other"), [])).toBe(true);
  const restore = commitAsFirefox();
  const appending = slow.appendPending(
    2,
    entriesOf(...names),
    ends.map((name) => commitOf(name).id),
  );
  expect(await appending.finally(restore)).toBe(false);
  const { pending, rejectionIds } = await slow.refresh(ALL);
  expect(pending.map((entry) => [entry.n, nameOf(entry)])).toEqual([
    [2, "first1"],
    [3, "other"],
  ]);
  expect(rejectionIds).toEqual([commitOf("first0").id]);
});

test("L2 appendPending: returns false also if the browser reports a complete transaction", async () => {
  const [slow, other] = await twoTabs();
  expect(await other.appendPending(2, entriesOf("other"), [])).toBe(true);
  // Firefox does this if another transaction gets a request between the last request and the commit.
  const restore = replace(
    IDBObjectStore.prototype,
    "add",
    (call) =>
      function (this: IDBObjectStore, ...args) {
        const request = call.apply(this, args);
        request.addEventListener("error", (event) => event.preventDefault());
        return request;
      },
  );
  expect(await slow.appendPending(2, entriesOf("late"), []).finally(restore)).toBe(false);
  expect((await slow.refresh(ALL)).pending.map(nameOf)).toEqual(["first0", "first1", "other"]);
});

test("L1 confirm: in Firefox, a write with one failed row stores no row", async () => {
  const { store } = await openStore();
  expect(await store.appendPending(0, entriesOf("a"), [])).toBe(true);
  const restores = [
    commitAsFirefox(),
    replace(
      IDBObjectStore.prototype,
      "put",
      (call) =>
        function (this: IDBObjectStore, ...args) {
          return this.name === "sent" ? this.transaction.objectStore("meta").add("", "head") : call.apply(this, args);
        },
    ),
  ];
  const confirmation = confirmationOf(batchOf(null, recordsBehind(null, [1])), { settled: [settledOf(1, "a")] });
  const confirming = store
    .confirm(await store.head(), confirmation)
    .finally(() => restores.forEach((restore) => restore()));
  await expect(confirming).rejects.toMatchObject({ name: "ConstraintError" });
  expect(await store.head()).toMatchObject({ cursor: null });
  expect((await store.refresh(ALL)).pendingNumbers).toEqual([1]);
});
