/** Continues the duo of this tab or starts one, and deletes what earlier visits left in this browser. */
import { deleteLog } from "dacapo/client";
import { deleteDB } from "idb";
import { keep, recall } from "../memory.ts";
import { SIDES } from "./duo.ts";
import { DuoRun } from "./duo-run.ts";
import { keptDuo } from "./kept-duo.ts";
import { storeNameOf } from "./kept-store.ts";

const KEY = "board.duos";
/** A page that is reloaded releases its lock when it is gone. A copy of the tab keeps it. */
const LOCK_MS_MAX = 1_000;

export async function startDuo(): Promise<DuoRun> {
  const kept = keptDuo();
  const continued = kept && known().includes(kept.name) && (await hold(kept.name)) ? kept : null;
  const name = continued?.name ?? `duo-${Math.random().toString(36).slice(2, 12)}`;
  if (!continued) {
    await hold(name);
    write([...known(), name]);
  }
  void sweep(known().filter((other) => other !== name));
  return new DuoRun(name, continued);
}

/** Holds the lock of a duo until this page ends, so that other pages keep its databases. */
async function hold(name: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  if (!navigator.locks) return false;
  navigator.locks
    .request(name, { signal: AbortSignal.timeout(LOCK_MS_MAX) }, () => {
      resolve(true);
      return new Promise<never>(() => {});
    })
    .catch(() => resolve(false));
  return promise;
}

/** Deletes the databases of duos that no page holds. */
async function sweep(names: readonly string[]): Promise<void> {
  for (const name of names) {
    await navigator.locks?.request(name, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      // A database that cannot be deleted now is tried again at the next visit.
      for (const user of SIDES) await deleteLog(name, { user, losePending: true });
      await deleteDB(storeNameOf(name));
      write(known().filter((other) => other !== name));
    });
  }
}

function write(names: readonly string[]): void {
  keep(() => localStorage, KEY, JSON.stringify(names));
}

function known(): readonly string[] {
  try {
    const names: unknown = JSON.parse(recall(() => localStorage, KEY) ?? "[]");
    return Array.isArray(names) ? names.filter((name: unknown): name is string => typeof name === "string") : [];
  } catch {
    return [];
  }
}
