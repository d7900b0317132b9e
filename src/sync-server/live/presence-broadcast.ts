/**
 * The broadcast of presence to the sockets of one room: changes together, everything for a newcomer.
 *
 * Guarantees:
 * - Many changes in a short time become one frame. The more sockets a room has, the longer the time.
 * - A slow socket gets nothing while it is over its budget, and the whole state once it has drained.
 * - A socket that misses too many departures is terminated, so that the list of them stays bounded.
 */
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import type { Json } from "../../core/values/json.ts";
import type { Env } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import { presenceFrames } from "./frame-text.ts";
import type { Member } from "./member.ts";
import { createPresenceSet, type PresenceSet } from "./room-presence.ts";

/** Milliseconds between frames, at least, and a millisecond for each socket: one socket's presence goes to all. */
const PRESENCE_MS_MIN = 50;

export class PresenceBroadcast {
  readonly #members: ReadonlySet<Member>;
  readonly #env: Env;
  readonly #bufferBytesMax: number;
  readonly #entries: PresenceSet;
  /** Sockets that missed a frame because they were slow, with the ids of devices that left meanwhile. */
  readonly #missed = new Map<Member, Set<string>>();
  #isDue = false;

  constructor(members: ReadonlySet<Member>, env: Env, { presenceBytesMax, socketBufferBytesMax }: ServerLimits) {
    this.#members = members;
    this.#env = env;
    this.#bufferBytesMax = socketBufferBytesMax;
    this.#entries = createPresenceSet(presenceBytesMax);
  }

  /** Adds the presence that a socket brings along. */
  restore(member: Member): void {
    if (member.presence) this.#entries.set(member, member.presence.client, member.presence.data);
  }

  /** Sets the presence of a socket's device, unless the room refuses it. Null removes it. */
  set(member: Member, client: string, data: Json): void {
    if (!this.#entries.set(member, client, data)) return;
    member.presence = data === null ? null : { client, data };
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
    for (const client of gone) missed.add(client);
    if (missed.size > PRESENCE_ENTRIES_MAX) member.socket.terminate();
  }

  #sendState(member: Member, gone: readonly string[]): void {
    for (const frame of presenceFrames(this.#entries.all(), gone)) member.send(frame);
  }
}
