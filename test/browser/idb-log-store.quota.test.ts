// A real browser whose quota is used up. A commit that fits is still stored.
import { deleteDB, openDB } from "idb";
import { afterEach, expect, test, vi } from "vitest";
import { openIdbLogStore } from "../../src/client/stores/idb/idb-log-store.ts";
import { ALL, entryOf, nameOf } from "../../src/testing/log-store/fixtures.ts";

/** Chromium's storage buckets: a part of the site's storage with its own quota. TypeScript's library lacks them. */
type StorageBuckets = {
  open(name: string, options: { readonly quota: number }): Promise<{ readonly indexedDB: IDBFactory }>;
  delete(name: string): Promise<void>;
};
const { storageBuckets } = navigator as unknown as { readonly storageBuckets?: StorageBuckets };
const MIB = 1024 * 1024;
const name = "quota-test";

/** Leaves the store less than 4 MiB, or returns false if this browser has no small quota. */
async function makeSmall(): Promise<boolean> {
  if (storageBuckets) {
    const bucket = await storageBuckets.open(name, { quota: MIB });
    vi.stubGlobal("indexedDB", bucket.indexedDB);
    return true;
  }
  // Firefox, which the tests start with a small quota for each site. WebKitGTK has no `navigator.storage`.
  const storage = "storage" in navigator ? navigator.storage : null;
  const { quota = Infinity, usage = 0 } = (await storage?.estimate()) ?? {};
  if (quota > 100 * MIB) return false;
  const ballast = await openDB(name, 1, { upgrade: (database) => void database.createObjectStore("rows") });
  for (let n = 0; n < Math.floor((quota - usage) / MIB) - 3; n++) await ballast.put("rows", incompressible(MIB), n);
  ballast.close();
  return true;
}

afterEach(async () => {
  vi.unstubAllGlobals();
  await (storageBuckets ? storageBuckets.delete(name) : deleteDB(name));
});

test("L1 append: with the quota used up, fails as storage-full and leaves nothing", async (context) => {
  if (!(await makeSmall())) return context.skip("This browser has no quota that a test can fill");
  const store = await openIdbLogStore({ log: "quota", user: "ada", newClientId: () => crypto.randomUUID() });
  await store.appendPending(0, [entryOf("before")], []);
  // The first commit of the group has room. The second has not.
  const large = {
    ...entryOf("b"),
    commit: { ...entryOf("b").commit, meta: { name: "b", text: incompressible(4 * MIB) } },
  };
  // Twice, because Firefox refuses the next write of rows on the connection that met the first failure.
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(store.appendPending(1, [entryOf("a"), large], [])).rejects.toMatchObject({
      code: "storage-full",
      retry: "after-fix",
    });
    expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before"]);
  }
  expect(await store.appendPending(1, [entryOf("a")], [])).toBe(true);
  expect(await store.appendPending(2, [entryOf("c")], [])).toBe(true);
  expect((await store.refresh(ALL)).pending.map(nameOf)).toEqual(["before", "a", "c"]);
  await store.destroy();
  return undefined;
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
