/** Chooses the commits of one push. Pure. */
import { type Commit, streamsOf } from "../../core/history/commit.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import type { StuckPush } from "./push-state.ts";

/** Well below the server's default limit, because the text has fewer UTF-16 units than bytes. */
const PUSH_CHARS_MAX = 700_000;

type Pending = { readonly commit: Commit };

/** The pending commits that may be sent, and the stuck commits that are still pending. */
export function queueOf<P extends Pending>(
  pending: readonly P[],
  stuck: readonly StuckPush[],
  whenStuck: WhenStuck,
): { readonly sendable: readonly P[]; readonly stuck: readonly StuckPush[] } {
  const byId = new Map(stuck.map((one) => [one.id, one]));
  const found: StuckPush[] = [];
  const sendable: P[] = [];
  const held = new Set<string>();
  for (const entry of pending) {
    const { commit } = entry;
    const known = byId.get(commit.id);
    if (known) found.push(known);
    if (byId.size === 0) sendable.push(entry);
    else if (!known && (whenStuck === "wait" ? found.length === 0 : !sharesStream(commit, held))) sendable.push(entry);
    // The order of commits on a shared stream stays. So commits behind a commit that waits also wait for it.
    else if (whenStuck === "skip") for (const stream of streamsOf(commit)) held.add(stream);
  }
  return { sendable, stuck: found };
}

function sharesStream(commit: Commit, streams: ReadonlySet<string>): boolean {
  return streams.size > 0 && [...streamsOf(commit)].some((stream) => streams.has(stream));
}

/** The oldest commits that may be sent: at least one, at most `max`. */
export function pushBatch(sendable: readonly Pending[], max: number): readonly Commit[] {
  const batch: Commit[] = [];
  let chars = 0;
  for (const { commit } of sendable.slice(0, max)) {
    chars += JSON.stringify(commit).length;
    if (batch.length > 0 && chars > PUSH_CHARS_MAX) break;
    batch.push(commit);
  }
  return batch;
}
