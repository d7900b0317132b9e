/**
 * The exchange of presence between the rooms of this node and the other nodes on one store.
 *
 * Guarantees (node-presence.test.ts):
 * - Changes of a device within 100 ms go out as one. At most `FLUSH_BYTES_MAX` go out at once, and the rest waits.
 * - A node repeats its entries every 10 seconds, because a message may be lost. Entries that are not repeated end.
 * - A room that opens requests the entries of all other nodes. After messages were lost, each room requests them again
 *   and sends its own, because a request of another node may be lost too.
 * - A node that ends says so.
 */
import { byteLength } from "../base/limits.ts";
import type { Env } from "../base/env.ts";
import { PRESENCE_MESSAGE_BYTES_MAX, type PresenceMessage, type StorePresence } from "../stores/between-nodes.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import {
  deviceKey,
  entryJson,
  messageJson,
  type NodeEntry,
  type NodeMessage,
  readNodeMessage,
} from "./node-message.ts";

/** The part of a room that shows presence. */
export type PresenceRoom = {
  /** The entries of this node's own sockets. */
  readonly ownPresence: () => readonly Presence[];
  /** Applies a message of another node. */
  readonly receiveFromNode: (node: string, message: NodeMessage) => void;
  /** Removes entries that other nodes did not repeat. */
  readonly expirePresence: () => void;
};

const FLUSH_MS = 100;
/** At this rate a node sends at most 240 KB a second: about 2,000 changes of small entries. */
const FLUSH_BYTES_MAX = 24_000;
const REPEAT_MS = 10_000;
/** Bytes of a message around its entries. */
const MESSAGE_BYTES = 50;

type Waiting = { asks: boolean; readonly entries: Map<string, NodeEntry> };

export class NodePresence {
  readonly #store: StorePresence;
  readonly #env: Env;
  readonly #rooms: ReadonlyMap<string, PresenceRoom>;
  readonly #stop: () => void;
  readonly #waiting = new Map<string, Waiting>();
  #isDue = false;
  #repeatedAt: number;
  #hasEnded = false;

  constructor(store: StorePresence, env: Env, rooms: ReadonlyMap<string, PresenceRoom>) {
    this.#store = store;
    this.#env = env;
    this.#rooms = rooms;
    this.#repeatedAt = env.now();
    this.#stop = store.listen((received) => this.#receive(received));
  }

  /** Sends a change of an own device. A later change of the device replaces one that still waits. */
  send(log: LogName, entry: NodeEntry): void {
    const { entries } = this.#wait(log);
    // A device that shows nothing shows nothing on all nodes. That is more than the end of one socket.
    if (entry.data === undefined && entries.get(deviceKey(entry))?.data === null) return;
    entries.set(deviceKey(entry), entry);
  }

  /** Requests the entries of all other nodes for a log. */
  requestEntries(log: LogName): void {
    this.#wait(log).asks = true;
  }

  /** Exchanges the entries of every log with sockets, because messages were lost in both directions. */
  recover(): void {
    for (const [log, room] of this.#rooms) {
      this.requestEntries(log);
      this.#sendAll(log, room);
    }
  }

  /** Repeats own entries that are due, and removes those that other nodes did not repeat. */
  tick(): void {
    const now = this.#env.now();
    const isDue = now < this.#repeatedAt || now - this.#repeatedAt >= REPEAT_MS;
    if (isDue) this.#repeatedAt = now;
    for (const [log, room] of this.#rooms) {
      room.expirePresence();
      if (isDue) this.#sendAll(log, room);
    }
  }

  /** Reports that the devices of this node left, and stops. */
  end(): void {
    this.#hasEnded = true;
    this.#stop();
    for (const [log, room] of this.#rooms)
      if (room.ownPresence().length > 0) this.#store.send(log, messageJson([], { ends: true }));
  }

  #receive({ node, log, message }: PresenceMessage): void {
    const room = this.#rooms.get(log);
    if (!room) return;
    const read = readNodeMessage(message);
    room.receiveFromNode(node, read);
    if (read.asks) this.#sendAll(log, room);
  }

  #sendAll(log: LogName, room: PresenceRoom): void {
    for (const entry of room.ownPresence()) this.send(log, entry);
  }

  #wait(log: LogName): Waiting {
    const waiting = this.#waiting.get(log) ?? { asks: false, entries: new Map<string, NodeEntry>() };
    this.#waiting.set(log, waiting);
    if (!this.#isDue) this.#env.setTimer(() => this.#flush(), FLUSH_MS);
    this.#isDue = true;
    return waiting;
  }

  #flush(): void {
    this.#isDue = false;
    if (this.#hasEnded) return;
    let bytesLeft = FLUSH_BYTES_MAX;
    for (const [log, waiting] of this.#waiting) {
      while (bytesLeft > 0 && (waiting.asks || waiting.entries.size > 0)) bytesLeft -= this.#sendOne(log, waiting);
      if (bytesLeft <= 0) break;
      this.#waiting.delete(log);
    }
    if (this.#waiting.size === 0) return;
    this.#isDue = true;
    this.#env.setTimer(() => this.#flush(), FLUSH_MS);
  }

  /** Sends one message with as much as it can hold. Returns its bytes. */
  #sendOne(log: LogName, waiting: Waiting): number {
    let bytes = MESSAGE_BYTES;
    const entries: Json[] = [];
    for (const [key, entry] of waiting.entries) {
      const json = entryJson(entry);
      const size = byteLength(JSON.stringify(json)) + 1;
      const isTooLarge = size + MESSAGE_BYTES > PRESENCE_MESSAGE_BYTES_MAX;
      if (!isTooLarge && bytes + size > PRESENCE_MESSAGE_BYTES_MAX) break;
      waiting.entries.delete(key);
      // An entry that no message can hold is seen on its own node only.
      if (isTooLarge) continue;
      entries.push(json);
      bytes += size;
    }
    if (entries.length > 0 || waiting.asks) this.#store.send(log, messageJson(entries, { asks: waiting.asks }));
    waiting.asks = false;
    return bytes + log.length;
  }
}
