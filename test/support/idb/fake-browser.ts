// A browser with one log: its Web Locks, its timers, its tabs, and the rows of `pending`.
import { openIdbLogStore } from "../../../src/client/stores/idb/idb-log-store.ts";
import { databaseName } from "../../../src/client/stores/database-name.ts";
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
    open: () => openIdbLogStore({ log: "leases", user, newClientId, timer, locks: locks.manager }),
    /** Runs the idle timers. A tab without an append since the last call then releases its lease. */
    passIdleTime: () => {
      for (const callback of timers.splice(0)) callback();
    },
    numbers: async () => (await layoutOf(databaseName("leases", user)))["pending"]?.map(([n]) => n),
    leasedTails: () => locks.names.map((name) => Number(name.split(":").at(-1))).sort((a, b) => a - b),
  };
}

/** Waits until all promises that need no timer have settled. */
export const settle = () => new Promise((resolve) => setTimeout(resolve));

/** Opens a tab that has a lease on the tail 2. */
export async function tabWithLease(open: () => Promise<LogStore>): Promise<LogStore> {
  const store = await open();
  for (let tail = 0; tail < 2; tail++) {
    requireEqual(await store.appendPending(tail, entriesOf(`first${tail}`), []), true, "the append");
    await settle();
  }
  return store;
}
