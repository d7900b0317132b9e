/**
 * The broadcast of presence to the sockets of one room.
 *
 * Guarantees, each by a test of test/unit/sync-server/live/hub.test.ts:
 * - Changes within a short time go out together. The time is longer in a room with more sockets.
 * - A socket over its budget gets no presence. It gets the whole state after it has drained.
 * - The server terminates a slow socket that misses too many departures, because their list must stay bounded.
 */
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import type { Json } from "../../core/values/json.ts";
import type { Env } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import { presenceFrames } from "./frame-text.ts";
import type { Member } from "./member.ts";
import type { NodeEntry, NodeMessage } from "./node-message.ts";
import { RemotePresence } from "./remote-presence.ts";
import { PresenceSet } from "./room-presence.ts";
import type { ClientId } from "../../core/values/ids.ts";
import type { Presence } from "../../core/wire/messages.ts";

/** Milliseconds between frames. A room with more sockets waits one for each socket, because a frame goes to all. */
const PRESENCE_MS_MIN = 50;

export type PresenceBroadcastOptions = {
  readonly env: Env;
  readonly limits: ServerLimits;
  /** Sends a change of an own device to the other nodes. */
  readonly sendToNodes: (entry: NodeEntry) => void;
};

export class PresenceBroadcast {
  readonly #members: ReadonlySet<Member>;
  readonly #options: PresenceBroadcastOptions;
  readonly #entries: PresenceSet;
  readonly #remote: RemotePresence;
  /** Slow sockets that missed a frame, with the ids of the devices that left meanwhile. */
  readonly #missed = new Map<Member, Set<string>>();
  #isDue = false;

  constructor(members: ReadonlySet<Member>, options: PresenceBroadcastOptions) {
    this.#members = members;
    this.#options = options;
    this.#entries = new PresenceSet(options.limits.presenceBytesMax);
    this.#remote = new RemotePresence(this.#entries);
  }

  /** The entries of this node's own sockets. */
  own(): readonly Presence[] {
    return this.#entries.own();
  }

  /** Adds the presence from a socket's attachment. */
  restore(member: Member): void {
    if (member.presence) this.#entries.set(member, { ...member.presence, actor: member.principal.actor });
  }

  /** Sets the presence of a socket's device, unless the room refuses it. Null removes it. */
  set(member: Member, client: ClientId, data: Json): void {
    // One socket shows one device. Otherwise `leave` leaves entries behind.
    if (member.presence && member.presence.client !== client) return;
    const entry = { client, actor: member.principal.actor, data };
    if (data === null) this.#entries.clear(entry);
    else if (!this.#entries.set(member, entry)) return;
    member.presence = data === null ? null : { client, data };
    member.save();
    this.#options.sendToNodes(entry);
    this.#changed();
  }

  leave(member: Member): void {
    this.#missed.delete(member);
    if (member.presence) {
      const device = { client: member.presence.client, actor: member.principal.actor };
      this.#entries.leave(member, device);
      this.#options.sendToNodes(this.#entries.ownOf(device) ?? device);
    }
    this.#changed();
  }

  /** Applies a message of another node. */
  receiveFromNode(node: string, message: NodeMessage): void {
    this.#remote.receive(node, message, this.#options.env.now());
    this.#changed();
  }

  /** Removes entries that other nodes did not repeat. */
  expire(): void {
    if (this.#remote.expire(this.#options.env.now())) this.#changed();
  }

  sendAll(member: Member): void {
    this.#sendState(member, []);
  }

  /** Sends the whole state to a socket that missed a frame. */
  drain(member: Member): void {
    const gone = this.#missed.get(member);
    if (!gone) return;
    this.#missed.delete(member);
    this.#sendState(member, [...gone]);
  }

  #changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#options.env.setTimer(() => this.#flush(), Math.max(PRESENCE_MS_MIN, this.#members.size));
  }

  #flush(): void {
    this.#isDue = false;
    const { set, gone } = this.#entries.drainChanges();
    const frames = presenceFrames(set, gone);
    for (const member of this.#members) {
      if (member.isSlow(this.#options.limits.socketBufferBytesMax)) this.#miss(member, gone);
      else for (const frame of frames) member.send(frame);
    }
  }

  #miss(member: Member, gone: readonly string[]): void {
    const missed = this.#missed.get(member) ?? new Set();
    this.#missed.set(member, missed);
    for (const clientId of gone) missed.add(clientId);
    if (missed.size > PRESENCE_ENTRIES_MAX) member.socket.terminate();
  }

  #sendState(member: Member, gone: readonly string[]): void {
    for (const frame of presenceFrames(this.#entries.all(), gone)) member.send(frame);
  }
}
