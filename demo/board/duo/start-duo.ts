/** Starts a duo, and deletes what earlier visits left in this browser. */
import { deleteLog } from "dacapo/client";
import { keep, recall } from "../memory.ts";
import { SIDES } from "./duo.ts";
import { DuoRun } from "./duo-run.ts";

const KEY = "board.duos";

export function startDuo(): DuoRun {
  const duo = new DuoRun(`duo-${Math.random().toString(36).slice(2, 12)}`);
  // The page holds this lock until it ends, so that other pages keep its databases.
  void navigator.locks?.request(duo.name, () => new Promise<never>(() => {}));
  const earlier = known();
  write([...earlier, duo.name]);
  void sweep(earlier);
  return duo;
}

/** Deletes the databases of duos that no page holds. */
async function sweep(names: readonly string[]): Promise<void> {
  for (const name of names) {
    await navigator.locks?.request(name, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      // A database that cannot be deleted now is tried again at the next visit.
      for (const user of SIDES) await deleteLog(name, { user, losePending: true });
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
