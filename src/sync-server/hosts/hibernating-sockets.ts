/**
 * The live sockets of a Durable Object, which outlive the memory of the object.
 *
 * Guarantees:
 * - An event of a socket reaches its connection in the hub, also after the object lost its memory.
 * - A closed socket has no attachment, so that it cannot resume.
 * - A socket whose attachment this release cannot read is closed, and its client reconnects. Otherwise the socket would
 *   stay open without records, or the object could not start (cloudflare.releases.test.ts).
 */
import { isPrincipal } from "../access/authorize.ts";
import type { LiveAttachment, LiveConnection, LiveSocket } from "../live/server-socket.ts";
import type { HibernatingSocket, LogObjectContext } from "./cloudflare-runtime.ts";
import { parseOwnJson } from "../../core/values/json.ts";

export type HibernatingSocketsOptions = {
  readonly context: LogObjectContext;
  readonly resume: (socket: LiveSocket, attachment: LiveAttachment) => LiveConnection;
  readonly onSave: (attachment: LiveAttachment) => void;
};

/** WebSocket close codes "policy violation" and "service restart". */
const CLOSE_POLICY = 1008;
const CLOSE_RESTART = 1012;

export class HibernatingSockets {
  readonly #options: HibernatingSocketsOptions;
  readonly #connections = new Map<HibernatingSocket, LiveConnection>();

  constructor(options: HibernatingSocketsOptions) {
    this.#options = options;
  }

  /** Accepts a new socket, and joins it to the hub. */
  accept(socket: HibernatingSocket, join: (socket: LiveSocket) => LiveConnection): void {
    this.#options.context.acceptWebSocket(socket);
    this.#connections.set(socket, join(this.#liveSocket(socket)));
  }

  /** Resumes all sockets that outlived the object's memory. Returns the names of their logs. */
  resumeAll(): ReadonlySet<string> {
    const logs = new Set<string>();
    for (const socket of this.#options.context.getWebSockets()) {
      const attachment = attachmentOf(socket);
      if (this.connectionOf(socket) && attachment !== null && attachment !== "unreadable") logs.add(attachment.log);
    }
    return logs;
  }

  /** Returns the hub's connection of a socket. If the memory was lost, it resumes from the attachment. */
  connectionOf(socket: HibernatingSocket): LiveConnection | null {
    const known = this.#connections.get(socket);
    if (known) return known;
    const attachment = attachmentOf(socket);
    if (attachment === "unreadable") {
      socket.serializeAttachment(null);
      this.close(socket, CLOSE_RESTART, "restarting");
      return null;
    }
    if (!attachment) return null;
    const connection = this.#options.resume(this.#liveSocket(socket), attachment);
    this.#connections.set(socket, connection);
    return connection;
  }

  close(socket: HibernatingSocket, code: number, reason: string): void {
    try {
      socket.close(code, reason);
    } catch {
      // `close` throws if the socket is closed already.
    }
    this.closed(socket);
  }

  /** Reports to the hub that a socket is closed. */
  closed(socket: HibernatingSocket): void {
    const connection = this.connectionOf(socket);
    this.#connections.delete(socket);
    socket.serializeAttachment(null);
    connection?.closed();
  }

  #liveSocket(socket: HibernatingSocket): LiveSocket {
    const { context, onSave } = this.#options;
    const close = (code: number, reason: string) => this.close(socket, code, reason);
    return {
      send: (text) => socket.send(text),
      bufferedBytes: 0,
      get answeredAt() {
        return context.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
      },
      close,
      // A hibernating socket has no call that drops the connection without a close frame.
      terminate: () => close(CLOSE_POLICY, "terminated"),
      save: (attachment) => {
        socket.serializeAttachment(new TextEncoder().encode(JSON.stringify(attachment)));
        onSave(attachment);
      },
    };
  }
}

/** Null: the socket is closed. Another release may have written the attachment. */
function attachmentOf(socket: HibernatingSocket): LiveAttachment | "unreadable" | null {
  const bytes = socket.deserializeAttachment();
  if (bytes === null || bytes === undefined) return null;
  try {
    if (!(bytes instanceof Uint8Array)) return "unreadable";
    const { log, principal, ...rest } = parseOwnJson<LiveAttachment>(new TextDecoder().decode(bytes));
    return typeof log === "string" && isPrincipal(principal) ? { log, principal, ...rest } : "unreadable";
  } catch {
    return "unreadable";
  }
}
