// Fills a log with the tasks of the bench's domain, for a workload that reads.
import { appendEvents } from "./append-events.ts";
import { addTask } from "./domain.ts";

/** One event a commit, one commit a stream. */
export async function fillLog(file: string, log: string, events: number): Promise<void> {
  await appendEvents(file, log, events, (position, client) => {
    const { stream, input } = addTask(`${client.slice(0, 8)}-${position}`, position);
    return { type: "TaskAdded", stream, data: input };
  });
}
