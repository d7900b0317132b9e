// A real browser whose quota is used up. A commit that fits is still stored.
import { afterEach, expect, test, vi } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { ALL, entryOf, nameOf } from "../../src/testing/log-store/fixtures.ts";

/** Chromium's storage buckets: a part of the site's storage with its own quota. TypeScript's library lacks them. */
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

test("L1 append: with the quota used up, fails as storage-full and leaves nothing", async () => {
  const bucket = await storageBuckets.open(bucketName, { quota: 1024 * 1024 });
  vi.stubGlobal("indexedDB", bucket.indexedDB);
  const store = await openIdbLogStore({ log: "quota", user: "ada", newClientId: () => crypto.randomUUID() });
  await store.appendPending(0, [entryOf("before")], []);
  // The first commit of the group has room. The second has not.
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

/** Random text, because the browser compresses other text and would find room for it. */
function incompressible(length: number): string {
  let text = "";
  while (text.length < length)
    text += Array.from(crypto.getRandomValues(new Uint8Array(16_384)), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  return text;
}
