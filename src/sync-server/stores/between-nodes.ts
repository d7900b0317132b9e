/** The optional members of an event store that many nodes share: hints, presence and spent tickets (S13 to S15). */
import type { Json } from "../../core/values/json.ts";

/**
 * Hints between the nodes that share one store. A hint may be lost or late, because a node also reads every `lookMs`.
 */
export type StoreHints = {
  /** Reports to the other nodes that a log has new records. It never fails. */
  send(log: string): void;
  /**
   * Calls `onHint` with the name of each log to which another node appended. `null`: hints may be lost, so every log
   * may have new records. Returns a function that stops it.
   */
  listen(onHint: (log: string | null) => void): () => void;
};

/** A message of presence, as another node receives it. */
export type PresenceMessage = {
  /** The sending node. Each opening of a store is another node. */
  readonly node: string;
  /** The log's name. */
  readonly log: string;
  /** The message, as it was sent. */
  readonly message: Json;
};

/**
 * Short messages between the nodes that share one store, by which they show each other who is online. A message may be
 * lost, so nodes repeat what they show. A message is never stored.
 */
export type StorePresence = {
  /**
   * Sends a message about a log to the other nodes. It has at most `PRESENCE_MESSAGE_BYTES_MAX` bytes as JSON, or the
   * store drops it. It never fails.
   */
  send(log: string, message: Json): void;
  /** Calls `onMessage` with each message of another node. Returns a function that stops it. */
  listen(onMessage: (received: PresenceMessage) => void): () => void;
};

/** The most bytes of a message of presence, as JSON. Postgres carries less than 8000 bytes at once. */
export const PRESENCE_MESSAGE_BYTES_MAX = 6_000;

/** The memory of spent socket tickets, for a store that outlives the memory of its server. */
export type SpentTickets = {
  /**
   * Returns true if no ticket with this nonce was spent before. It remembers the nonce until `until`. Both times are in
   * milliseconds since the epoch.
   */
  spend(nonce: string, until: number, now: number): Promise<boolean>;
};
