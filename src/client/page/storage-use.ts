/**
 * Reads how the browser stores this site's data, and requests that it keeps the data. Only a page can do both.
 *
 * Guarantees (test/browser/storage-use.test.ts):
 * - Nothing is requested before a commit waits on this device, because Firefox shows a question to the person.
 */
import type { StorageUse } from "../messages/log-types.ts";

export type StorageUseReader = {
  readonly read: () => void;
  /** Requests once that the browser keeps the data, and then reads. */
  readonly persist: () => void;
};

/** @param mayPersist false: nothing is ever requested */
export function storageUse(mayPersist: boolean, show: (use: StorageUse) => void): StorageUseReader {
  let isRequested = !mayPersist;
  // Missing in a page without HTTPS.
  const storage: StorageManager | undefined = navigator.storage;
  const readWith = async (persisted: () => Promise<boolean>) => {
    const [isPersisted, { usage = null, quota = null }] = await Promise.all([persisted(), storage.estimate()]);
    show({ persisted: isPersisted, usage, quota });
  };
  const start = (persisted: () => Promise<boolean>) => {
    // Some private windows refuse. The status then shows what was read before.
    if (storage) readWith(persisted).catch(() => {});
  };
  return {
    read: () => start(() => storage.persisted()),
    persist() {
      if (isRequested) return;
      isRequested = true;
      start(async () => (await storage.persisted()) || storage.persist());
    },
  };
}
