/** The options of `serve`, and the check that refuses any other name. */
import { refuseDefinition } from "../core/values/refuse.ts";
import type { SyncServerOptions } from "./server-options.ts";

/** Options of `serve`: those of `syncServer`, and the address. */
export type ServeOptions = SyncServerOptions & {
  /**
   * The port to listen on. 0 chooses any free port.
   *
   * @default 8787
   */
  readonly port?: number;
  /**
   * The address to listen on, such as `127.0.0.1`, without scheme and port.
   *
   * @default all addresses of this machine
   */
  readonly hostname?: string;
  /**
   * The path in front of all routes, such as `/api/sync`. `/` is the root. Slashes at its ends make no difference.
   *
   * @default "/sync"
   */
  readonly path?: string;
};

/** An object, because the compiler then finds a name that is missing. */
const OPTIONS: { readonly [Name in keyof Required<ServeOptions>]: true } = {
  domain: true,
  store: true,
  authorize: true,
  permit: true,
  admin: true,
  origins: true,
  credentials: true,
  models: true,
  subscribers: true,
  base: true,
  limits: true,
  serverId: true,
  ticketSecret: true,
  port: true,
  hostname: true,
  path: true,
  onError: true,
  onLog: true,
  telemetry: true,
  liveTicks: true,
  sleeps: true,
  env: true,
};

/** Refuses a misspelled option, because a server with `permitt` would let everyone read every log. */
export function requireServeOptions(given: ServeOptions): void {
  for (const [name, value] of Object.entries(given))
    if (!Object.hasOwn(OPTIONS, name) && value !== undefined)
      refuseDefinition(`\`serve\` has no option ${name}`, `Its options are ${Object.keys(OPTIONS).join(", ")}.`, {
        option: name,
      });
}
