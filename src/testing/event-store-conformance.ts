/**
 * The suite that every EventStore must pass: the rules S1 to S12 and S16 to S19 of its port, and random histories
 * against a plain model. A store that many nodes share also has S13 to S15, and S20 if it has turns.
 *
 * Place: the test file of a store registers it, in this project and in the project of an adapter's author.
 *
 * Guarantees:
 * - It contains no test runner.
 * - A rule needs only a store that begins empty.
 */
import type { EventStore } from "../sync-server/stores/event-store.ts";
import { type ConformanceRule, type Deviation, type MakeStore, registerRules, type TestRunner } from "./conformance.ts";
import { appendRules } from "./event-store/append-rules.ts";
import { logRules } from "./event-store/log-rules.ts";
import { moveRules } from "./event-store/move-rules.ts";
import { nodeRules } from "./event-store/node-rules.ts";
import { runRandomHistory } from "./event-store/random-history.ts";
import { readRules } from "./event-store/read-rules.ts";
import { turnRules } from "./event-store/turn-rules.ts";

/** The rules of the port. Each has one or more tests. */
export const eventStoreRules: readonly ConformanceRule<EventStore>[] = [
  ...appendRules,
  ...readRules,
  ...logRules,
  ...moveRules,
].map(({ rule, name, check }) => ({ rule, name, run: (makeStore) => withStore(makeStore, check) }));

/** The test runner, and the size of the suite. */
export type EventStoreConformanceOptions = TestRunner & {
  /** Rules that the store does not keep, each with a reason. */
  readonly deviations?: readonly Deviation[];
  /**
   * The number of random histories to run. They are the same each time.
   * @default 10
   */
  readonly histories?: number;
  /**
   * Opens one new, empty store on two nodes, for the rules of `hints`, `presence` and `tickets` (S13 to S15), and for
   * those of `takeTurn` if the store has it (S20).
   *
   * @default none, for a store of one process
   */
  readonly nodes?: () => readonly [EventStore, EventStore];
};

/**
 * Registers the suite for a store.
 *
 * @example
 * import { describe, it } from "vitest";
 * eventStoreConformance("my store", () => myStore(), { describe, it });
 */
export function eventStoreConformance(
  name: string,
  makeStore: MakeStore<EventStore>,
  options: EventStoreConformanceOptions,
): void {
  const histories = Array.from({ length: options.histories ?? 10 }, (_, seed): ConformanceRule<EventStore> => ({
    rule: "model",
    name: `competing writers and readers match a plain model (seed ${seed})`,
    run: () => withStore(makeStore, (store) => runRandomHistory(store, seed)),
  }));
  const { nodes } = options;
  const ofNodes = nodes
    ? [...nodeRules, ...turnRules].map(({ check, ...rule }) => ({ ...rule, run: () => withNodes(nodes(), check) }))
    : [];
  registerRules(name, [...eventStoreRules, ...ofNodes, ...histories], makeStore, options);
}

async function withNodes(
  nodes: readonly [EventStore, EventStore],
  check: (nodes: readonly [EventStore, EventStore]) => Promise<void>,
): Promise<void> {
  try {
    await check(nodes);
  } finally {
    for (const node of nodes) await node.close();
  }
}

async function withStore(makeStore: MakeStore<EventStore>, check: (store: EventStore) => Promise<void>): Promise<void> {
  const store = await makeStore();
  try {
    await check(store);
  } finally {
    await store.close();
  }
}
