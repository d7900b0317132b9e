/** Plans the next push: its commits, the records that its answer may have, and what a refusal changes. Pure. */
import type { Commit } from "../../core/history/commit.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { CommitId } from "../../core/values/ids.ts";
import { DacapoError } from "../../core/values/errors.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import { type Behind, behindNow, pushBatch, type PushBatch, queueOf, unsent } from "./push-queue.ts";
import type { Signal } from "./reduce-sync.ts";
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

/**
 * A push that the server cannot read in this form. `tooLarge`: the id of a commit that it cannot read alone either. It
 * cannot reject this commit, so the device does.
 */
export type PushRefusal =
  Extract<Signal, { readonly type: "gzip-refused" | "push-too-large" }> | { readonly tooLarge: CommitId };

/** Returns the refusal of a push that failed. Null: it failed for another reason. */
export function pushRefusalOf(
  error: unknown,
  { commits, bytes }: PushBatch,
  { gzip }: SyncState["size"],
): PushRefusal | null {
  const code = error instanceof DacapoError ? error.details["code"] : null;
  if (code === "unsupported-media-type" && gzip) return { type: "gzip-refused" };
  if (code !== "too-large") return null;
  const [only, ...others] = commits;
  return only && others.length === 0 ? { tooLarge: only.id } : { type: "push-too-large", bytes };
}
