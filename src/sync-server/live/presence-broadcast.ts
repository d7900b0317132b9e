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
import { createPresenceSet, type PresenceSet } from "./room-presence.ts";
import type { ClientId } from "../../core/values/ids.ts";

/** Milliseconds between frames. A room with more sockets waits one for each socket, because a frame goes to all. */
const PRESENCE_MS_MIN = 50;

export class PresenceBroadcast {
  readonly #members: ReadonlySet<Member>;
  readonly #env: Env;
  readonly #bufferBytesMax: number;
  readonly #entries: PresenceSet;
  /** Slow sockets that missed a frame, with the ids of the devices that left meanwhile. */
  readonly #missed = new Map<Member, Set<string>>();
  #isDue = false;

  constructor(members: ReadonlySet<Member>, env: Env, { presenceBytesMax, socketBufferBytesMax }: ServerLimits) {
    this.#members = members;
    this.#env = env;
    this.#bufferBytesMax = socketBufferBytesMax;
    this.#entries = createPresenceSet(presenceBytesMax);
  }

  /** Adds the presence from a socket's attachment. */
  restore(member: Member): void {
    if (member.presence) this.#entries.set(member, member.presence.client, member.presence.data);
  }

  /** Sets the presence of a socket's device, unless the room refuses it. Null removes it. */
  set(member: Member, clientId: ClientId, data: Json): void {
    if (!this.#entries.set(member, clientId, data)) return;
    member.presence = data === null ? null : { client: clientId, data };
    member.save();
    this.#changed();
  }

  leave(member: Member): void {
    this.#missed.delete(member);
    this.#entries.leave(member);
    this.#changed();
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
    this.#env.setTimer(() => this.#flush(), Math.max(PRESENCE_MS_MIN, this.#members.size));
  }

  #flush(): void {
    this.#isDue = false;
    const { set, gone } = this.#entries.drainChanges();
    const frames = presenceFrames(set, gone);
    for (const member of this.#members) {
      if (member.isSlow(this.#bufferBytesMax)) this.#miss(member, gone);
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
