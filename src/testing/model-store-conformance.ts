/**
 * The suite that the read models of every EventStore must pass: the rules M1 to M12 of the port `model-store`, and
 * random histories of two writers against a plain model.
 *
 * Place: the test file of a store registers it, in this project and in the project of an adapter's author.
 *
 * Guarantees:
 * - It contains no test runner.
 * - A rule needs only a store that begins empty.
 */
import type { EventStore } from "../sync-server/stores/event-store.ts";
import { type ConformanceRule, type Deviation, type MakeStore, registerRules, type TestRunner } from "./conformance.ts";
import { leaseRules } from "./model-store/lease-rules.ts";
import { type ModelRule, modelsOf } from "./model-store/samples.ts";
import { runModelHistory } from "./model-store/random-history.ts";
import { rowRules } from "./model-store/row-rules.ts";
import { sqlRules } from "./model-store/sql-rules.ts";
import { writeRules } from "./model-store/write-rules.ts";

/** The rules of the port. Each has one or more tests. */
export const modelStoreRules: readonly ConformanceRule<EventStore>[] = [
  ...writeRules,
  ...rowRules,
  ...sqlRules,
  ...leaseRules,
].map(({ rule, name, check }) => ({ rule, name, run: (makeStore) => withModels(makeStore, check) }));

/** The test runner, and the size of the suite. */
export type ModelStoreConformanceOptions = TestRunner & {
  /** Rules that the store does not keep, each with a reason. */
  readonly deviations?: readonly Deviation[];
  /**
   * The number of random histories to run. They are the same each time.
   * @default 10
   */
  readonly histories?: number;
};

/**
 * Registers the suite for a store that has the member `models`.
 *
 * @example
 * import { describe, it } from "vitest";
 * modelStoreConformance("my store", () => myStore(), { describe, it });
 */
export function modelStoreConformance(
  name: string,
  makeStore: MakeStore<EventStore>,
  options: ModelStoreConformanceOptions,
): void {
  const histories = Array.from({ length: options.histories ?? 10 }, (_, seed): ConformanceRule<EventStore> => ({
    rule: "model",
    name: `two writers of read models match a plain model (seed ${seed})`,
    run: (make) => withModels(make, (bed) => runModelHistory(bed, seed)),
  }));
  registerRules(`${name} models`, [...modelStoreRules, ...histories], makeStore, options);
}

async function withModels(makeStore: MakeStore<EventStore>, check: ModelRule["check"]): Promise<void> {
  const store = await makeStore();
  try {
    await check({ store, models: modelsOf(store) });
  } finally {
    await store.close();
  }
}
