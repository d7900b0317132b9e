/** Deletes a log for good, with its imports that are not finished. Otherwise its records would stay in them. */
import type { EventStore } from "../stores/event-store.ts";
import { stagePrefix } from "./log-intake.ts";

export async function dropLog(store: EventStore, log: string): Promise<void> {
  await store.drop(log);
  for (const name of await store.logs()) if (name.startsWith(stagePrefix(log))) await store.drop(name);
}
