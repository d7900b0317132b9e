/** `dacapo/testing`: what a user needs to test a domain, or a store written for one of Dacapo's ports. No test runner inside. */
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
export type { FaultName } from "./simulate/faults.ts";
export type { BrokenSeed, CommandFacts, CommandMaker, SimulateOptions, SimulationReport } from "./simulate/options.ts";
export { describeBroken, runSeed, runSeeds, simulate, SimulationError } from "./simulate/simulate.ts";
