/**
 * The process managers of one log, for the code of the server and its operators.
 *
 * Guarantees: those of ProcessInLog.
 */
import type { LogName } from "../../core/values/ids.ts";
import { handleName } from "../base/check-arguments.ts";
import type { EventStore } from "../stores/event-store.ts";
import { FollowerInLog, operatorCalls, type ResetOptions } from "../subscribers/follower-in-log.ts";
import { ProcessInLog } from "./process-in-log.ts";
import type { AnyProcessManager } from "./process-manager.ts";
import type { CommandsPage, ParkedByProcess, ProcessStatus, WaitingCommand } from "./process-status.ts";
import type { KnownProcesses } from "./processes.ts";

/** The process managers of one log. Each call takes a process manager of this server, or its name. */
export type LogProcesses = {
  /**
   * Returns the place of each process manager.
   *
   * @example
   * const [{ state, behind, commands }] = await server.log("shop").processes.list();
   *
   * @throws DacapoError (`gone`) if the log was deleted, as every call here.
   */
  readonly list: () => Promise<readonly ProcessStatus[]>;
  /**
   * Returns commands that are not executed yet, in the order of their processes. A page has all commands of each of its
   * processes, so it may have more than `limit`.
   *
   * @example
   * for (const { process, timer, due } of await server.log("shop").processes.commands(fulfilment))
   *   console.log(process, timer, new Date(due));
   *
   * @throws ValidationError (`invalid`) if `limit` or `after` is not valid.
   */
  readonly commands: (manager: AnyProcessManager | string, page?: CommandsPage) => Promise<readonly WaitingCommand[]>;
  /**
   * Returns the parked events and commands.
   *
   * @example
   * for (const { id, reason } of await server.log("shop").processes.parked(fulfilment)) console.log(id, reason);
   */
  readonly parked: (manager: AnyProcessManager | string) => Promise<readonly ParkedByProcess[]>;
  /**
   * Handles parked events and commands again, and returns the number of them. Without `ids`: all of them.
   *
   * @example
   * await server.log("shop").processes.retry(fulfilment);
   *
   * @throws DacapoError (`diverged`) if the log was replaced and does not contain the place of the process, as `skip`,
   *   `pause` and `resume`. Only `reset` helps.
   */
  readonly retry: (manager: AnyProcessManager | string, ids?: readonly string[]) => Promise<number>;
  /**
   * Passes over a parked event or command for good, so that its process continues. `list` shows the last 20 reasons.
   *
   * @example
   * await server.log("shop").processes.skip(fulfilment, id, "The order was shipped by hand");
   *
   * @throws ValidationError (`invalid`) if nothing with this id is parked.
   */
  readonly skip: (manager: AnyProcessManager | string, id: string, reason: string) => Promise<void>;
  /**
   * Folds no more events and executes no more commands in this log, on all nodes and after restarts.
   *
   * @example
   * await server.log("shop").processes.pause(fulfilment);
   */
  readonly pause: (manager: AnyProcessManager | string) => Promise<void>;
  /**
   * Continues after `pause`. Timers that were due meanwhile are executed.
   *
   * @example
   * await server.log("shop").processes.resume(fulfilment);
   */
  readonly resume: (manager: AnyProcessManager | string) => Promise<void>;
  /**
   * Folds the log again from the beginning, and reacts to the events behind `from`. A command that the log has recorded
   * is not recorded again. With `beginning`, commands that wait are forgotten, because the fold brings them back.
   *
   * @example
   * await server.log("shop").processes.reset(fulfilment, { from: "beginning", effects: "repeat" });
   *
   * @throws DacapoError (`diverged`) if the log does not contain the cursor.
   */
  readonly reset: (manager: AnyProcessManager | string, options: ResetOptions) => Promise<void>;
};

export function logProcesses(store: EventStore, processes: KnownProcesses, log: LogName): LogProcesses {
  const { definitions } = processes;
  const one = (handle: AnyProcessManager | string): ProcessInLog => {
    const name = handleName("a process manager", handle);
    return new ProcessInLog(processes, new FollowerInLog("process manager", store, log, definitions, name));
  };
  return {
    ...operatorCalls([...definitions.keys()], one),
    commands: async (handle, page = {}) => one(handle).commands(page),
  };
}
