/**
 * The sync server in a Durable Object: HTTP by its `fetch`, live sockets that hibernate.
 *
 * Place: the seed of `dacapo/cloudflare`. A class of yours makes one and hands on what the runtime tells it; a Worker sends each
 * request to the object of its log.
 * Holds: the object may lose its memory between any two events. Logs and outcomes are in its SQL, what the hub knows of a socket is in
 * the socket's attachment (at most 2 KB), rights are asked again by an alarm. Tickets are sealed with a key that only memory
 * holds, next to the list of those spent: both go at once, so that no ticket opens twice.
 */
import { Hono } from "hono";
import { CLIENT_FRAME_BYTES_MAX } from "../core/history/limits.ts";
import { syncServer, type SyncServer, type SyncServerOptions } from "./app.ts";
import {
  autoResponse,
  type HibernatingSocket,
  type LogObjectContext,
  socketPair,
  upgraded,
} from "./hosts/cloudflare-runtime.ts";
import { OBJECT_LIMITS, RIGHTS_MS } from "./base/limits.ts";
import { PONG_FRAME } from "./live/frame-text.ts";
import { liveLog, prefixOf } from "./live/live-path.ts";
import type { LiveAttachment, LiveConnection, LiveSocket } from "./live/server-socket.ts";
import { createReporter } from "./base/report-error.ts";
import { durableObjectStore } from "./stores/durable-object.ts";

export type LogObjectOptions = Omit<SyncServerOptions, "store" | "ticketSecret" | "liveTicks"> & {
  /** Where the server hangs. Default `/sync`. */
  readonly path?: string;
};

/** What a Durable Object hands on, under the names by which the runtime calls it. */
export type LogObject = {
  readonly server: SyncServer;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly webSocketMessage: (socket: HibernatingSocket, message: string | ArrayBuffer) => void;
  readonly webSocketClose: (socket: HibernatingSocket) => void;
  readonly webSocketError: (socket: HibernatingSocket) => void;
  readonly alarm: () => Promise<void>;
};

/** As clients write it. Another spelling wakes the object and is answered by the hub. */
const PING_FRAME = `{"type":"ping"}`;

/**
 * A sync server for the constructor of a Durable Object.
 *
 * @example
 * export class Log extends DurableObject {
 *   readonly sync = logObject(this.ctx, { domain, authorize });
 *   fetch(request: Request) { return this.sync.fetch(request); }
 *   webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) { this.sync.webSocketMessage(socket, message); }
 *   webSocketClose(socket: WebSocket) { this.sync.webSocketClose(socket); }
 *   webSocketError(socket: WebSocket) { this.sync.webSocketError(socket); }
 *   alarm() { return this.sync.alarm(); }
 * }
 */
export function logObject(context: LogObjectContext, { path = "/sync", ...options }: LogObjectOptions): LogObject {
  const { presenceBytesMax } = OBJECT_LIMITS;
  const limits = {
    ...OBJECT_LIMITS,
    ...options.limits,
    presenceBytesMax: Math.min(options.limits?.presenceBytesMax ?? presenceBytesMax, presenceBytesMax),
  };
  const server = syncServer({ ...options, limits, store: durableObjectStore(context.storage), liveTicks: false });
  const app = new Hono().route(path, server);
  const prefix = prefixOf(path);
  const connections = new Map<HibernatingSocket, LiveConnection>();
  const report = createReporter(options.onError);

  const ended = (socket: HibernatingSocket): void => {
    const connection = connectionOf(socket);
    connections.delete(socket);
    socket.serializeAttachment(null);
    connection?.closed();
  };
  const liveSocket = (socket: HibernatingSocket): LiveSocket => {
    const close = (code: number, reason: string): void => {
      try {
        socket.close(code, reason);
      } catch {
        // It was closed already.
      }
      ended(socket);
    };
    return {
      send: (text) => socket.send(text),
      bufferedBytes: 0,
      get answeredAt() {
        return context.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
      },
      close,
      // The runtime has no harder end.
      terminate: () => close(1008, "terminated"),
      save: (attachment) => {
        socket.serializeAttachment(new TextEncoder().encode(JSON.stringify(attachment)));
        if (options.permit || attachment.principal.expiresAt !== undefined) watchLater(RIGHTS_MS).catch(report);
      },
    };
  };
  /** What the hub knows of a socket; where memory was lost, taken from its attachment. */
  const connectionOf = (socket: HibernatingSocket): LiveConnection | null => {
    const known = connections.get(socket);
    if (known) return known;
    const attachment = attachmentOf(socket);
    if (!attachment) return null;
    const connection = server.live.resume(liveSocket(socket), attachment);
    connections.set(socket, connection);
    return connection;
  };
  const watchLater = async (delayMs: number): Promise<void> => {
    const at = Date.now() + delayMs;
    const set = await context.storage.getAlarm();
    if (set === null || set > at) await context.storage.setAlarm(at);
  };

  context.setWebSocketAutoResponse(autoResponse(PING_FRAME, PONG_FRAME));
  const logs = new Set<string>();
  for (const socket of context.getWebSockets()) if (connectionOf(socket)) logs.add(attachmentOf(socket)?.log ?? "");
  // A frame that was due when memory went is read for.
  for (const log of logs) server.poke(log);

  return {
    server,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const log = request.headers.get("upgrade")?.toLowerCase() === "websocket" ? liveLog(pathname, prefix) : null;
      if (log === null) return app.fetch(request);
      const opening = await server.live.open(request, log);
      if (opening.kind === "refused") return opening.response;
      const { client, ours } = socketPair();
      context.acceptWebSocket(ours);
      connections.set(ours, opening.join(liveSocket(ours)));
      return upgraded(client);
    },
    webSocketMessage: (socket, message) => {
      if (typeof message !== "string") liveSocket(socket).close(1003, "text only");
      else if (message.length > CLIENT_FRAME_BYTES_MAX) liveSocket(socket).close(1009, "too long");
      else connectionOf(socket)?.receive(message);
    },
    webSocketClose: ended,
    webSocketError: ended,
    alarm: async () => {
      const nextMs = await server.live.watch();
      if (nextMs !== null) await watchLater(nextMs);
    },
  };
}

function attachmentOf(socket: HibernatingSocket): LiveAttachment | null {
  const bytes = socket.deserializeAttachment();
  // What `save` wrote, and nobody else writes there.
  return bytes instanceof Uint8Array ? (JSON.parse(new TextDecoder().decode(bytes)) as LiveAttachment) : null;
}
