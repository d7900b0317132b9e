/** Chooses the commits of one push. */
import type { Commit } from "../../core/history/commit.ts";

/** Well below the server's default limit, because the text has fewer UTF-16 units than bytes. */
const PUSH_CHARS_MAX = 700_000;

/** The oldest pending commits: at least one, at most `max`. */
export function pushBatch(pending: readonly { readonly commit: Commit }[], max: number): readonly Commit[] {
  const batch: Commit[] = [];
  let chars = 0;
  for (const { commit } of pending.slice(0, max)) {
    chars += JSON.stringify(commit).length;
    if (batch.length > 0 && chars > PUSH_CHARS_MAX) break;
    batch.push(commit);
  }
  return batch;
}
