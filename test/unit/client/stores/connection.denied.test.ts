// A browser that lets a page store nothing: blocked site data, a private window, a sandboxed frame.
import "fake-indexeddb/auto";
import { afterEach, expect, test } from "vitest";
import { openIdbLogStore } from "../../../../src/client/stores/idb/idb-log-store.ts";
import { newClientId, replace } from "../../../support/idb/faulty-idb.ts";
import { containing } from "../../../support/matchers.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
const waits: number[] = [];
const open = () =>
  openIdbLogStore({
    log: "denied",
    user: "ada",
    newClientId,
    timer: (run, ms) => {
      if (ms < 1_000) queueMicrotask(() => (waits.push(ms), run()));
      return () => {};
    },
  });
const offer = (factory: PropertyDescriptor) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
  Object.defineProperty(globalThis, "indexedDB", { configurable: true, ...factory });
  ends.push(() => before && Object.defineProperty(globalThis, "indexedDB", before));
};
const denied = { code: "storage-lost", details: { reason: "denied" }, fix: containing("Allow the site to store data") };

test.each([
  ["SecurityError", "The operation is insecure."],
  ["UnknownError", "The user denied permission to access the database."],
  ["InvalidStateError", "A mutation operation was attempted on a database that did not allow mutations."],
])('openIdbLogStore: reports "denied" at once if opening fails with %s: %s', async (name, message) => {
  waits.length = 0;
  ends.push(
    replace(IDBFactory.prototype, "open", () => () => {
      throw new DOMException(message, name);
    }),
  );
  await expect(open()).rejects.toMatchObject(denied);
  expect(waits).toEqual([]);
});

test('openIdbLogStore: reports "denied" if the browser refuses to show IndexedDB', async () => {
  offer({
    get: () => {
      throw new DOMException("denied", "SecurityError");
    },
  });
  await expect(open()).rejects.toMatchObject(denied);
});

test("openIdbLogStore: a dead storage process is not reported as denied", async () => {
  ends.push(
    replace(IDBFactory.prototype, "open", () => () => {
      throw new DOMException("Internal error opening backing store", "UnknownError");
    }),
  );
  await expect(open()).rejects.toMatchObject({ details: { reason: "unreachable" } });
});
