// A browser with one log: its locks, its timers, its tabs, and the rows of `pending`.
import { openIdbLogStore } from "../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../src/client/stores/idb/layout.ts";
import type { LogStore } from "../../../src/client/stores/log-store.ts";
import { entriesOf } from "../../../src/testing/log-store/fixtures.ts";
import { requireEqual } from "../../../src/testing/require.ts";
import { FakeLocks } from "./fake-locks.ts";
import { layoutOf, newClientId } from "./faulty-idb.ts";

export function browser() {
  const locks = new FakeLocks();
  const user = newClientId();
  let timers: (() => void)[] = [];
  const timer = (callback: () => void, ms: number) => {
    if (ms < 1_000) queueMicrotask(callback);
    if (ms >= 30_000) timers.push(callback);
    return () => void (timers = timers.filter((other) => other !== callback));
  };
  return {
    locks,
    open: () => openIdbLogStore({ log: "places", user, newClientId, timer, locks: locks.manager }),
    /** Lets the time pass after which a tab that appended nothing gives its place back. */
    rest: () => {
      for (const callback of timers.splice(0)) callback();
    },
    numbers: async () => (await layoutOf(databaseName("places", user)))["pending"]?.map(([n]) => n),
    places: () => locks.names.map((name) => Number(name.split(":").at(-1))).sort((a, b) => a - b),
  };
}

/** Long enough for all that waits for nothing but its turn. */
export const settle = () => new Promise((resolve) => setTimeout(resolve));

/** A tab that has its place at the tail 2. */
export async function tabWithPlace(open: () => Promise<LogStore>): Promise<LogStore> {
  const store = await open();
  for (let tail = 0; tail < 2; tail++) {
    requireEqual(await store.appendPending(tail, entriesOf(`first${tail}`), []), true, "the append");
    await settle();
  }
  return store;
}
