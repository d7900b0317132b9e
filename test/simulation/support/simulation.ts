/** The simulation of our own proof: domain, commands and size, the same in the tests and in `npm run simulate`. */
import type { SimulateOptions } from "../../../src/testing/simulate/options.ts";
import { domain } from "../../support/board-domain.ts";
import { boardCommands } from "./commands.ts";

export const simulation: { readonly domain: typeof domain; readonly options: SimulateOptions } = { domain, options: { commands: boardCommands } };
