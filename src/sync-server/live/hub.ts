/**
 * The live hub: all open sockets of this node, in one room for each log.
 *
 * Place: a runtime calls `join` and `resume` for its sockets. The log writer calls `publish`.
 *
 * Guarantees:
 * - No record is lost if the hub loses its memory. Its sockets are resumed, or their clients reconnect.
 * - The number of open sockets is limited in total, for each log and for each actor (`SocketQuota`).
 * - Nodes on one store show each other their devices, if the store carries presence (`NodePresence`).
 * - A silent socket, and a socket whose holder may no longer read, are disconnected (`SocketWatch`).
 */
import { type Env, jittered } from "../base/env.ts";
import type { ErrorCode } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { Principal } from "../access/authorize.ts";
import { Observer } from "../base/observer.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Appended } from "../writer/admit-push.ts";
import { Member, RECONNECT_MS } from "./member.ts";
import { NodePresence } from "./node-presence.ts";
import { Room } from "./room.ts";
import type { LiveAttachment, LiveConnection, LiveSocket } from "./server-socket.ts";
import { SocketQuota } from "./socket-quota.ts";
import { SocketWatch } from "./watch-sockets.ts";
import { WatchedSocket } from "./watched-socket.ts";
import type { Actor, LogName } from "../../core/values/ids.ts";

export type LiveHub = {
  /** The reason to refuse one more socket of this actor, or null. */
  readonly refusal: (log: LogName, actor: Actor) => ErrorCode | null;
  /** Adds a new socket. */
  readonly join: (socket: LiveSocket, attachment: LiveAttachment) => LiveConnection;
  /** Adds a socket that outlived the hub's memory. */
  readonly resume: (socket: LiveSocket, attachment: LiveAttachment) => LiveConnection;
  /** Delivers an append of this node. If `appended` is null, the hub reads the log instead. */
  readonly publish: (log: LogName, appended: Appended | null) => void;
  /**
   * Reads the log now, because another node may have appended. `null`: messages of other nodes may be lost, so the hub
   * reads every log that has sockets and requests the presence of the other nodes.
   */
  readonly poke: (log: LogName | null) => void;
  /**
   * Disconnects silent sockets, and sockets that may no longer read. A runtime without timers calls this. It requests
   * each right again after `permitMs`. The default is 40 seconds.
   * Returns the milliseconds until the next check, or null without sockets.
   */
  readonly watch: (permitMs?: number) => Promise<number | null>;
  /** Disconnects the sockets of a log, or all. */
  readonly end: (code: string, log?: LogName) => void;
};

export type LiveHubOptions = {
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly env: Env;
  /** Throws a refusal if the principal may not read the log. */
  readonly checkReader: (principal: Principal, log: LogName) => Promise<void>;
  /** Returns the sender of a token. Throws a refusal if the sender may not read the log. */
  readonly tokenReader: (token: string, log: LogName) => Promise<Principal>;
  readonly report: (error: unknown) => void;
  /** Called with the records of other nodes that the hub read. */
  readonly onRead?: (log: LogName, appended: Appended) => void;
  /** @default an observer that reports nothing */
  readonly observer?: Observer;
  /** False: no timers, for a runtime that sleeps between events and calls `watch` itself. */
  readonly ticks: boolean;
};

export function createLiveHub(options: LiveHubOptions): LiveHub {
  const { store, limits, env, observer = new Observer() } = options;
  const rooms = new Map<string, Room>();
  const quota = new SocketQuota(limits);
  const nodes = store.presence && new NodePresence(store.presence, env, rooms);
  const watch = new SocketWatch(options, rooms, nodes);

  const roomOf = (log: LogName): Room => {
    const known = rooms.get(log);
    if (known) return known;
    const room = new Room({ ...options, observer, log, sendToNodes: (entry) => nodes?.send(log, entry) });
    rooms.set(log, room);
    nodes?.requestEntries(log);
    return room;
  };
  const enter = (bare: LiveSocket, attachment: LiveAttachment, how: "join" | "resume"): LiveConnection => {
    const { log, principal } = attachment;
    const room = roomOf(log);
    const now = env.now();
    const watched = observer.isOn ? new WatchedSocket(bare, observer, now) : null;
    const socket = watched ?? bare;
    const member = new Member(socket, how === "join" ? { ...attachment, checkedAt: now } : attachment, now);
    // The upgrade gate checks the quota before the handshake. But many handshakes may pass before the first one counts.
    const refusal = how === "join" ? quota.refusal(log, principal.actor) : null;
    quota.add(log, principal.actor);
    watched?.opened({ log, actor: principal.actor }, how);
    room[how](member);
    if (refusal) member.close(refusal, jittered(env, RECONNECT_MS));
    watch.start();
    return {
      heard: () => room.heard(member),
      receive: (text) => room.receive(member, text),
      closed: () => {
        if (!room.members.has(member)) return;
        watched?.closed(env.now());
        quota.remove(log, principal.actor);
        room.leave(member);
        if (room.members.size === 0) rooms.delete(log);
      },
    };
  };

  return {
    refusal: (log, actor) => quota.refusal(log, actor),
    join: (socket, attachment) => enter(socket, attachment, "join"),
    resume: (socket, attachment) => enter(socket, attachment, "resume"),
    publish: (log, appended) => {
      const room = rooms.get(log);
      if (appended) room?.publish(appended);
      else void room?.poll();
    },
    poke: (log) => {
      for (const room of log === null ? rooms.values() : [rooms.get(log)]) void room?.poll();
      if (log === null) nodes?.recover();
    },
    watch: (permitMs) => watch.check(permitMs),
    end: (code, log) => {
      if (log === undefined) nodes?.end();
      for (const [name, room] of rooms) {
        if (log !== undefined && name !== log) continue;
        // Each client gets a different delay. Otherwise all of them reconnect at the same moment.
        const delay = () => (code === "restarting" ? jittered(env, RECONNECT_MS) : undefined);
        for (const member of room.members) member.close(code, delay());
      }
    },
  };
}
