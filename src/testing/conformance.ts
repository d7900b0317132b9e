/**
 * The rules of a port as tests of a store, in the test runner of the user.
 *
 * Guarantees:
 * - Nothing here imports a test runner.
 * - A rule that a store does not keep is a test of its own with its reason, so that a reader of the test list sees it.
 */

/** A rule of a port, and the code that checks it on a store. */
export type ConformanceRule<Store> = {
  /** The number of the rule in the port, such as `S1`. */
  readonly rule: string;
  /** The name of the test: the guarantee that a user of the store gets. */
  readonly name: string;
  /** Checks the rule. It resolves if the store keeps the rule. Otherwise it rejects with the difference. */
  readonly run: (makeStore: MakeStore<Store>) => Promise<void>;
};

/** Creates an empty store. Each rule creates its own store and closes it. */
export type MakeStore<Store> = () => Store | Promise<Store>;

/** A rule that a store does not keep, and the reason why that is right for this store. */
export type Deviation = {
  /** The rule's number, such as `S9`. */
  readonly rule: string;
  /** The reason, which appears in the name of a test. */
  readonly reason: string;
};

/**
 * The functions that vitest, jest, mocha and `node:test` have in common.
 *
 * @example
 * import { describe, it } from "vitest";
 * eventStoreConformance("my store", () => myStore(), { describe, it });
 */
export type TestRunner = {
  /** Opens a group of tests. */
  readonly describe: (name: string, body: () => void) => unknown;
  /** Registers one test. */
  readonly it: (name: string, body: () => Promise<void>) => unknown;
};

/** Registers each rule as a test with its number and name, and each deviation with its reason. */
export function registerRules<Store>(
  name: string,
  rules: readonly ConformanceRule<Store>[],
  makeStore: MakeStore<Store>,
  { describe, it, deviations = [] }: TestRunner & { readonly deviations?: readonly Deviation[] },
): void {
  describe(name, () => {
    for (const { rule, name: guarantee, run } of rules) {
      if (!deviations.some((deviation) => deviation.rule === rule)) it(`${rule} ${guarantee}`, () => run(makeStore));
    }
    for (const { rule, reason } of deviations) {
      it(`${rule} is deviated from: ${reason}`, async () => {
        if (!rules.some((known) => known.rule === rule))
          throw new Error(`The deviation names rule ${rule}, which does not exist`);
      });
    }
  });
}
