// A module worker as the engine's is: spoken to over Comlink, writes to IndexedDB, holds a Web Lock.
import { expose } from "comlink";
import { openDB } from "idb";

const echo = {
  /** Stores the value, then tells it back as another tab would read it. */
  async keep(name: string, value: string, onKept: (value: unknown) => void): Promise<void> {
    await navigator.locks.request(name, async () => {
      const database = await openDB(name, 1, { upgrade: (upgrading) => void upgrading.createObjectStore("values") });
      await database.put("values", value, "only");
      onKept(await database.get("values", "only"));
      database.close();
    });
  },
};

export type Echo = typeof echo;

expose(echo);
