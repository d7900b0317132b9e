/**
 * The live hub: all open sockets of this node, room by room.
 *
 * Place: runtimes bring sockets (`join`, `resume`) and tell what they hear; the log writer tells what it wrote (`publish`).
 * Holds: nothing here is needed for correctness: a hub that forgets everything costs its readers a reconnect. Sockets are counted
 * in all, by log and by actor; one that is silent is ended within a minute and a half; one whose holder may no longer read, or
 * of whom nobody can say so any more, within a minute.
 */
import { RIGHTS_MS } from "../base/limits.ts";
import { parseClientFrame } from "../../core/wire/read-messages.ts";
import { type Env, jittered } from "../base/env.ts";
import { type ErrorCode, HttpRefusal } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import { PONG_FRAME } from "./frame-text.ts";
import { bye, createMember, FRAME_RATE, type Member, send } from "./member.ts";
import { createRoom, type Room } from "./room.ts";
import type { LiveAttachment, LiveConnection, LiveSocket } from "./server-socket.ts";
import type { Principal } from "../access/authorize.ts";
import type { Appended } from "../writer/admit-push.ts";
import { tryConsumeFrom } from "../base/rate-limit.ts";
import type { EventStore } from "../stores/event-store.ts";

export type LiveHub = {
  /** Why one more socket of this actor cannot be taken, or null. */
  readonly refusal: (log: string, actor: string) => ErrorCode | null;
  readonly join: (socket: LiveSocket, attachment: LiveAttachment) => LiveConnection;
  /** Takes back a socket that outlived the hub's memory. */
  readonly resume: (socket: LiveSocket, attachment: LiveAttachment) => LiveConnection;
  /** Tells what this node appended; null: something may have been appended. */
  readonly publish: (log: string, appended: Appended | null) => void;
  /** Looks at the log soon: another node may have appended. */
  readonly poke: (log: string) => void;
  /**
   * Asks now whether each socket is still heard and may still read, for a runtime without timers. Gives the milliseconds
   * after which to ask again, or null where no socket is open.
   */
  readonly watch: () => Promise<number | null>;
  /** Ends the sockets of a log, or all. */
  readonly end: (code: string, log?: string) => void;
};

export type LiveHubOptions = {
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly env: Env;
  /** Throws a refusal for someone who may not read a log any more. */
  readonly checkReader: (principal: Principal, log: string) => Promise<void>;
  readonly report: (error: unknown) => void;
  /** False: no timers, for a runtime that sleeps between events and calls `watch` itself. */
  readonly ticks: boolean;
};

const TICK_MS = 1_000;
/** Where nobody can say now whether a right is still there, it is asked again so soon … */
const RIGHTS_RETRY_MS = 5_000;
/** … and the socket ended when it was last sure longer ago than this. */
const RIGHTS_UNSURE_MS_MAX = 44_000;
/** Clients ping every 20 s. */
const SILENCE_MS_MAX = 90_000;
/** How often presence is told; in a log of many sockets a millisecond for each: what one of them shows goes to all. */
const PRESENCE_MS_MIN = 50;
/** What is appended within this time after a frame goes out in one. */
const RECORDS_MS = 50;
const RESTART_DELAY_MS = 2_000;
/** Frames over the rate that are passed over before their sender is shown out. */
const DROPPED_FRAMES_MAX = 1_000;

export function createLiveHub({ store, limits, env, checkReader, report, ticks }: LiveHubOptions): LiveHub {
  const rooms = new Map<string, Room>();
  const sockets = { all: 0, ofActor: new Map<string, number>() };
  let ticking = false;
  let lookedAt = env.now();

  const count = (actor: string, change: 1 | -1): void => {
    sockets.all += change;
    const next = (sockets.ofActor.get(actor) ?? 0) + change;
    if (next > 0) sockets.ofActor.set(actor, next);
    else sockets.ofActor.delete(actor);
  };
  const refusal = (log: string, actor: string): ErrorCode | null => {
    if ((sockets.ofActor.get(actor) ?? 0) >= limits.socketsPerActorMax) return "rate-limited";
    return sockets.all >= limits.socketsMax || (rooms.get(log)?.members.size ?? 0) >= limits.socketsPerLogMax
      ? "overloaded"
      : null;
  };
  const roomOf = (log: string): Room => {
    const before = rooms.get(log);
    if (before) return before;
    const room = createRoom({
      log,
      store,
      limits,
      report,
      soon: (run) => void env.setTimer(run, Math.max(PRESENCE_MS_MIN, room.members.size)),
      shortly: (run) => void env.setTimer(run, RECORDS_MS),
    });
    rooms.set(log, room);
    return room;
  };

  const tick = (): void => {
    const now = env.now();
    const looks = now < lookedAt || now - lookedAt >= limits.lookMs;
    if (looks) lookedAt = now;
    for (const room of rooms.values()) {
      if (looks) void room.look();
      room.drain();
    }
    void Promise.all(watchMembers(now, RIGHTS_MS));
    ticking = rooms.size > 0;
    if (ticking) env.setTimer(tick, TICK_MS);
  };
  const watchMembers = (now: number, rightsMs: number): Promise<void>[] => {
    const checks: Promise<void>[] = [];
    for (const [log, room] of rooms) {
      for (const member of room.members) {
        countAnew(member, now);
        if (now - Math.max(member.heardAt, member.socket.answeredAt ?? 0) > SILENCE_MS_MAX) member.socket.terminate();
        else if (now - member.rightsAskedAt >= rightsMs || (member.principal.expiresAt ?? Infinity) <= now)
          checks.push(checkRights(member, log, now));
      }
    }
    return checks;
  };
  /** A clock that was set back counts from where it stands now, or silence and rights would last as long as it went back. */
  const countAnew = (member: Member, now: number): void => {
    member.heardAt = Math.min(member.heardAt, now);
    member.rightsSureAt = Math.min(member.rightsSureAt, now);
    if (member.rightsAskedAt > now) member.rightsAskedAt = now - RIGHTS_MS;
  };
  const checkRights = async (member: Member, log: string, now: number): Promise<void> => {
    member.rightsAskedAt = now;
    try {
      await checkReader(member.principal, log);
      member.rightsSureAt = now;
    } catch (error) {
      if (error instanceof HttpRefusal && (error.code === "forbidden" || error.code === "unauthorized"))
        bye(member, error.code);
      else if (now - member.rightsSureAt > RIGHTS_UNSURE_MS_MAX)
        bye(member, "unavailable", jittered(env, RESTART_DELAY_MS));
      else member.rightsAskedAt = now - RIGHTS_MS + RIGHTS_RETRY_MS;
    }
  };
  const watch = async (): Promise<number | null> => {
    const now = env.now();
    await Promise.all(watchMembers(now, 0));
    const askedAt = [...rooms.values()].flatMap(({ members }) =>
      Array.from(members, ({ rightsAskedAt }) => rightsAskedAt),
    );
    return askedAt.length === 0
      ? null
      : Math.max(0, askedAt.reduce((first, next) => Math.min(first, next)) + RIGHTS_MS - now);
  };

  const receive = (room: Room, member: Member, text: string): void => {
    const now = env.now();
    member.heardAt = now;
    if (tryConsumeFrom(member.bucket, FRAME_RATE, now, 1) > 0) {
      if (++member.framesDropped > DROPPED_FRAMES_MAX) bye(member, "rate-limited", jittered(env, 60_000));
      return;
    }
    const frame = parseClientFrame(text);
    // A frame of a later version of the protocol is passed over.
    if (!frame.ok) return;
    if (frame.value.type === "ping") {
      // What still waits says as much once it arrives. To one who asks and never reads, answers would pile up for ever.
      if (member.socket.bufferedBytes === 0) send(member, PONG_FRAME);
    } else room.setPresence(member, frame.value.client, frame.value.data);
  };

  const enter = (socket: LiveSocket, attachment: LiveAttachment, how: "join" | "resume"): LiveConnection => {
    const { log } = attachment;
    const room = roomOf(log);
    const now = env.now();
    // When a sleeper's rights were last asked is forgotten: they are due.
    const member = createMember(socket, attachment, { now, rightsAt: how === "resume" ? now - RIGHTS_MS : now });
    // Many handshakes may have been let in before the first of them was counted.
    const over = how === "join" ? refusal(log, member.principal.actor) : null;
    count(member.principal.actor, 1);
    room[how](member);
    if (over) bye(member, over, jittered(env, RESTART_DELAY_MS));
    if (ticks && !ticking) {
      ticking = true;
      env.setTimer(tick, TICK_MS);
    }
    return {
      receive: (text) => receive(room, member, text),
      closed: () => {
        if (!room.members.has(member)) return;
        count(member.principal.actor, -1);
        room.leave(member);
        if (room.members.size === 0) rooms.delete(log);
      },
    };
  };

  return {
    refusal,
    join: (socket, attachment) => enter(socket, attachment, "join"),
    resume: (socket, attachment) => enter(socket, attachment, "resume"),
    publish: (log, appended) => {
      const room = rooms.get(log);
      if (appended) room?.publish(appended);
      else void room?.look();
    },
    poke: (log) => void rooms.get(log)?.look(),
    watch,
    end: (code, log) => {
      for (const [name, room] of rooms) {
        if (log !== undefined && name !== log) continue;
        // Not all come back in the same moment.
        for (const member of room.members)
          bye(member, code, code === "restarting" ? jittered(env, RESTART_DELAY_MS) : undefined);
      }
    },
  };
}
