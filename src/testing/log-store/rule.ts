/** A test of the suite: the rule of `log-store` that it proves, its name, and its check. */
import type { LogStore } from "../../client/stores/log-store.ts";

/** A fresh database, of which a rule opens handles. */
export type LogStoreBed = {
  /** Opens a handle on the bed's only database, as a tab does, or as the same tab does after a reload. */
  readonly open: () => Promise<LogStore>;
};

export type LogStoreRule = {
  readonly rule: string;
  readonly name: string;
  readonly check: (bed: LogStoreBed) => Promise<void>;
};
