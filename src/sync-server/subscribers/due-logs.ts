/** The logs in which a follower of events has work, for its pool of logs. */
import { LOG_NAME } from "../../core/history/limits.ts";
import type { Env } from "../base/env.ts";
import type { LogPoolOptions } from "../base/log-pool.ts";
import type { ModelStore } from "../stores/model-store.ts";

export function dueLogs(models: ModelStore, follower: string, env: Env): LogPoolOptions["due"] {
  return async (after, limit) => {
    const { logs, next } = await models.due([follower], env.now(), after, limit);
    // An unfinished import has a name that is no log's. Its events are handled under the name of their log.
    return { logs: logs.filter((log) => LOG_NAME.test(log)), next };
  };
}
