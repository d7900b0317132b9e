/**
 * The entry `dacapo/testing`: tests of a domain, and of a store that implements one of Dacapo's ports.
 *
 * Guarantees: nothing here imports a test runner, so that each runner can use it (test: `imports.test.ts`).
 *
 * Place: a test file of an app imports it. The library itself never does.
 *
 * @module dacapo/testing
 */
export type { ConformanceRule, Deviation, MakeStore, TestRunner } from "./conformance.ts";
export {
  type EventStoreConformanceOptions,
  eventStoreConformance,
  eventStoreRules,
} from "./event-store-conformance.ts";
export {
  type DraftIn,
  type ExpectedRejection,
  type Given,
  given,
  type GivenCommand,
  type GivenEvent,
  type GivenOutcome,
  type GivenRows,
  type StreamEvent,
} from "./given.ts";
export { inTurn, reopenedEachCall, storeThrough } from "./event-store/connections.ts";
export {
  type LogStoreBed,
  type LogStoreConformanceOptions,
  logStoreConformance,
  logStoreRules,
} from "./log-store-conformance.ts";
export {
  type ModelStoreConformanceOptions,
  modelStoreConformance,
  modelStoreRules,
} from "./model-store-conformance.ts";
export { type UpcastExample, type UpcastExamples, upcasting } from "./upcasting.ts";
export type { FaultName } from "./simulate/faults.ts";
export type {
  BrokenSeed,
  CommandFacts,
  CommandMaker,
  CommitCounts,
  SimulateOptions,
  SimulationReport,
} from "./simulate/options.ts";
export { describeBroken, runSeed, runSeeds, simulate, SimulationError } from "./simulate/simulate.ts";
