/** Chooses the commits of one push, and finds what the server has recorded of them. Pure. */
import type { Commit } from "../../core/history/commit.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import type { PushAnswer } from "../../core/wire/messages.ts";
import type { CallSize } from "./call-size.ts";

/**
 * The server has recorded all pending commits with a number up to `through`, the last one at `at`. This log has not
 * reached `at`, so they are still pending. `pullNext`: a pull comes before the next push.
 */
export type Sent = { readonly through: number; readonly at: Cursor; readonly pullNext: boolean };

type Entry = { readonly n: number; readonly commit: Commit };
export type PushBatch = { readonly entries: readonly Entry[]; readonly bytes: number };

/** Null once the log has reached the sent commits. */
export function sentNow(sent: Sent | null, cursor: Cursor | null): Sent | null {
  return sent && sent.at.position > positionOf(cursor) ? sent : null;
}

export function unsent<E extends Entry>(pending: readonly E[], sent: Sent | null): readonly E[] {
  return sent ? pending.filter(({ n }) => n > sent.through) : pending;
}

/** The oldest of these commits: at least one, and as many as the size allows. `bytes` counts them in UTF-8. */
export function pushBatch(pending: readonly Entry[], size: CallSize): PushBatch {
  const bytesMax = Math.min(size.pushBytes, size.pushBytesMax);
  const entries: Entry[] = [];
  let bytes = 0;
  for (const entry of pending.slice(0, size.pushCommitsMax)) {
    const next = bytes + byteLength(JSON.stringify(entry.commit)) + 1;
    if (entries.length > 0 && next > bytesMax) break;
    entries.push(entry);
    bytes = next;
  }
  return { entries, bytes };
}

/** The commits of a push that the server recorded behind this log's cursor. Null: there are none. */
export function sentBehind({ entries }: PushBatch, answer: PushAnswer, cursor: Cursor | null): Sent | null {
  const ends = new Map<string, Cursor>();
  for (const one of answer.outcomes) if (one.outcome === "recorded") ends.set(one.id, one.at);
  return entries.reduce<Sent | null>((sent, { n, commit }) => {
    const end = ends.get(commit.id);
    if (!end || end.position <= positionOf(cursor) || end.position > answer.head) return sent;
    return { through: n, at: sent && sent.at.position > end.position ? sent.at : end, pullNext: true };
  }, null);
}
