/**
 * The sync server in a Durable Object: HTTP by its `fetch`, and live sockets that hibernate.
 *
 * Place: the future entry `dacapo/cloudflare`. A class of the app creates a `LogObject` and passes on the runtime's
 * events. A Worker sends each request to the object of its log.
 *
 * Guarantees, each by a test of test/workerd/cloudflare.sync.test.ts:
 * - The object can lose its memory between any two events. Its SQL contains the logs and outcomes.
 * - A socket's attachment contains what the hub needs of the socket, in less than 2 KB.
 * - An alarm checks the rights of open sockets again, also after the object slept.
 * - No ticket opens two sockets (P21). The key of the tickets and the list of used ones are lost together.
 */
import { CLIENT_FRAME_BYTES_MAX } from "../core/history/limits.ts";
import { syncServer, type SyncServer, type SyncServerOptions } from "./app.ts";
import {
  autoResponse,
  type HibernatingSocket,
  type LogObjectContext,
  socketPair,
  upgraded,
} from "./hosts/cloudflare-runtime.ts";
import { HibernatingSockets } from "./hosts/hibernating-sockets.ts";
import { OBJECT_LIMITS, RIGHTS_MS } from "./base/limits.ts";
import { PONG_FRAME } from "./live/frame-text.ts";
import { liveLog, prefixOf } from "./live/live-path.ts";
import { mountAt } from "./http/mount-routes.ts";
import { createReporter } from "./base/report-error.ts";
import { durableObjectStore } from "./stores/durable-object.ts";

export type LogObjectOptions = Omit<SyncServerOptions, "store" | "ticketSecret" | "liveTicks"> & {
  /**
   * The path in front of all routes, such as `/api/sync`. It is the path that the Worker's requests have.
   *
   * @default "/sync"
   */
  readonly path?: string;
};

/** The handlers of a Durable Object, under the names that the runtime calls. */
export type LogObject = {
  readonly server: SyncServer;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly webSocketMessage: (socket: HibernatingSocket, message: string | ArrayBuffer) => void;
  readonly webSocketClose: (socket: HibernatingSocket) => void;
  readonly webSocketError: (socket: HibernatingSocket) => void;
  readonly alarm: () => Promise<void>;
};

/** A ping as Dacapo's client writes it. Any other spelling wakes the object, and the hub answers. */
const PING_FRAME = `{"type":"ping"}`;
/** WebSocket close codes "unsupported data" and "message too big". */
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TOO_LONG = 1009;

/**
 * Creates a sync server in the constructor of a Durable Object.
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
  const prefix = prefixOf(path);
  const { presenceBytesMax } = OBJECT_LIMITS;
  const limits = {
    ...OBJECT_LIMITS,
    ...options.limits,
    presenceBytesMax: Math.min(options.limits?.presenceBytesMax ?? presenceBytesMax, presenceBytesMax),
  };
  const server = syncServer({ ...options, limits, store: durableObjectStore(context.storage), liveTicks: false });
  const app = mountAt(prefix, server);
  const report = createReporter(options.onError);
  const watchLater = async (delayMs: number): Promise<void> => {
    const at = Date.now() + delayMs;
    const set = await context.storage.getAlarm();
    if (set === null || set > at) await context.storage.setAlarm(at);
  };
  const sockets = new HibernatingSockets({
    context,
    resume: server.live.resume,
    onSave: ({ principal }) => {
      if (options.permit || principal.expiresAt !== undefined) watchLater(RIGHTS_MS).catch(report);
    },
  });

  context.setWebSocketAutoResponse(autoResponse(PING_FRAME, PONG_FRAME));
  // The object may have lost its memory before it sent a frame. The poke reads those records again.
  for (const log of sockets.resumeAll()) server.poke(log);

  return {
    server,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const log = request.headers.get("upgrade")?.toLowerCase() === "websocket" ? liveLog(pathname, prefix) : null;
      if (log === null) return app.fetch(request);
      const opening = await server.live.open(request, log);
      if (opening.kind === "refused") return opening.response;
      const { client, ours } = socketPair();
      sockets.accept(ours, opening.join);
      return upgraded(client);
    },
    webSocketMessage: (socket, message) => {
      if (typeof message !== "string") sockets.close(socket, CLOSE_UNSUPPORTED, "text only");
      else if (message.length > CLIENT_FRAME_BYTES_MAX) sockets.close(socket, CLOSE_TOO_LONG, "too long");
      else sockets.connectionOf(socket)?.receive(message);
    },
    webSocketClose: (socket) => sockets.closed(socket),
    webSocketError: (socket) => sockets.closed(socket),
    alarm: async () => {
      const nextMs = await server.live.watch();
      if (nextMs !== null) await watchLater(nextMs);
    },
  };
}
