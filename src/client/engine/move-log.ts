/**
 * Moves the work of one user's local log into the log of another user on this device, as after a guest signed up.
 *
 * Guarantees (test/unit/client/engine/move-log.test.ts):
 * - Commits keep their ids, so a move that a crash interrupted can run again, and the server records each commit once.
 * - The new author is the user whose log receives the commits. A server accepts them only with that user's token.
 * - The old log is deleted only in the state that was moved, so no commit of another tab is lost.
 */
import { lowerSeen } from "../../core/history/commit.ts";
import { BugError, ConcurrencyError } from "../../core/values/errors.ts";
import type { Actor } from "../../core/values/ids.ts";
import type { LogStore, PendingEntry } from "../stores/log-store.ts";
import { readOwn } from "./export-import.ts";

/** Each attempt fails only because another tab wrote. */
const ATTEMPTS_MAX = 100;

/** Appends all commits of `from` to `to` as commits of `actor`, and deletes `from`. */
export async function moveLog(from: LogStore, to: LogStore, actor: Actor): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    // Each time, because a call to a server may have been under way.
    if ((await from.readServer()) !== null)
      throw new ConcurrencyError(
        {
          message: "The log was synced with a server, which has its commits under the name of its user",
          fix: "Move only a log that never reached a server. Let this one sync under its own user.",
        },
        "never",
      );
    const { head, pending, sent, rejections } = await readOwn(from);
    if (rejections.length > 0)
      throw new ConcurrencyError(
        {
          message: `The log has ${rejections.length} rejected commits, which cannot move`,
          fix: "Call retry() or discard() of each entry in log.rejections first.",
          details: { rejections: rejections.length },
        },
        "after-fix",
      );
    const own = [...sent, ...pending].sort((left, right) => left.n - right.n);
    if ((await appendMissing(to, own, actor)) && (await from.destroy(head))) return;
  }
  throw new BugError("The log could not be moved, because other tabs wrote too often");
}

/** False: another tab appended first. */
async function appendMissing(
  to: LogStore,
  own: readonly Pick<PendingEntry, "commit" | "undo">[],
  actor: Actor,
): Promise<boolean> {
  const { head, pending } = await to.refresh({ position: Number.MAX_SAFE_INTEGER, pendingTail: 0 });
  const there = [...pending, ...(await to.readSent(null)), ...(await to.readRejections())];
  const known = new Set(there.map(({ commit }) => commit.id));
  const missing = own
    .filter(({ commit }) => !known.has(commit.id))
    // The new author has seen nothing of the server's log when it made these commits.
    .map(({ commit, undo }) => ({
      at: null,
      undo,
      commit: { ...lowerSeen(commit, () => 0), actor, client: head.client },
    }));
  return missing.length === 0 || to.appendPending(head.pendingTail, missing, []);
}
