/** `dacapo processes LOG`: places of process managers, their waiting commands, and the actions of an operator. */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { ParkedByProcess, ProcessStatus, WaitingCommand } from "../../sync-server/processes/process-status.ts";
import type { MakeCommand } from "../base/command.ts";
import { followerCommand } from "../base/follower-command.ts";
import { LIMIT_MAX, limitOf } from "../base/option-values.ts";
import { count, cut, jsonOf, printable, timeText } from "../base/output.ts";

export const processes: MakeCommand = () =>
  followerCommand<ProcessStatus, ParkedByProcess>({
    name: "processes",
    noun: "process manager",
    example: "fulfilment",
    parkedNoun: "event or command",
    again: "Commands that the log has recorded are not recorded again.",
    calls: (log) => log.processes,
    columns: [
      ["process manager", ({ name }) => name],
      ["state", ({ state }) => state],
      ["behind", ({ behind }) => behind],
      ["waiting", ({ waiting }) => waiting],
      ["parked", ({ parked }) => parked],
      ["commands", ({ commands }) => commands],
      ["next", ({ nextAt }) => (nextAt === null ? "" : timeOf(nextAt))],
    ],
    parkedLine: (parked) =>
      parked.kind === "event"
        ? `${parked.id}  ${parked.stream} v${parked.version}  ${parked.type}: ${parked.reason}`
        : `${parked.id}  ${parked.process}  ${namesOf(parked.commands)}: ${parked.reason}`,
    reads: {
      commands: {
        options: [
          ["--after <process>", "begin behind this process"],
          ["--limit <number>", `end with the process that reaches this number, up to ${LIMIT_MAX} (default: 500)`],
        ],
        run: async ({ processes: calls }, name, { after, limit }, output) => {
          const commands = await calls.commands(name, { ...(after !== undefined && { after }), ...limitOf({ limit }) });
          for (const one of commands) await output.result(cut(printable(lineOf(one)), output.columns), jsonOf(one));
          output.remark(count(commands.length, "waiting command"));
        },
      },
    },
  });

function lineOf({ process, timer, due, commands, failures, error }: WaitingCommand): string {
  const failed = error === null ? "" : `  ${count(failures, "failure")}: ${error}`;
  return `${timeOf(timer === null ? 0 : due)}  ${process}  ${timer ?? ""}  ${namesOf(commands)}${failed}`;
}

function namesOf(commands: readonly CommandRequest[]): string {
  return commands.map(({ stream, name }) => `${stream} ${name}`).join(", ");
}

/** A command without a timer can be executed at once. */
function timeOf(ms: number): string {
  return ms === 0 ? "now" : timeText(ms);
}
