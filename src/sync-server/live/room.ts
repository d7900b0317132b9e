/**
 * The sockets of one log: their records, their presence and the frames that they send.
 *
 * Guarantees:
 * - A client that misses a frame pulls, so a room can lose its memory (P14).
 * - The room drops the frames of a client that floods it, and then disconnects the client.
 */
import type { Cursor } from "../../core/history/record.ts";
import type { Presence } from "../../core/wire/messages.ts";
import { parseClientFrame } from "../../core/wire/read-messages.ts";
import { msUntilEnd, type Principal, requireSmallPrincipal } from "../access/authorize.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { type Env, jittered } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import { tryConsumeFrom } from "../base/rate-limit.ts";
import type { Observer } from "../base/observer.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Appended } from "../writer/admit-push.ts";
import { RecordDelivery } from "./deliver-records.ts";
import { PONG_FRAME, renewedFrame } from "./frame-text.ts";
import { FRAME_RATE, type Member } from "./member.ts";
import type { NodeEntry, NodeMessage } from "./node-message.ts";
import type { PresenceRoom } from "./node-presence.ts";
import { PresenceBroadcast } from "./presence-broadcast.ts";
import { RecordFeed } from "./record-feed.ts";
import type { LogName } from "../../core/values/ids.ts";

export type RoomOptions = {
  readonly log: LogName;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly tokenReader: (token: string, log: LogName) => Promise<Principal>;
  readonly observer: Observer;
  /** Sends a change of an own device to the other nodes. */
  readonly sendToNodes: (entry: NodeEntry) => void;
  /** Called with the records of other nodes that the room read. */
  readonly onRead?: (log: LogName, appended: Appended) => void;
};

/** Frames over the rate that are dropped before their sender is disconnected. */
const DROPPED_FRAMES_MAX = 1_000;
const FLOOD_RETRY_MS = 60_000;

export class Room implements PresenceRoom {
  readonly #members = new Set<Member>();
  readonly #options: RoomOptions;
  readonly #feed: RecordFeed;
  readonly #delivery: RecordDelivery;
  readonly #presence: PresenceBroadcast;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#feed = new RecordFeed(options, {
      exist: () => this.#members.size > 0,
      deliver: (appended) => {
        if (this.#members.size > 0) this.#delivery.deliver(this.#members, appended);
      },
      catchUp: (head) => this.#catchUp(head),
      disconnect: (code) => this.#members.forEach((member) => member.close(code)),
    });
    this.#delivery = new RecordDelivery({
      ...options,
      isMember: (member) => this.#members.has(member),
      onHead: (head) => this.#feed.assumeHead(head),
    });
    this.#presence = new PresenceBroadcast(this.#members, options);
  }

  get members(): ReadonlySet<Member> {
    return this.#members;
  }

  /** Adds a new socket, and sends it the presence and the records after its cursor. */
  join(member: Member): void {
    this.resume(member);
    this.#presence.sendAll(member);
    member.save();
    this.#delivery.catchUp(member, { kind: "joined" });
  }

  /** Adds a socket that was here before the room lost its memory. */
  resume(member: Member): void {
    this.#members.add(member);
    this.#presence.restore(member);
  }

  leave(member: Member): void {
    if (this.#members.delete(member)) this.#presence.leave(member);
  }

  /** Notes that a client is there. */
  heard({ incoming }: Member): void {
    incoming.heardAt = this.#options.env.now();
  }

  /** Handles a frame of a client. */
  receive(member: Member, text: string): void {
    const { env } = this.#options;
    const { incoming } = member;
    const now = env.now();
    this.heard(member);
    if (tryConsumeFrom(incoming.bucket, FRAME_RATE, now, 1) > 0) {
      if (++incoming.framesDropped > DROPPED_FRAMES_MAX) member.close("rate-limited", jittered(env, FLOOD_RETRY_MS));
      return;
    }
    const frame = parseClientFrame(text);
    // A client with a later version of the protocol may send frames that this server does not know.
    if (!frame.ok) return;
    if (frame.value.type === "ping") {
      // A waiting frame answers as well. Otherwise pongs pile up for a client that pings and never reads.
      if (member.socket.bufferedBytes === 0) member.send(PONG_FRAME);
      member.save();
    } else if (frame.value.type === "token") void this.#renew(member, frame.value.token);
    else this.#presence.set(member, frame.value.client, frame.value.data);
  }

  /** Assigns a socket the identity of a new token of its actor. So it outlives the token that opened it. */
  async #renew(member: Member, token: string): Promise<void> {
    const { log, env, report, tokenReader } = this.#options;
    try {
      const principal = await tokenReader(token, log);
      requireSmallPrincipal(principal);
      if (principal.actor !== member.principal.actor) return member.close("unauthorized");
      member.renew(principal, env.now());
      member.send(renewedFrame(msUntilEnd(principal, env.now())));
    } catch (error) {
      // The socket keeps its identity. The watch closes the socket when that ends, or when its right ends.
      if (!(error instanceof HttpRefusal)) report(error);
    }
  }

  ownPresence(): readonly Presence[] {
    return this.#presence.own();
  }

  receiveFromNode(node: string, message: NodeMessage): void {
    this.#presence.receiveFromNode(node, message);
  }

  expirePresence(): void {
    this.#presence.expire();
  }

  /** Delivers what this node appended. */
  publish(appended: Appended): void {
    this.#feed.publish(appended);
  }

  /** Reads what other nodes appended, and delivers it. */
  poll(): Promise<void> {
    return this.#feed.poll();
  }

  /** Sends the latest state to sockets that were over their budget and no longer are. */
  drain(): void {
    for (const member of this.#members) {
      if (member.isSlow(this.#options.limits.socketBufferBytesMax)) continue;
      this.#delivery.drain(member, this.#feed.head);
      this.#presence.drain(member);
    }
  }

  #catchUp(head: Cursor | null): void {
    for (const member of this.#members) this.#delivery.catchUp(member, { kind: "head", head });
  }
}
