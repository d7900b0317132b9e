/** What one push takes of the queue. */
import type { Commit } from "../../core/history/commit.ts";

/** Text of one push: some way under the server's default limit, since the count of UTF-16 units is less than that of bytes. */
const PUSH_CHARS_MAX = 700_000;

/** The oldest commits that have not ended: at least one, at most `most`. */
export function pushBatch(pending: readonly { readonly commit: Commit }[], most: number): readonly Commit[] {
  const batch: Commit[] = [];
  let chars = 0;
  for (const { commit } of pending.slice(0, most)) {
    chars += JSON.stringify(commit).length;
    if (batch.length > 0 && chars > PUSH_CHARS_MAX) break;
    batch.push(commit);
  }
  return batch;
}
