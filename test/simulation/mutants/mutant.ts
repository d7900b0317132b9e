/** A planted fault: what is wrong, and the part that makes it so. Made anew for each seed, so that it may remember. */
import type { FaultName } from "../../../src/testing/simulate/faults.ts";
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";

export type Mutant = {
  readonly name: string;
  readonly what: string;
  readonly parts: () => SimulationParts;
  /** The faults that it takes to be seen, where few seeds have all of them. */
  readonly faults?: readonly FaultName[];
};

export type RecordText = {
  position: number;
  commit: string;
  actor: string;
  time: number;
  events: { stream: string; version: number; data: unknown }[];
};
