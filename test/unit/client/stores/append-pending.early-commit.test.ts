// A commit that is asked for before its requests have come back: browsers disagree on what a request that fails then does to the others.
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
import { browser, tabWithPlace } from "../../../support/idb/fake-browser.ts";
import { commitAsFirefox, openStore, replace } from "../../../support/idb/faulty-idb.ts";

/** Two tabs, the first of which holds a place at the tail 2. */
async function twoTabs(): Promise<readonly [LogStore, LogStore]> {
  const { open } = browser();
  return [await tabWithPlace(open), await open()];
}

test.each([
  ["one commit", ["late"], []],
  ["a group", ["late", "later"], []],
  ["one in the place of a rejection", ["late"], ["first0"]],
])(
  "L2 in Firefox, %s on an old state is appended not at all, and the tab hears that it was behind",
  async (_name, names, ends) => {
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
  },
);

test("L2 nor does it where the browser says nothing but that all is well", async () => {
  const [slow, other] = await twoTabs();
  expect(await other.appendPending(2, entriesOf("other"), [])).toBe(true);
  // Firefox, where anything was asked of another transaction between the last request and the commit.
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

test("L1 in Firefox, a write of which one row cannot be written writes none of them", async () => {
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
