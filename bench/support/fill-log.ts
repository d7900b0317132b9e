// Fills a log with the tasks of the bench's domain, for a workload that reads.
import { appendEvents } from "./append-events.ts";
import { addTask, task } from "./domain.ts";

/** One event a commit, one commit a stream. */
export async function fillLog(file: string, log: string, events: number): Promise<void> {
  await appendEvents(file, log, events, (position, client) => {
    const { stream, input } = addTask(`${client.slice(0, 8)}-${position}`, position);
    return { type: "TaskAdded", stream, data: input };
  });
}

/** One event a commit. The first events add `tasks` tasks, and all later ones rename them in turns. */
export async function fillChangedLog(file: string, log: string, events: number, tasks: number): Promise<void> {
  await appendEvents(file, log, events, (position) => {
    const n = (position - 1) % tasks;
    const version = Math.floor((position - 1) / tasks) + 1;
    if (version === 1) {
      const { stream, input } = addTask(`t${n}`, n);
      return { type: "TaskAdded", stream, data: input };
    }
    const { stream, input } = task.command.rename(`t${n}`, { title: `Task ${n}, as it is named after ${position}` });
    return { type: "TaskRenamed", stream, version, data: input };
  });
}
