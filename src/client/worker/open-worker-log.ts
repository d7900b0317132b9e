/**
 * Opens a log in the worker.
 *
 * Place: the entry of this room. `serveLog` opens logs with the browser's parts, tests and the simulator with their
 * own.
 */
import type { WorkerLog } from "../messages/worker-messages.ts";
import type { SessionParts } from "./session-parts.ts";
import { TabSession } from "./tab-session.ts";
import { workerCalls } from "./worker-calls.ts";

/** Closes the store if the log cannot be opened. */
export async function openWorkerLog(parts: SessionParts): Promise<WorkerLog> {
  try {
    return workerCalls(await TabSession.open(parts), parts);
  } catch (error) {
    parts.store.close();
    throw error;
  }
}
