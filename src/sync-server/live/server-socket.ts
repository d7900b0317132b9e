/**
 * A socket as the live hub needs it: the port that Node's `ws` and a Durable Object's hibernating sockets both fit.
 *
 * Rules
 * - W1  `send` never waits and never throws into the hub's loop for long: what is not sent yet counts in `bufferedBytes`.
 * - W2  `save` keeps what the hub knows of the socket where it outlives the hub's memory; `resume` takes it from there.
 * - W3  After `close` or `terminate` the runtime tells the hub by `closed()`, once.
 */
import type { Json } from "../../core/values/json.ts";
import type { Principal } from "../access/authorize.ts";

export interface LiveSocket {
  send(text: string): void;
  /** Bytes that the other side has not taken yet; 0 where the runtime does not tell. */
  readonly bufferedBytes: number;
  /** When the runtime last answered a ping by itself, where it does so. Milliseconds since the epoch. */
  readonly answeredAt?: number;
  close(code: number, reason: string): void;
  /** Ends the connection without a word, with all that is buffered. */
  terminate(): void;
  save(attachment: LiveAttachment): void;
}

/** What must outlive the hub's memory. Plain JSON, at most some 2.5 KB. */
export type LiveAttachment = {
  readonly log: string;
  /** Where the records that were sent end. */
  readonly cursor: string | null;
  readonly principal: Principal;
  readonly presence: { readonly client: string; readonly data: Json } | null;
};

/** What a runtime tells the hub of a socket. */
export type LiveConnection = {
  readonly receive: (text: string) => void;
  readonly closed: () => void;
};
