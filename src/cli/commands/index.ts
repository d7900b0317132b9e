/** The table of commands, in the order of the help. One file makes one command. */
import type { MakeCommand } from "../base/command.ts";
import { populate, purge, rebuild, verifyModel } from "./build-models.ts";
import { drop } from "./drop.ts";
import { events } from "./events.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { logs } from "./logs.ts";
import { models } from "./models.ts";
import { move } from "./move.ts";
import { processes } from "./processes.ts";
import { replay } from "./replay.ts";
import { rows } from "./rows.ts";
import { serveCommand } from "./serve.ts";
import { subscribers } from "./subscribers.ts";
import { verify } from "./verify.ts";

export const commands: readonly MakeCommand[] = [
  serveCommand,
  logs,
  events,
  verify,
  models,
  rows,
  rebuild,
  populate,
  verifyModel,
  purge,
  replay,
  subscribers,
  processes,
  exportCommand,
  importCommand,
  drop,
  move,
];
