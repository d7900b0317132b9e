/**
 * A planted fault: what is wrong, and the part that does it. The part is made again for each seed, because it may have
 * state.
 */
import type { FaultName } from "../../../src/testing/simulate/faults.ts";
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";

export type Mutant = {
  readonly name: string;
  readonly what: string;
  readonly parts: () => SimulationParts;
  /** The faults that are needed to find it, if few seeds have all of them. */
  readonly faults?: readonly FaultName[];
  /** The seed from which the search begins, if fewer than one world in a thousand finds it. @default 1 */
  readonly firstSeed?: number;
};

export type RecordText = {
  position: number;
  commit: string;
  actor: string;
  time: number;
  events: { stream: string; version: number; data: unknown }[];
};
