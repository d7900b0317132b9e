/** The texts of the frames that the server sends. One text serves all sockets of a room. */
import type { Presence } from "../../core/wire/messages.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { ServerLimits } from "../base/limits.ts";
import { pageFields, splitRecords } from "../http/page-text.ts";
import type { Appended } from "../writer/admit-push.ts";
import type { StoredRecord } from "../stores/event-store.ts";

/** Presence entries in one frame. With `presenceBytesMax` for each, a frame has about 200 KB. */
const FRAME_ENTRIES_MAX = 200;

export type RecordsFrame = {
  readonly text: string;
  readonly cursor: Cursor | null;
  /** When the server received the oldest record of the frame. Milliseconds since the epoch. */
  readonly receivedAt: number | null;
};

/** Inside a text of JSON, a quote has a backslash. So the first match is the field of the first record. */
const RECEIVED = /"received":(\d+)/;

/** Returns the frames of an append. Each follows the one before. */
export function recordsFrames(
  { after, records, head }: Appended,
  { frameBytesMax, pageEventsMax }: ServerLimits,
): readonly RecordsFrame[] {
  let follows = after;
  return splitRecords(records, { bytes: frameBytesMax, events: pageEventsMax }).map((run) => {
    const text = recordsFrame(follows, run, positionOf(head));
    follows = run.at(-1)?.cursor ?? follows;
    const received = RECEIVED.exec(text)?.[1];
    return { text, cursor: follows, receivedAt: received === undefined ? null : Number(received) };
  });
}

export function recordsFrame(after: Cursor | null, records: readonly StoredRecord[], head: number): string {
  return `{"type":"records",${pageFields({ after, records, head })}}`;
}

export function headFrame(head: number): string {
  return `{"type":"head","head":${head}}`;
}

export const PONG_FRAME = `{"type":"pong"}`;

export function renewedFrame(expiresInMs: number | null): string {
  return JSON.stringify({ type: "renewed", expiresInMs });
}

export function byeFrame(code: string, retryAfterMs?: number): string {
  return JSON.stringify({ type: "bye", code, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/**
 * Returns the frames of a presence change.
 *
 * The ids of devices that left come before the entries, because another actor may have an entry under the same id.
 */
export function presenceFrames(set: readonly Presence[], gone: readonly string[]): readonly string[] {
  const frames: string[] = [];
  let [goneSent, setSent] = [0, 0];
  while (goneSent < gone.length || setSent < set.length) {
    const nextGone = gone.slice(goneSent, goneSent + FRAME_ENTRIES_MAX);
    goneSent += nextGone.length;
    const nextSet = goneSent < gone.length ? [] : set.slice(setSent, setSent + FRAME_ENTRIES_MAX);
    setSent += nextSet.length;
    frames.push(JSON.stringify({ type: "presence", set: nextSet, gone: nextGone }));
  }
  return frames;
}
