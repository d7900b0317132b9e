/**
 * The suite that every LogStore must pass: the rules L1 to L14 of its port, and random tabs against a plain model.
 *
 * Place: the test file of a store registers it, in this project and in the project of an adapter's author.
 *
 * Guarantees:
 * - It contains no test runner.
 * - A rule needs only a fresh database that several tabs can open.
 */
import type { LogStore } from "../client/stores/log-store.ts";
import { type ConformanceRule, type Deviation, type MakeStore, registerRules, type TestRunner } from "./conformance.ts";
import { cacheRules } from "./log-store/cache-rules.ts";
import { joiningRules } from "./log-store/joining-rules.ts";
import { movingRules } from "./log-store/moving-rules.ts";
import { leaderRules } from "./log-store/leader-rules.ts";
import { modelRule } from "./log-store/model-rule.ts";
import { pendingRules } from "./log-store/pending-rules.ts";
import { readingRules } from "./log-store/reading-rules.ts";
import type { LogStoreBed, LogStoreRule } from "./log-store/rule.ts";

export type { LogStoreBed };

/** The rules of the port. Each has one or more tests. */
export const logStoreRules: readonly ConformanceRule<LogStoreBed>[] = [
  ...pendingRules,
  ...leaderRules,
  ...readingRules,
  ...cacheRules,
  ...movingRules,
  ...joiningRules,
].map(toConformance);

/** The test runner, and the size of the suite. */
export type LogStoreConformanceOptions = TestRunner & {
  /** Rules that the store does not keep, each with a reason. */
  readonly deviations?: readonly Deviation[];
  /**
   * The number of random histories to run. They are the same each time.
   * @default 10
   */
  readonly histories?: number;
};

/**
 * Registers the suite for a store. `makeStore` returns a bed that opens handles on one fresh database, as tabs do.
 *
 * @example
 * logStoreConformance("memory", () => {
 *   const database = new MemoryDatabase(() => crypto.randomUUID());
 *   return { open: async () => memoryLogStore(database) };
 * }, { describe, it });
 */
export function logStoreConformance(
  name: string,
  makeStore: MakeStore<LogStoreBed>,
  options: LogStoreConformanceOptions,
): void {
  const histories = Array.from({ length: options.histories ?? 10 }, (_, seed) => toConformance(modelRule(seed)));
  registerRules(name, [...logStoreRules, ...histories], makeStore, options);
}

function toConformance({ rule, name, check }: LogStoreRule): ConformanceRule<LogStoreBed> {
  return {
    rule,
    name,
    async run(makeStore) {
      const bed = await makeStore();
      const opened: LogStore[] = [];
      const open = async () => {
        const store = await bed.open();
        opened.push(store);
        return store;
      };
      try {
        await check({ open });
      } finally {
        for (const store of opened) store.close();
      }
    },
  };
}
