/** The table of commands, in the order of the help. One file makes one command. */
import type { MakeCommand } from "../base/command.ts";
import { drop } from "./drop.ts";
import { events } from "./events.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { logs } from "./logs.ts";
import { move } from "./move.ts";
import { serveCommand } from "./serve.ts";
import { verify } from "./verify.ts";

export const commands: readonly MakeCommand[] = [
  serveCommand,
  logs,
  events,
  verify,
  exportCommand,
  importCommand,
  drop,
  move,
];
