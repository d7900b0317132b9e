// A module worker like the engine's: called over Comlink, it writes to IndexedDB and holds a Web Lock.
import { expose } from "comlink";
import { openDB } from "idb";

const echo = {
  /** Stores the value, then reports it as another tab would read it. */
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
