// A bare IndexedDB store to compare with the log: one put, one transaction.

export type BareStore = {
  /** Resolves when the transaction is complete. */
  readonly put: (key: number, text: string) => Promise<void>;
  readonly close: () => void;
};

export type BareOptions = { readonly durability: IDBTransactionDurability; readonly explicitCommit: boolean };

export async function openBareStore(name: string, { durability, explicitCommit }: BareOptions): Promise<BareStore> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("rows");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error(String(request.error)));
  });
  return {
    put: (key, text) =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction("rows", "readwrite", { durability });
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(new Error(String(transaction.error)));
        transaction.objectStore("rows").put(text, key);
        if (explicitCommit) transaction.commit();
      }),
    close: () => database.close(),
  };
}
