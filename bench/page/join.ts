// A new device joins a log: from `openLog` to all rows, and to a decision without a network.
import type { LogHandle } from "dacapo/client";
import { board, task } from "../support/domain.ts";
import { openBenchLog, until } from "./logs.ts";

export type JoinOptions = {
  readonly log: string;
  readonly user: string;
  readonly syncUrl: string;
  readonly events: number;
  /** The number of rows. */
  readonly tasks: number;
};

/** Milliseconds from the call of `openLog`. */
export type JoinTimes = { readonly opened: number; readonly firstRows: number; readonly synced: number };

let joined: LogHandle | null = null;

export async function runJoin({ events, tasks, ...at }: JoinOptions): Promise<JoinTimes> {
  const start = performance.now();
  const log = await openBenchLog(at);
  const opened = performance.now() - start;
  const rows = log.rows(board);
  await rows.ready;
  await until(() => rows.all().length === tasks, "all rows");
  const firstRows = performance.now() - start;
  await until(() => log.status.get().position === events, "the end of the log");
  joined = log;
  return { opened, firstRows, synced: performance.now() - start };
}

/** Decides a command on a row of the log, and closes the log. Returns the milliseconds. */
export async function decideOffline(): Promise<number> {
  if (!joined) throw new Error("No log is open");
  const log = joined;
  joined = null;
  const start = performance.now();
  await log.execute(task.command.complete("t1"));
  const ms = performance.now() - start;
  if (log.status.get().pending !== 1) throw new Error("The decision was not made without a network");
  await log.close();
  return ms;
}
