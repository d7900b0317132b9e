/**
 * Opens a log in the worker.
 *
 * Place: the entry of this room. `serveLog` opens logs with the browser's parts, tests and the simulator with their
 * own.
 */
import type { WorkerLog } from "../messages/worker-messages.ts";
import { type SessionParts, TabSession } from "./tab-session.ts";
import { workerCalls } from "./worker-calls.ts";

export async function openWorkerLog(parts: SessionParts): Promise<WorkerLog> {
  return workerCalls(await TabSession.open(parts), parts.options.log);
}
