/**
 * The live socket over a WebSocket: checked frames in order, a heartbeat, one end.
 *
 * Guarantees:
 * - `closed` is called once and last (T3).
 * - A silent socket is closed, because a cut network may leave it open for minutes.
 * - A socket outlives the token that opened it, because it gets each new token before that (P21).
 * - An invalid frame closes the socket. It never reaches the sync loop.
 */
import type { ClientFrame } from "../../core/wire/messages.ts";
import { parseServerFrame } from "../../core/wire/read-messages.ts";
import type { Env } from "../env/env.ts";
import { tokenRenewal } from "./token-renewal.ts";
import type { ClientSocket, SocketEvents } from "./transport.ts";

/** A ping is sent after this long without a frame, because common proxies cut a silent socket after 30 to 60 s. */
const PING_MS = 20_000;
/** A socket without any frame for this long after a ping is dead. */
const SILENCE_MS_MAX = 10_000;
export type ClientSocketOptions = {
  readonly env: Env;
  readonly events: SocketEvents;
  /** Returns the address, with a new ticket, and the milliseconds until the token ends. Null: it does not end. */
  readonly address: () => Promise<{ readonly url: string; readonly tokenExpiresInMs: number | null }>;
  readonly token: () => Promise<string | null>;
};

export function openClientSocket({ env, events, address, token }: ClientSocketOptions): ClientSocket {
  let socket: WebSocket | null = null;
  let ended = false;
  let stopTimer = () => {};
  let presence: ClientFrame | null = null;

  const end = (code: string, retryAfterMs: number | null = null) => {
    if (ended) return;
    ended = true;
    stopTimer();
    renewal.stop();
    socket?.close();
    events.closed(code, retryAfterMs);
  };
  const send = (frame: ClientFrame) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  const renewal = tokenRenewal(env, token, (next) => send({ type: "token", token: next }));
  const expectFrame = () => {
    stopTimer();
    stopTimer = env.setTimer(() => {
      send({ type: "ping" });
      stopTimer = env.setTimer(() => end("lost"), SILENCE_MS_MAX);
    }, PING_MS);
  };
  const receive = (data: unknown) => {
    const frame = typeof data === "string" ? parseServerFrame(data) : null;
    if (!frame?.ok || typeof data !== "string") return end("unreadable");
    expectFrame();
    switch (frame.value.type) {
      case "records":
        return events.records(frame.value, data);
      case "head":
        return events.head(frame.value.head);
      case "presence":
        return events.presence(frame.value.set, frame.value.gone);
      case "renewed":
        return renewal.schedule(frame.value.expiresInMs);
      case "bye":
        return end(frame.value.code, frame.value.retryAfterMs ?? null);
      case "pong":
        return;
    }
  };

  const open = async () => {
    stopTimer = env.setTimer(() => end("lost"), SILENCE_MS_MAX);
    const { url, tokenExpiresInMs } = await address();
    if (ended) return;
    socket = new WebSocket(url);
    socket.onopen = () => {
      if (ended) return socket?.close();
      expectFrame();
      renewal.schedule(tokenExpiresInMs);
      if (presence) send(presence);
      events.opened();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!ended) receive(event.data);
    };
    socket.onerror = () => end("lost");
    socket.onclose = () => end("lost");
  };
  open().catch(() => end("lost"));

  return {
    setPresence(client, data) {
      presence = { type: "presence", client, data };
      send(presence);
    },
    close: () => end("closed"),
  };
}
