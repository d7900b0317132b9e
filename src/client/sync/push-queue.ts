/** Chooses the commits of one push, and finds the commits that the server has recorded of it. Pure. */
import { type Commit, streamsOf } from "../../core/history/commit.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import type { CommitId } from "../../core/values/ids.ts";
import type { PushAnswer } from "../../core/wire/messages.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import type { CallSize } from "./call-size.ts";
import type { StuckPush } from "./push-state.ts";

/**
 * The server has recorded these pending commits, the last one at `at`. This log has not reached `at`, so they are still
 * pending and are not sent again. `pullNext`: a pull comes before the next push.
 */
export type Behind = { readonly ids: readonly CommitId[]; readonly at: Cursor; readonly pullNext: boolean };

export type PushBatch = { readonly commits: readonly Commit[]; readonly bytes: number };

type Pending = { readonly commit: Commit };

/** The pending commits that may be sent, and the stuck commits that may be sent again. */
export function queueOf<P extends Pending>(
  pending: readonly P[],
  stuck: readonly StuckPush[],
  whenStuck: WhenStuck,
): { readonly sendable: readonly P[]; readonly stuck: readonly StuckPush[] } {
  if (stuck.length === 0) return { sendable: pending, stuck };
  const byId = new Map(stuck.map((one) => [one.id, one]));
  const found: StuckPush[] = [];
  const sendable: P[] = [];
  const [older, held] = [new Set<string>(), new Set<string>()];
  for (const entry of pending) {
    const known = byId.get(entry.commit.id);
    // With "wait", all commits count as commits on one stream.
    const streams = whenStuck === "wait" ? [""] : [...streamsOf(entry.commit)];
    const isOn = (set: ReadonlySet<string>) => streams.some((stream) => set.has(stream));
    // The order of commits on a shared stream stays. So commits behind a commit that waits also wait for it, and a
    // stuck commit waits for older commits.
    if (known && !isOn(older)) found.push(known);
    if (!known && !isOn(held)) sendable.push(entry);
    else for (const stream of streams) held.add(stream);
    for (const stream of streams) older.add(stream);
  }
  return { sendable, stuck: found };
}

/** Without the commits that the server has recorded. */
export function unsent<P extends Pending>(pending: readonly P[], behind: Behind | null): readonly P[] {
  if (!behind) return pending;
  const ids = new Set(behind.ids);
  return pending.filter(({ commit }) => !ids.has(commit.id));
}

/** The oldest commits that may be sent: at least one, at most `max`, and as many as the size allows, in UTF-8. */
export function pushBatch(sendable: readonly Pending[], max: number, size: CallSize): PushBatch {
  const bytesMax = Math.min(size.pushBytes, size.pushBytesMax);
  const commits: Commit[] = [];
  let bytes = 0;
  for (const { commit } of sendable.slice(0, Math.min(max, size.pushCommitsMax))) {
    const next = bytes + byteLength(JSON.stringify(commit)) + 1;
    if (commits.length > 0 && next > bytesMax) break;
    commits.push(commit);
    bytes = next;
  }
  return { commits, bytes };
}

/** Null once the log has reached the recorded commits. */
export function behindNow(behind: Behind | null, cursor: Cursor | null): Behind | null {
  return behind && behind.at.position > positionOf(cursor) ? behind : null;
}

/** `before`, with the commits that this answer reports as recorded behind the cursor. It is the turn of a pull then. */
export function joinRecorded(
  before: Behind | null,
  { commits }: PushBatch,
  { outcomes, head }: PushAnswer,
  cursor: Cursor | null,
): Behind | null {
  const sent = new Set(commits.map(({ id }) => id));
  const ids = [...(before?.ids ?? [])];
  let at = before && before.at;
  for (const one of outcomes) {
    if (one.outcome !== "recorded" || !sent.has(one.id)) continue;
    if (one.at.position <= positionOf(cursor) || one.at.position > head) continue;
    ids.push(one.id);
    if (one.at.position >= positionOf(at)) at = one.at;
  }
  return at && { ids, at, pullNext: true };
}
