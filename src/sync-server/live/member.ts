/**
 * One socket in a room: what was sent to it, how far it is behind, how to end it.
 *
 * Holds: a slow socket never grows: over its budget it gets one hint instead of records and pulls them itself; far over it,
 * it is ended. A socket that cannot be written to is on its way out, and harms nobody.
 */
import { type Cursor, decodeCursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import type { Principal } from "../access/authorize.ts";
import { byeFrame, headFrame } from "./frame-text.ts";
import type { LiveAttachment, LiveSocket } from "./server-socket.ts";
import { type Bucket, fullBucket } from "../base/rate-limit.ts";

/** Frames that one socket may send us. */
export const FRAME_RATE = { perSecond: 50, burst: 100 };

export type Member = {
  readonly socket: LiveSocket;
  readonly principal: Principal;
  readonly bucket: Bucket;
  /** Where the records that were sent end, or where a hint said that the log ends. */
  cursor: Cursor | null;
  presence: LiveAttachment["presence"];
  /** A page is being read for it. */
  reading: boolean;
  /** Something came while a page was read. */
  stale: boolean;
  /** Position that the last hint told, while the socket is over its budget. */
  hinted: number | null;
  /** Presence went by while it was over its budget: the ids of who left. Null: none did. */
  missedPresence: Set<string> | null;
  heardAt: number;
  /** When it was last asked whether its holder may read, and when the answer last was yes. */
  rightsAskedAt: number;
  rightsSureAt: number;
  framesDropped: number;
  /** It was said bye to. Nothing follows. */
  ended: boolean;
};

export function createMember(
  socket: LiveSocket,
  { cursor, principal, presence }: LiveAttachment,
  { now, rightsAt }: { readonly now: number; readonly rightsAt: number },
): Member {
  return {
    socket,
    principal,
    bucket: fullBucket(FRAME_RATE, now),
    cursor: cursor === null ? null : decodeCursor(cursor),
    presence,
    reading: false,
    stale: false,
    hinted: null,
    missedPresence: null,
    heardAt: now,
    rightsAskedAt: rightsAt,
    rightsSureAt: rightsAt,
    framesDropped: 0,
    ended: false,
  };
}

export function save(member: Member, log: string): void {
  const { socket, cursor, principal, presence } = member;
  try {
    socket.save({ log, cursor: cursor && encodeCursor(cursor), principal, presence });
  } catch {
    socket.terminate();
  }
}

/** Sends, unless the socket is already gone: its end is told by the runtime. */
export function send(member: Member, frame: string): void {
  if (member.ended) return;
  try {
    member.socket.send(frame);
  } catch {
    member.socket.terminate();
  }
}

/** Tells where the log ends instead of sending what is there. The reader pulls it. */
export function hint(member: Member, head: Cursor | null): void {
  member.cursor = head;
  // One hint may wait in the buffer; what came after it is told when the buffer has drained.
  if (member.hinted !== null) return;
  member.hinted = positionOf(head);
  send(member, headFrame(member.hinted));
}

export function bye(member: Member, code: string, retryAfterMs?: number): void {
  if (member.ended) return;
  send(member, byeFrame(code, retryAfterMs));
  member.ended = true;
  member.socket.close(code === "restarting" ? 1012 : 1000, code);
}
