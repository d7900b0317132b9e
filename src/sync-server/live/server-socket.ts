/**
 * The port of a live socket. Node's `ws` and the hibernating sockets of a Durable Object both fit it.
 *
 * Place: a runtime implements `LiveSocket` and calls the `LiveConnection` that the hub returns for it.
 *
 * Rules
 * - W1  `send` MUST return at once. Otherwise one slow socket delays all sockets of its log.
 *       Bytes that the runtime has not sent yet count in `bufferedBytes`.
 * - W2  `save` MUST store the attachment where it outlives the hub's memory, if the sockets outlive that memory.
 *       Otherwise the runtime has nothing to pass to `resume`.
 * - W3  The runtime MUST call `closed()` after either side closed the socket. Otherwise the hub counts it for ever.
 */
import type { Json } from "../../core/values/json.ts";
import type { Principal } from "../access/authorize.ts";

/** A socket as the live hub uses it. */
export interface LiveSocket {
  /** Sends a text frame. Returns at once (W1). */
  send(text: string): void;
  /** Bytes that the client has not taken yet. It is 0 if the runtime does not report them. */
  readonly bufferedBytes: number;
  /** The last time at which the runtime itself answered a ping, if it does. Milliseconds since the epoch. */
  readonly answeredAt?: number;
  /** Closes the socket with a close code and a reason. */
  close(code: number, reason: string): void;
  /** Ends the connection without a goodbye, and drops all buffered bytes. */
  terminate(): void;
  /** Stores the attachment where it outlives the hub's memory (W2). */
  save(attachment: LiveAttachment): void;
}

/**
 * The facts of a socket that outlive the hub's memory. Plain JSON.
 *
 * In a Durable Object it must fit into an attachment of 2 KB, so `OBJECT_LIMITS` bounds its presence to 640 bytes.
 */
export type LiveAttachment = {
  /** The log's name. */
  readonly log: string;
  /** The socket was sent all records up to here. */
  readonly cursor: string | null;
  /** The holder of the socket. */
  readonly principal: Principal;
  /** The presence that the socket's client set last. */
  readonly presence: {
    /** The client's id. */
    readonly client: string;
    /** The data that the client shows. */
    readonly data: Json;
  } | null;
  /** The last time at which the holder's right to read was requested. Milliseconds since the epoch. */
  readonly checkedAt?: number;
  /** If `permit` could not answer then, the time of the next try. Milliseconds since the epoch. */
  readonly retryAt?: number;
  /** The last time at which the hub received a frame of the client. Milliseconds since the epoch. */
  readonly heardAt?: number;
};

/** The calls by which a runtime reports to the hub what happens on a socket. */
export type LiveConnection = {
  /** Notes that the client is there. `receive` does so too, so only a runtime that delays a frame needs it. */
  readonly heard: () => void;
  /** Passes on a text frame of the client. */
  readonly receive: (text: string) => void;
  /** Reports that the socket is closed. */
  readonly closed: () => void;
};
