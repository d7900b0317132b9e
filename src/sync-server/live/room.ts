/**
 * The sockets of one log, and where each of them stands.
 *
 * Place: the live hub keeps a room for each log that has sockets. What the writer appended comes in by `publish`, what other nodes
 * appended is found by `look`; both are hints, the store is the truth.
 * Holds: a socket gets records in order, each frame following what it got before, or a hint to pull them; what was
 * appended here goes out without reading, written as text once for all; a socket whose cursor the log does not have is told
 * `diverged` and never sent anything of the other history.
 *
 *   live ──records──► live          cursor = where the frame ends
 *   live ──over its budget──► hinted (cursor = head; the reader pulls) ──drained──► live
 *   behind ──read one page by its own cursor──► live, or hinted when there is more
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Json } from "../../core/values/json.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import type { ServerLimits } from "../base/limits.ts";
import { headFrame, presenceFrames, recordsFrame, recordsFrames } from "./frame-text.ts";
import { bye, hint, type Member, save, send } from "./member.ts";
import { createPresenceSet } from "./room-presence.ts";
import type { Appended } from "../writer/admit-push.ts";
import type { EventStore } from "../stores/event-store.ts";

export type Room = {
  readonly members: ReadonlySet<Member>;
  /** Takes a socket in and sends it what is new after its cursor. */
  readonly join: (member: Member) => void;
  /** Takes in a socket that was here before this room lost its memory. */
  readonly resume: (member: Member) => void;
  readonly leave: (member: Member) => void;
  readonly setPresence: (member: Member, client: string, data: Json) => void;
  readonly publish: (appended: Appended) => void;
  /** Looks whether the log went on elsewhere. */
  readonly look: () => Promise<void>;
  /** Looks after sockets that were over their budget. */
  readonly drain: () => void;
};

export type RoomOptions = {
  readonly log: string;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly report: (error: unknown) => void;
  /** Calls back a little later, so that many changes of presence go out together. */
  readonly soon: (run: () => void) => void;
  /** The same for records, sooner. */
  readonly shortly: (run: () => void) => void;
};

/** So many times its budget may wait on a socket before it is ended. */
const BUDGETS_MAX = 4;

export function createRoom({ log, store, limits, report, soon, shortly }: RoomOptions): Room {
  const members = new Set<Member>();
  const presence = createPresenceSet(limits.presenceBytesMax);
  const page = { events: limits.pageEventsMax, bytes: limits.frameBytesMax };
  /** Where the log ended when this room last knew; undefined: never looked. */
  let at: Cursor | null | undefined;
  let looking = false;
  /** Appended and not sent yet. `at` counts it already. */
  let held: Appended | null = null;
  let resting = false;
  let presenceIsDue = false;

  const isSlow = ({ socket }: Member): boolean => socket.bufferedBytes > limits.socketBufferBytesMax;
  const endAll = (code: string): void => members.forEach((member) => bye(member, code));

  const deliver = (member: Member, { after, head }: Appended, frames: ReturnType<typeof recordsFrames>): void => {
    if (member.reading) {
      member.stale = true;
      return;
    }
    if (!sameCursor(member.cursor, after)) {
      void catchUp(member);
      return;
    }
    for (const { text, cursor } of frames) {
      if (member.hinted !== null || isSlow(member)) {
        hint(member, head);
        break;
      }
      send(member, text);
      member.cursor = cursor;
    }
    if (member.socket.bufferedBytes > limits.socketBufferBytesMax * BUDGETS_MAX) member.socket.terminate();
    else save(member, log);
  };

  /** Reads for one socket by its own cursor, in one snapshot, until nothing came meanwhile. */
  const catchUp = async (member: Member): Promise<void> => {
    if (member.reading || member.ended) return;
    member.reading = true;
    try {
      do {
        member.stale = false;
        const read = await store.read(log, member.cursor, page);
        if (!members.has(member) || member.ended) return;
        if (read.kind === "gone") return bye(member, "gone");
        if (read.kind === "diverged") return bye(member, "diverged");
        if (read.kind === "absent") continue;
        const { records, head } = read;
        at ??= head;
        const last = records.at(-1);
        if (last && !isSlow(member)) {
          send(member, recordsFrame(member.cursor, records, positionOf(head)));
          member.cursor = last.cursor;
        }
        // Who is further behind than a page pulls the rest, which is what pages are made for.
        if (!sameCursor(member.cursor, head)) hintOnce(member, head);
        save(member, log);
      } while (member.stale);
    } catch (error) {
      // The next append or look tries again.
      report(error);
    } finally {
      member.reading = false;
    }
  };
  const hintOnce = (member: Member, head: Cursor | null): void => {
    hint(member, head);
    if (!isSlow(member)) member.hinted = null;
  };

  const publish = (appended: Appended): void => {
    // While looking, and where something else came between, the store tells all of it in order.
    if (looking || (at !== undefined && !sameCursor(appended.after, at))) return void look();
    at = appended.head;
    held = held
      ? { after: held.after, records: [...held.records, ...appended.records], head: appended.head }
      : appended;
    if (!resting) sendHeld();
  };
  /** The first goes out at once; what follows soon after goes out together: in a busy log the frames cost more than what is in them. */
  const sendHeld = (): void => {
    resting = held !== null;
    deliverHeld();
    if (resting) shortly(sendHeld);
  };
  const deliverHeld = (): void => {
    const appended = held;
    held = null;
    if (!appended || members.size === 0) return;
    const frames = recordsFrames(appended, limits);
    for (const member of members) deliver(member, appended, frames);
  };

  let lookAgain = false;
  const look = async (): Promise<void> => {
    lookAgain = true;
    if (looking) return;
    looking = true;
    deliverHeld();
    try {
      while (lookAgain && members.size > 0) {
        lookAgain = false;
        await lookOnce();
      }
    } catch (error) {
      report(error);
    } finally {
      looking = false;
    }
  };
  const lookOnce = async (): Promise<void> => {
    const read = at === undefined ? null : await store.read(log, at, page);
    if (read?.kind === "gone") return endAll("gone");
    if (read?.kind === "page") {
      const { records } = read;
      const after = at ?? null;
      const head = records.at(-1)?.cursor ?? after;
      at = head;
      if (records.length > 0) {
        const appended: Appended = { after, records, head };
        const frames = recordsFrames(appended, limits);
        for (const member of members) deliver(member, appended, frames);
        lookAgain ||= !sameCursor(head, read.head);
      }
      for (const member of members) if (!sameCursor(member.cursor, at)) void catchUp(member);
      return;
    }
    // This room's own cursor is not the log's any more, or was never known: each socket is read for by its own.
    const head = await store.head(log);
    if (head.kind === "gone") return endAll("gone");
    at = head.kind === "open" ? head.cursor : null;
    for (const member of members) if (!sameCursor(member.cursor, at)) void catchUp(member);
  };

  const flushPresence = (): void => {
    presenceIsDue = false;
    const { set, gone } = presence.takeChanges();
    const frames = presenceFrames(set, gone);
    for (const member of members) {
      if (isSlow(member)) missPresence(member, gone);
      else for (const frame of frames) send(member, frame);
    }
  };
  const missPresence = (member: Member, gone: readonly string[]): void => {
    const missed = (member.missedPresence ??= new Set());
    for (const client of gone) missed.add(client);
    if (missed.size > PRESENCE_ENTRIES_MAX) member.socket.terminate();
  };
  const presenceChanged = (): void => {
    if (presenceIsDue) return;
    presenceIsDue = true;
    soon(flushPresence);
  };
  const sendAllPresence = (member: Member, gone: readonly string[]): void =>
    presenceFrames(presence.all(), gone).forEach((frame) => send(member, frame));

  const resume = (member: Member): void => {
    members.add(member);
    if (member.presence) presence.set(member, member.presence.client, member.presence.data);
  };
  return {
    members,
    resume,
    join: (member) => {
      resume(member);
      sendAllPresence(member, []);
      save(member, log);
      void catchUp(member);
    },
    leave: (member) => {
      if (!members.delete(member)) return;
      presence.leave(member);
      presenceChanged();
    },
    setPresence: (member, client, data) => {
      if (!presence.set(member, client, data)) return;
      member.presence = data === null ? null : { client, data };
      save(member, log);
      presenceChanged();
    },
    publish,
    look,
    drain: () => {
      for (const member of members) {
        if (isSlow(member)) continue;
        if (member.hinted !== null) {
          const head = positionOf(at ?? null);
          if (head > member.hinted) send(member, headFrame(head));
          member.hinted = null;
        }
        if (member.missedPresence) {
          sendAllPresence(member, [...member.missedPresence]);
          member.missedPresence = null;
        }
      }
    },
  };
}
