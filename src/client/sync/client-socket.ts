/**
 * The live socket: checked frames as they come, a heartbeat, one end.
 *
 * Holds: `closed` is told once and last; a socket that is silent for too long is given up (a cut network may leave it
 * standing for minutes); a frame that does not hold ends the socket, not this side.
 */
import type { ClientFrame } from "../../core/wire/messages.ts";
import { parseServerFrame } from "../../core/wire/read-messages.ts";
import type { Env } from "../env/env.ts";
import type { ClientSocket, SocketEvents } from "./transport.ts";

/** A ping after this much silence of ours; common proxies cut at 30 to 60 s. */
const PING_MS = 20_000;
/** No frame, not even a pong, for so long after a ping: the socket is dead. */
const SILENCE_MS_MAX = 10_000;

export type ClientSocketOptions = {
  readonly env: Env;
  readonly events: SocketEvents;
  /** Gives the address, with a fresh ticket. */
  readonly address: () => Promise<string>;
};

export function openClientSocket({ env, events, address }: ClientSocketOptions): ClientSocket {
  let socket: WebSocket | null = null;
  let ended = false;
  let stopTimer = () => {};
  let presence: ClientFrame | null = null;

  const end = (code: string, retryAfterMs: number | null = null) => {
    if (ended) return;
    ended = true;
    stopTimer();
    socket?.close();
    events.closed(code, retryAfterMs);
  };
  const send = (frame: ClientFrame) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  const expectFrame = () => {
    stopTimer();
    stopTimer = env.setTimer(() => {
      send({ type: "ping" });
      stopTimer = env.setTimer(() => end("lost"), SILENCE_MS_MAX);
    }, PING_MS);
  };
  const take = (data: unknown) => {
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
      case "bye":
        return end(frame.value.code, frame.value.retryAfterMs ?? null);
      case "pong":
        return;
    }
  };

  const open = async () => {
    stopTimer = env.setTimer(() => end("lost"), SILENCE_MS_MAX);
    const url = await address();
    if (ended) return;
    socket = new WebSocket(url);
    socket.onopen = () => {
      if (ended) return socket?.close();
      expectFrame();
      if (presence) send(presence);
      events.opened();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (!ended) take(event.data);
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
