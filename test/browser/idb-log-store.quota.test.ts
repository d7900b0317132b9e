// A real browser whose quota is used up: what a person's work meets, and that it goes on with what there is room for.
import { afterEach, expect, test, vi } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { ALL, entryOf, nameOf } from "../../src/testing/log-store/fixtures.ts";

/** Chromium's storage buckets: a part of the site's storage with a quota of its own. Not in TypeScript's library yet. */
type StorageBuckets = {
  open(name: string, options: { readonly quota: number }): Promise<{ readonly indexedDB: IDBFactory }>;
  delete(name: string): Promise<void>;
};
const { storageBuckets } = navigator as unknown as { readonly storageBuckets: StorageBuckets };
const bucketName = "quota-test";

afterEach(async () => {
  vi.unstubAllGlobals();
  await storageBuckets.delete(bucketName);
});

test("L1 with the quota used up an append fails as storage-full and leaves nothing; what there is room for goes on", async () => {
  const bucket = await storageBuckets.open(bucketName, { quota: 1024 * 1024 });
  vi.stubGlobal("indexedDB", bucket.indexedDB);
  const store = await openIdbLogStore({ log: "quota", user: "ada", newClientId: () => crypto.randomUUID() });
  await store.appendPending(0, [entryOf("before")], []);
  // The first of the group has room; the second has not.
  const large = {
    ...entryOf("b"),
    commit: { ...entryOf("b").commit, meta: { name: "b", text: incompressible(4 * 1024 * 1024) } },
  };
  await expect(store.appendPending(1, [entryOf("a"), large], [])).rejects.toMatchObject({
    code: "storage-full",
    retry: "after-fix",
  });
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before"]);
  expect(await store.appendPending(1, [entryOf("a")], [])).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before", "a"]);
  store.close();
});

/** The browser compresses what it can, and would find room. */
function incompressible(length: number): string {
  let text = "";
  while (text.length < length)
    text += Array.from(crypto.getRandomValues(new Uint8Array(16_384)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  return text;
}
