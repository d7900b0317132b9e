/**
 * One socket in a room: its holder, its delivery state and what it sent.
 *
 * Guarantees:
 * - The delivery state changes in `advance` alone, by the table of `reduceDelivery`.
 * - Nothing is sent after a goodbye.
 * - A socket that throws on `send` or `save` is terminated and disturbs no other socket.
 */
import { type Cursor, decodeCursor, encodeCursor } from "../../core/history/record.ts";
import type { Principal } from "../access/authorize.ts";
import { type Bucket, fullBucket } from "../base/rate-limit.ts";
import { type DeliverySignal, type DeliveryState, type DeliveryStep, reduceDelivery } from "./delivery-state.ts";
import { byeFrame } from "./frame-text.ts";
import { ReadRight } from "./read-right.ts";
import type { LiveAttachment, LiveSocket } from "./server-socket.ts";
import type { LogName } from "../../core/values/ids.ts";

/** Frames that one socket may send to the server. */
export const FRAME_RATE = { perSecond: 50, burst: 100 };
/** Clients send a ping every 20 s. */
const SILENCE_MS_MAX = 90_000;
/** Middle of the delay that a goodbye requests before a client reconnects. */
export const RECONNECT_MS = 2_000;
/** WebSocket close codes: 1012 is "service restart", 1000 a normal end. */
const CLOSE_RESTART = 1012;
const CLOSE_NORMAL = 1000;

export class Member {
  readonly log: LogName;
  readonly socket: LiveSocket;
  #principal: Principal;
  presence: LiveAttachment["presence"];
  readonly right: ReadRight;
  readonly incoming: { readonly bucket: Bucket; heardAt: number; framesDropped: number };
  #delivery: DeliveryState;

  constructor(socket: LiveSocket, attachment: LiveAttachment, now: number) {
    const { log, cursor, principal, presence, heardAt } = attachment;
    this.log = log;
    this.socket = socket;
    this.#principal = principal;
    this.presence = presence;
    this.right = new ReadRight(attachment);
    this.incoming = { bucket: fullBucket(FRAME_RATE, now), heardAt: heardAt ?? now, framesDropped: 0 };
    this.#delivery = { kind: "live", cursor: cursor === null ? null : decodeCursor(cursor) };
  }

  get principal(): Principal {
    return this.#principal;
  }

  /** Replaces the identity by a newer one of the same actor, whose right was just confirmed. */
  renew(principal: Principal, now: number): void {
    this.#principal = principal;
    this.right.noteRequest(now);
    this.right.confirm();
    this.save();
  }

  get delivery(): DeliveryState {
    return this.#delivery;
  }

  /** Moves the delivery state on by a signal, and returns the step that the caller takes now. */
  advance(signal: DeliverySignal): DeliveryStep {
    const { state, step } = reduceDelivery(this.#delivery, signal);
    this.#delivery = state;
    return step;
  }

  isSlow(bufferBytesMax: number): boolean {
    return this.socket.bufferedBytes > bufferBytesMax;
  }

  /** True if the last frame of the client and the last pong of the runtime are both too old. */
  isSilent(now: number): boolean {
    return now - Math.max(this.incoming.heardAt, this.socket.answeredAt ?? 0) > SILENCE_MS_MAX;
  }

  /** Replaces times in the future. Otherwise a clock that was set back delays the checks of silence and rights. */
  correctTimes(now: number): void {
    this.incoming.heardAt = Math.min(this.incoming.heardAt, now);
    this.right.correctTimes(now);
  }

  /** Sends a frame. The runtime reports a socket that is already gone by `closed()`. */
  send(frame: string): void {
    if (this.#delivery.kind !== "closed") this.#write(frame);
  }

  /** Stores in the socket what must outlive the hub's memory. */
  save(): void {
    if (this.#delivery.kind === "closed") return;
    const { log, principal, presence, right, incoming } = this;
    const cursor: Cursor | null = this.#delivery.cursor;
    try {
      this.socket.save({
        log,
        cursor: cursor && encodeCursor(cursor),
        principal,
        presence,
        ...right.toJson(),
        heardAt: incoming.heardAt,
      });
    } catch {
      this.socket.terminate();
    }
  }

  /** Sends a goodbye with its reason, then closes the socket. */
  close(code: string, retryAfterMs?: number): void {
    if (this.advance({ kind: "close" }).kind !== "say-bye") return;
    this.#write(byeFrame(code, retryAfterMs));
    this.socket.close(code === "restarting" ? CLOSE_RESTART : CLOSE_NORMAL, code);
  }

  #write(frame: string): void {
    try {
      this.socket.send(frame);
    } catch {
      this.socket.terminate();
    }
  }
}
