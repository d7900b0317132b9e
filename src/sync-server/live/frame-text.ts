/** The frames that the server sends, as texts. Each is made once, however many sockets it goes to. */
import type { Presence } from "../../core/wire/messages.ts";
import type { Cursor } from "../../core/history/record.ts";
import { positionOf } from "../../core/history/record.ts";
import type { ServerLimits } from "../base/limits.ts";
import { pageFields, splitRecords } from "../http/page-text.ts";
import type { Appended } from "../writer/admit-push.ts";
import type { StoredRecord } from "../stores/event-store.ts";

/** Entries of presence in one frame: with their bound in bytes, some 200 KB. */
const FRAME_ENTRIES_MAX = 200;

export type RecordsFrame = { readonly text: string; readonly cursor: Cursor | null };

/** What was appended, in frames that follow each other. */
export function recordsFrames(
  { after, records, head }: Appended,
  { frameBytesMax, pageEventsMax }: ServerLimits,
): readonly RecordsFrame[] {
  let follows = after;
  return splitRecords(records, { bytes: frameBytesMax, events: pageEventsMax }).map((run) => {
    const text = recordsFrame(follows, run, positionOf(head));
    follows = run.at(-1)?.cursor ?? follows;
    return { text, cursor: follows };
  });
}

export function recordsFrame(after: Cursor | null, records: readonly StoredRecord[], head: number): string {
  return `{"type":"records",${pageFields({ after, records, head })}}`;
}

export function headFrame(head: number): string {
  return `{"type":"head","head":${head}}`;
}

export const PONG_FRAME = `{"type":"pong"}`;

export function byeFrame(code: string, retryAfterMs?: number): string {
  return JSON.stringify({ type: "bye", code, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** Ids that are gone never stand behind entries: under one of them someone else may still be here. */
export function presenceFrames(set: readonly Presence[], gone: readonly string[]): readonly string[] {
  const frames: string[] = [];
  let [goneTold, setTold] = [0, 0];
  while (goneTold < gone.length || setTold < set.length) {
    const nextGone = gone.slice(goneTold, goneTold + FRAME_ENTRIES_MAX);
    goneTold += nextGone.length;
    const nextSet = goneTold < gone.length ? [] : set.slice(setTold, setTold + FRAME_ENTRIES_MAX);
    setTold += nextSet.length;
    frames.push(JSON.stringify({ type: "presence", set: nextSet, gone: nextGone }));
  }
  return frames;
}
