/** Plans the next push: its commits, and the records that its answer may have. Pure. */
import type { Commit } from "../../core/history/commit.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import { type Behind, behindNow, pushBatch, type PushBatch, queueOf, unsent } from "./push-queue.ts";
import type { SyncState } from "./sync-state.ts";

/** The reason why this device rejects a commit that the server cannot read. */
export const TOO_LARGE = { code: "too-large", message: "The commit is larger than the server takes" };

export type PushFacts = {
  readonly pending: readonly { readonly commit: Commit }[];
  readonly cursor: Cursor | null;
  /** By `env.elapsed`. */
  readonly now: number;
  readonly whenStuck: WhenStuck;
};

export type PushPlan = PushBatch & {
  readonly after: Cursor | null;
  readonly behind: Behind | null;
  /** False: the records come with pulls, because this log is behind. */
  readonly wantsRecords: boolean;
};

export function planPush(state: SyncState, { pending, cursor, now, whenStuck }: PushFacts): PushPlan {
  const { push, size, head } = state;
  const behind = behindNow(state.behind, cursor);
  const { sendable, stuck } = queueOf(unsent(pending, behind), push.stuck, whenStuck);
  // A stuck commit is sent alone, because otherwise it would take other commits with it. It comes after the others,
  // and the one that waits longest is first. Otherwise stuck commits that get no answer would take every turn.
  const [first] = stuck.toSorted((left, right) => left.notBefore - right.notBefore);
  const isTurnOfStuck = first && first.notBefore <= now && (sendable.length === 0 || push.notBefore > now);
  return {
    ...pushBatch(isTurnOfStuck ? pending.filter(({ commit }) => commit.id === first.id) : sendable, push.max, size),
    // After recorded commits, the server checks their mark.
    after: behind?.at ?? cursor,
    behind,
    wantsRecords: behind === null && head <= positionOf(cursor),
  };
}
