/**
 * The live socket over a WebSocket: checked frames in order, a heartbeat, one end.
 *
 * Guarantees:
 * - `closed` is called once and last (T3).
 * - A silent socket is closed, because a cut network may leave it open for minutes.
 * - A socket outlives the token that opened it, because it gets each new token before that (P21).
 * - An invalid frame closes the socket. It never reaches the sync loop.
 */
import type { ClientId } from "../../core/values/ids.ts";
import type { Json } from "../../core/values/json.ts";
import type { ClientFrame } from "../../core/wire/messages.ts";
import { parseServerFrame } from "../../core/wire/read-messages.ts";
import type { Env } from "../env/env.ts";
import { TokenRenewal } from "./token-renewal.ts";
import type { ClientSocket, SocketEvents } from "./transport.ts";

/** A ping is sent after this long without a frame, because common proxies cut a silent socket after 30 to 60 s. */
const PING_MS = 20_000;
/** A socket without any frame for this long after a ping is dead. */
const SILENCE_MS_MAX = 10_000;

export type ClientWebSocketOptions = {
  readonly env: Env;
  readonly events: SocketEvents;
  /** Returns the address, with a new ticket, and the milliseconds until the token ends. Null: it does not end. */
  readonly address: () => Promise<{ readonly url: string; readonly tokenExpiresInMs: number | null }>;
  readonly token: () => Promise<string | null>;
};

export class ClientWebSocket implements ClientSocket {
  readonly #options: ClientWebSocketOptions;
  readonly #renewal: TokenRenewal;
  #socket: WebSocket | null = null;
  #isEnded = false;
  #stopTimer: () => void;
  /** Sent when the socket opens. */
  #presence: ClientFrame | null = null;

  constructor(options: ClientWebSocketOptions) {
    const { env, token } = options;
    this.#options = options;
    this.#renewal = new TokenRenewal(env, token, (next) => this.#send({ type: "token", token: next }));
    this.#stopTimer = env.setTimer(() => this.#end("lost"), SILENCE_MS_MAX);
    this.#open().catch(() => this.#end("lost"));
  }

  setPresence(client: ClientId, data: Json): void {
    this.#presence = { type: "presence", client, data };
    this.#send(this.#presence);
  }

  close(): void {
    this.#end("closed");
  }

  async #open(): Promise<void> {
    const { url, tokenExpiresInMs } = await this.#options.address();
    if (this.#isEnded) return;
    const socket = (this.#socket = new WebSocket(url));
    socket.onopen = () => {
      if (this.#isEnded) return socket.close();
      this.#expectFrame();
      this.#renewal.schedule(tokenExpiresInMs);
      if (this.#presence) this.#send(this.#presence);
      this.#options.events.opened();
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (!this.#isEnded) this.#receive(data);
    };
    socket.onerror = socket.onclose = () => this.#end("lost");
  }

  #receive(data: unknown): void {
    const { events } = this.#options;
    const frame = typeof data === "string" ? parseServerFrame(data) : null;
    if (!frame?.ok || typeof data !== "string") return this.#end("unreadable");
    this.#expectFrame();
    switch (frame.value.type) {
      case "records":
        return events.records(frame.value, data);
      case "head":
        return events.head(frame.value.head);
      case "presence":
        return events.presence(frame.value.set, frame.value.gone);
      case "renewed":
        return this.#renewal.schedule(frame.value.expiresInMs);
      case "bye":
        return this.#end(frame.value.code, frame.value.retryAfterMs ?? null);
      case "pong":
        return;
    }
  }

  /** Waits for the next frame, then sends a ping, and then closes the socket. */
  #expectFrame(): void {
    const { env } = this.#options;
    this.#stopTimer();
    this.#stopTimer = env.setTimer(() => {
      this.#send({ type: "ping" });
      this.#stopTimer = env.setTimer(() => this.#end("lost"), SILENCE_MS_MAX);
    }, PING_MS);
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #end(code: string, retryAfterMs: number | null = null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopTimer();
    this.#renewal.stop();
    this.#socket?.close();
    this.#options.events.closed(code, retryAfterMs);
  }
}
