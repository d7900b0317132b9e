/**
 * The sync server on Node: HTTP by `@hono/node-server`, live sockets by `ws`.
 *
 * Place: the entry `dacapo/node`. `serve` starts a whole server. `attachLive` adds the live sockets to an app that
 * listens itself.
 *
 * Guarantees (node-http.slow-peers.test.ts, live.sockets-on-a-port.test.ts):
 * - Nothing that arrives on a port ends the process. Each socket gets its error listener before the first `await`.
 * - Headers, bodies, responses and handshakes have a time limit, and frames have a size limit.
 * - A refused upgrade gets a plain HTTP response.
 *
 * @module dacapo/node
 */
// With this line, a user with `@types/node` installed need not name it in a tsconfig too.
/// <reference types="node" preserve="true" />
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { WebSocketServer } from "ws";
import { CLIENT_FRAME_BYTES_MAX } from "../core/history/limits.ts";
import { syncServer, type SyncServer } from "./app.ts";
import { listen, listenAddress, listeningUrl } from "./hosts/listen.ts";
import { httpServer } from "./hosts/node-http.ts";
import { requireKnownOptions } from "../core/values/known-options.ts";
import { Observer } from "./base/observer.ts";
import { liveLog, prefixOf } from "./live/live-path.ts";
import { mountAt } from "./http/mount-routes.ts";
import { openSocket, refuse } from "./hosts/web-sockets.ts";
import { SERVE_OPTIONS, type ServeOptions } from "./serve-options.ts";
import { nodeExchange } from "./hosts/node-exchange.ts";

export { jsonLines } from "./hosts/json-lines.ts";
export { bearer } from "./access/authorize.ts";
export {
  type AnySqlModel,
  type SqlChange,
  sqlModel,
  type SqlModel,
  type SqlModelOptions,
} from "./read-models/sql-model.ts";
export { strong, type StrongOptions } from "./read-models/strong.ts";
export { subscriber } from "./subscribers/subscriber.ts";
export { processManager } from "./processes/process-manager.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";
export type { HandlerContext, RetryOptions, Subscriber, SubscriberOptions } from "./subscribers/subscriber.ts";
export type { HandlerExecute, HandlerExecuteOptions } from "./subscribers/handler-execute.ts";

export type { ServeOptions };

/** A server that listens. */
export type RunningServer = {
  /** The address of the server, for the option `sync.url` of `openLog`. */
  readonly url: string;
  /** The port that the server listens on. */
  readonly port: number;
  /** The sync server, for `poke`, `drop` and `importLog`. */
  readonly server: SyncServer;
  /**
   * Finishes the running pushes, disconnects live sockets, closes the store, and resolves when the port is free.
   *
   * @example
   * process.once("SIGTERM", () => void close());
   */
  readonly close: () => Promise<void>;
};

const HANDSHAKE_MS_MAX = 10_000;
const HANDSHAKES_MAX = 1_000;
/**
 * Fragments of one frame. A device sends a frame in one, and each waiting fragment may keep 64 KiB of its network
 * buffer.
 */
const FRAME_PIECES_MAX = 16;
/** Network chunks of one frame, for the same reason. */
const FRAME_CHUNKS_MAX = 1_024;
/** Milliseconds after `close` until the server ends the connections that are still open. */
const CLOSE_MS_MAX = 2_000;

/**
 * Starts a sync server on a port, and resolves when it listens.
 *
 * @example
 * import { bearer, serve } from "dacapo/node";
 * import { sqlite } from "dacapo/sqlite";
 * const authorize = bearer({ tokens: { "adas-secret": "ada" } });
 * const { url } = await serve({ domain, store: sqlite("logs.db"), authorize, port: 8787 });
 * console.log(`The sync server listens on ${url}`);
 *
 * @throws DefinitionError (`definition`) if `domain`, `store` or `authorize` is missing or has another type, if an
 *   option is not known, such as a misspelled `permit`, or if `path`, `port`, `hostname` or an origin is not written as
 *   it must be.
 * @throws StorageLostError (`storage-lost`) if the store cannot be opened.
 * @throws DacapoError (`port-taken`) if another program uses the port.
 * @throws DacapoError (`cannot-listen`) if the system refuses the address or the port.
 */
export async function serve(given: ServeOptions): Promise<RunningServer> {
  requireKnownOptions("`serve`", given, SERVE_OPTIONS);
  const { port = 8787, hostname, path = "/sync", ...options } = given;
  const prefix = prefixOf(path);
  const wanted = listenAddress(port, hostname);
  const onError = options.onError ?? ((error: unknown) => console.error("dacapo:", error));
  const server = syncServer({ ...options, onError });
  const app = mountAt(prefix, server);
  const http = httpServer((incoming, outgoing) => {
    const exchange = nodeExchange(incoming, outgoing);
    void getRequestListener((request) => app.fetch(request, exchange), { overrideGlobalObjects: false })(
      incoming,
      outgoing,
    );
  });
  const sockets = attachLive(http, server, prefix);
  const open = async (): Promise<number> => {
    await options.store.open?.();
    return listen(http, wanted);
  };
  const listening = await open().catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const url = listeningUrl(listening, wanted.hostname, prefix);
  new Observer(options).write({ level: "info", event: "started", url });
  return {
    url,
    port: listening,
    server,
    close: async () => {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      await server.close();
      http.closeIdleConnections();
      const timer = setTimeout(() => {
        http.closeAllConnections();
        sockets.clients.forEach((socket) => socket.terminate());
      }, CLOSE_MS_MAX);
      await closed;
      clearTimeout(timer);
    },
  };
}

/**
 * Opens live sockets on your own HTTP server, for a sync server that you mounted under `path`. The result contains the
 * open sockets.
 *
 * @example
 * import { createServer } from "node:http";
 * import { getRequestListener } from "@hono/node-server";
 * import { Hono } from "hono";
 * import { attachLive } from "dacapo/node";
 * import { syncServer } from "dacapo/sync-server";
 * const sync = syncServer({ domain, store, authorize });
 * const http = createServer(getRequestListener(new Hono().route("/sync", sync).fetch));
 * attachLive(http, sync, "/sync");
 * http.listen(8787);
 *
 * @param path the path of `route`, such as `/sync`, also without its first slash. It cannot have parameters.
 * @throws DefinitionError (`definition`) if `path` is not a plain path.
 */
export function attachLive(
  http: Server,
  server: SyncServer,
  path: string,
): { readonly clients: ReadonlySet<{ terminate(): void }> } {
  // No compression, because it costs memory for each socket, has had security holes, and records are small.
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: CLIENT_FRAME_BYTES_MAX,
    maxFragments: FRAME_PIECES_MAX,
    maxBufferedChunks: FRAME_CHUNKS_MAX,
    clientTracking: true,
  });
  const prefix = prefixOf(path);
  let handshakes = 0;

  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Without a listener, a connection that resets during the wait would end the process.
    socket.on("error", () => socket.destroy());
    const log = liveLog(request.url ?? "", prefix);
    if (log === null) {
      // Another listener for upgrades may handle this path.
      if (http.listenerCount("upgrade") === 1) refuse(socket, 404, "");
      return;
    }
    if (handshakes >= HANDSHAKES_MAX) return refuse(socket, 503, "");
    handshakes++;
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX);
    openSocket(server.live, sockets, log, { request, socket, head })
      .catch((error: unknown) => {
        socket.destroy();
        server.live.report(error);
      })
      .finally(() => {
        handshakes--;
        clearTimeout(timer);
      });
  });
  return sockets;
}
