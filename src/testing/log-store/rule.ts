/** One test of the suite: the rule of `log-store` that it shows, what a user gets, and how to see it. */
import type { LogStore } from "../../client/stores/log-store.ts";

export type LogStoreBed = {
  /** Opens a handle on the bed's one database: a tab, or the same one after a reload. */
  readonly open: () => Promise<LogStore>;
};

export type LogStoreRule = {
  readonly rule: string;
  readonly name: string;
  readonly check: (bed: LogStoreBed) => Promise<void>;
};
