/** The options of `serve`. */
import type { OptionNames } from "../core/values/known-options.ts";
import { SERVER_OPTIONS, type SyncServerOptions } from "./server-options.ts";

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

export const SERVE_OPTIONS: OptionNames<ServeOptions> = {
  ...SERVER_OPTIONS,
  port: true,
  hostname: true,
  path: true,
};
