/**
 * How a port's rules become tests of a store, in whatever test runner the user has.
 *
 * Place: the conformance suites (`event-store-conformance`, …) list rules; a store's test file registers them in a few lines.
 * Holds: no test runner in here. A rule that a store deviates from is named with its reason, and seen in the list of tests.
 */

/** One sentence of a port's law, and the code that holds a store to it: it resolves, or throws what is wrong. */
export type ConformanceRule<Store> = {
  /** The rule's number in the port, such as `S1`. */
  readonly rule: string;
  /** What the user of such a store gets. */
  readonly name: string;
  readonly run: (makeStore: MakeStore<Store>) => Promise<void>;
};

/** Makes a store with nothing in it. Each rule makes its own and closes it. */
export type MakeStore<Store> = () => Store | Promise<Store>;

/** A rule that a store does not keep, and why that is right for it. */
export type Deviation = { readonly rule: string; readonly reason: string };

/** What vitest, jest, mocha and `node:test` have in common. */
export type TestRunner = {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>) => unknown;
};

/** Registers rules as tests: each under its number and name, each deviation under its reason. */
export function registerRules<Store>(
  name: string,
  rules: readonly ConformanceRule<Store>[],
  makeStore: MakeStore<Store>,
  { describe, it, deviations = [] }: TestRunner & { readonly deviations?: readonly Deviation[] },
): void {
  describe(name, () => {
    for (const { rule, name: told, run } of rules) {
      if (!deviations.some((deviation) => deviation.rule === rule)) it(`${rule} ${told}`, () => run(makeStore));
    }
    for (const { rule, reason } of deviations) {
      it(`${rule} is deviated from: ${reason}`, async () => {
        if (!rules.some((known) => known.rule === rule)) throw new Error(`There is no rule ${rule} to deviate from`);
      });
    }
  });
}
