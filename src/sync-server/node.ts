/**
 * The sync server on Node: HTTP by `@hono/node-server`, live sockets by `ws`.
 *
 * Place: `dacapo/node`. `serve` is a whole server; `attachLive` gives the sockets to an app that listens itself.
 * Holds: whatever comes in on a port, the process lives: each socket has its error listener before anything is awaited;
 * headers, bodies, answers and handshakes have their time, frames their size; an upgrade that is refused is a plain HTTP answer.
 */
// Whoever has `@types/node` shall not have to name it in a tsconfig, too.
/// <reference types="node" preserve="true" />
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { DacapoError } from "../core/values/errors.ts";
import { CLIENT_FRAME_BYTES_MAX } from "../core/history/limits.ts";
import { syncServer, type SyncServer, type SyncServerOptions } from "./app.ts";
import { httpServer } from "./hosts/node-http.ts";
import { liveLog, prefixOf } from "./live/live-path.ts";
import type { LiveSocket } from "./live/server-socket.ts";
import { nodeExchange } from "./hosts/node-exchange.ts";

export { bearer } from "./access/authorize.ts";
export { jwt } from "./access/jwt.ts";
export type { JwtClaims, JwtOptions } from "./access/jwt.ts";
export type { Authorize, BearerOptions, Permit, PermitRequest, Principal } from "./access/authorize.ts";

export type ServeOptions = SyncServerOptions & {
  /** Default 8787; 0: any that is free. */
  readonly port?: number;
  /** Address to listen on. Left out: all of this machine's. */
  readonly hostname?: string;
  /** Where the server hangs. Default `/sync`. */
  readonly path?: string;
};

export type RunningServer = {
  /** Address for `openLog`'s `sync.url`. */
  readonly url: string;
  readonly port: number;
  readonly server: SyncServer;
  /** Ends what is under way, shows out live sockets, closes the store. Resolves when the port is free. */
  readonly close: () => Promise<void>;
};

const HANDSHAKE_MS_MAX = 10_000;
const HANDSHAKES_MAX = 1_000;
/** Pieces of one frame, and of what came of it: devices send a frame in one. Each piece that waits may keep 64 KiB of what it came in. */
const FRAME_PIECES_MAX = 16;
const FRAME_CHUNKS_MAX = 1_024;
/** Connections that have not ended by themselves so long after `close` are ended. */
const CLOSE_MS_MAX = 2_000;
/** Connections that wait to be taken, when thousands come back at once. Those beyond wait seconds for another try; the system may allow less. */
const BACKLOG_MAX = 4_096;

/**
 * Serves logs on a port. Resolves when it listens.
 *
 * @example
 * const { url, close } = await serve({ domain, store: sqlite("logs.db"), authorize: bearer({ tokens }), port: 8787 });
 */
export async function serve({
  port = 8787,
  hostname,
  path = "/sync",
  ...options
}: ServeOptions): Promise<RunningServer> {
  const onError = options.onError ?? ((error: unknown) => console.error("dacapo:", error));
  const server = syncServer({ ...options, onError });
  const app = new Hono().route(path, server);
  const http = httpServer((incoming, outgoing) => {
    const exchange = nodeExchange(incoming, outgoing);
    void getRequestListener((request) => app.fetch(request, exchange), { overrideGlobalObjects: false })(
      incoming,
      outgoing,
    );
  });
  const sockets = attachLive(http, server, path);
  await listen(http, port, hostname);

  const address = http.address();
  const listening = typeof address === "object" && address !== null ? address.port : port;
  const host = hostname === undefined || hostname === "0.0.0.0" || hostname === "::" ? "localhost" : hostname;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${listening}${path === "/" ? "" : path}`,
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
 * Opens live sockets on an HTTP server of yours, for a sync server that you mounted under `path`.
 *
 * @example
 * const http = honoServe({ fetch: app.fetch, port });
 * attachLive(http, sync, "/sync");
 */
export function attachLive(
  http: Server,
  server: SyncServer,
  path: string,
): { readonly clients: ReadonlySet<{ terminate(): void }> } {
  // Compression costs memory for each socket and has been a source of holes; records are small.
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
    // A connection that resets while we wait would end the process.
    socket.on("error", () => socket.destroy());
    const log = liveLog(request.url ?? "", prefix);
    if (log === null) {
      // It may be for someone else who listens for upgrades here.
      if (http.listenerCount("upgrade") === 1) refuse(socket, 404, "");
      return;
    }
    if (handshakes >= HANDSHAKES_MAX) return refuse(socket, 503, "");
    handshakes++;
    const timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS_MAX);
    openSocket(server, sockets, request, socket, head, log)
      .catch(() => socket.destroy())
      .finally(() => {
        handshakes--;
        clearTimeout(timer);
      });
  });
  return sockets;
}

async function openSocket(
  server: SyncServer,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  log: string,
): Promise<void> {
  const { origin } = request.headers;
  // The host of a request is whatever its sender wrote: ours is a placeholder, and `url` begins with one slash.
  const asked = new Request(`http://localhost${request.url}`, { headers: origin === undefined ? {} : { origin } });
  const opening = await server.live.open(asked, log);
  if (socket.destroyed) return;
  if (opening.kind === "refused") {
    const { response } = opening;
    return refuse(socket, response.status, await response.text(), response.headers);
  }
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    const connection = opening.join(liveSocket(webSocket));
    webSocket.on("message", (data: RawData, isBinary) => {
      // Fragments come joined: `ws` gives one Buffer unless told otherwise.
      if (isBinary || !Buffer.isBuffer(data)) webSocket.close(1003, "text only");
      else connection.receive(data.toString());
    });
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("close", connection.closed);
  });
}

function liveSocket(webSocket: WebSocket): LiveSocket {
  return {
    send: (text) => webSocket.send(bytesOf(text), { binary: false }),
    get bufferedBytes() {
      return webSocket.bufferedAmount;
    },
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
    // A Node process does not outlive its sockets.
    save: () => {},
  };
}

let lastText = "";
let lastBytes = Buffer.alloc(0);

/** The bytes of a frame. The same frame goes to many sockets in a row: it is encoded once. */
function bytesOf(text: string): Buffer {
  if (text !== lastText) {
    lastText = text;
    lastBytes = Buffer.from(text);
  }
  return lastBytes;
}

function refuse(socket: Duplex, status: number, body: string, headers: Headers = new Headers()): void {
  const lines = [
    `HTTP/1.1 ${status} Refused`,
    ...[...headers].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  // An upgraded socket may stay half open: whoever does not close his side would keep it for ever.
  socket.once("finish", () => socket.destroy());
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

function listen(http: Server, port: number, hostname: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      reject(
        new DacapoError(taken ? "port-taken" : "cannot-listen", "after-fix", {
          message: taken
            ? `Port ${port} is taken by another program`
            : `Cannot listen on ${hostname ?? "this machine"}, port ${port}: ${error.message}`,
          fix: taken ? "End that program, or choose another port." : "Check hostname and port.",
          details: { port },
          cause: error,
        }),
      );
    });
    http.listen({ port, backlog: BACKLOG_MAX, ...(hostname !== undefined && { host: hostname }) }, () => {
      http.removeAllListeners("error");
      http.on("error", () => {});
      resolve();
    });
  });
}
