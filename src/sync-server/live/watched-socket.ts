/**
 * A live socket that an operator watches: it counts frames and bytes, and reports when the socket opens and closes.
 *
 * Guarantees (observer.log-entries.test.ts):
 * - It passes each call on, and changes nothing.
 */
import type { Observer } from "../base/observer.ts";
import type { LiveAttachment, LiveSocket } from "./server-socket.ts";

/** The first field of a frame is its type. */
const FRAME_TYPE = /^\{"type":"(\w+)"/;

export class WatchedSocket implements LiveSocket {
  readonly #socket: LiveSocket;
  readonly #observer: Observer;
  readonly #openedAt: number;
  #holder: { readonly log: string; readonly actor: string } | null = null;
  /** The client closes the socket, unless the server did. */
  #reason = "client";

  constructor(socket: LiveSocket, observer: Observer, now: number) {
    this.#socket = socket;
    this.#observer = observer;
    this.#openedAt = now;
  }

  opened(holder: { readonly log: string; readonly actor: string }, how: "join" | "resume"): void {
    this.#holder = holder;
    this.#observer.record("sockets", 1);
    if (how === "join") this.#observer.write({ level: "info", event: "socket-opened", ...holder });
  }

  closed(now: number): void {
    const ms = now - this.#openedAt;
    this.#observer.record("sockets", -1);
    this.#observer.write({ level: "info", event: "socket-closed", ...this.#holder, code: this.#reason, ms });
  }

  send(text: string): void {
    this.#socket.send(text);
    this.#observer.record("frames", 1, { "frame.type": FRAME_TYPE.exec(text)?.[1] ?? "unknown" });
    this.#observer.recordSent(text);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  get answeredAt(): number {
    return this.#socket.answeredAt ?? 0;
  }

  close(code: number, reason: string): void {
    this.#reason = reason;
    this.#socket.close(code, reason);
  }

  terminate(): void {
    this.#reason = "terminated";
    this.#socket.terminate();
  }

  save(attachment: LiveAttachment): void {
    this.#socket.save(attachment);
  }
}
