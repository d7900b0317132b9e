/** A store of read models whose reads of followers note how far each is behind the head of its log. */
import type { LagBook } from "../base/lag-book.ts";
import type { Follower, ModelStore } from "../stores/model-store.ts";

/** A follower whose lag is noted. */
export type WatchedFollower = {
  /** The name in the store. */
  readonly follower: string;
  /** The name in the metric, such as `model board`. */
  readonly label: string;
  /** False: it does not follow the log. Undefined: the log has no such follower yet. @default true for each */
  readonly isFollowing?: (follower: Follower | undefined) => boolean;
};

/** The same store. Each read of the followers of a log is noted. */
export function watchedModels(
  models: ModelStore,
  lags: LagBook | undefined,
  watched: readonly WatchedFollower[],
): ModelStore {
  if (!lags) return models;
  for (const { label } of watched) lags.add(label);
  return {
    ...(models.sql && { sql: models.sql }),
    followers: async (log) => {
      const found = await models.followers(log);
      const { followers, head } = found.kind === "open" ? found : { followers: [], head: null };
      for (const { follower: name, label, isFollowing } of watched) {
        const follower = followers.find((one) => one.name === name);
        lags.note(label, log, follower?.at ?? null, isFollowing?.(follower) === false ? null : head);
      }
      return found;
    },
    write: (log, write) => models.write(log, write),
    rows: (log, follower, table, range) => models.rows(log, follower, table, range),
    lease: (log, follower, holder, ms) => models.lease(log, follower, holder, ms),
    sweep: (rowsMax) => models.sweep(rowsMax),
    due: (followers, now, after, limit) => models.due(followers, now, after, limit),
  };
}
