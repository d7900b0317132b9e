/** A planted fault: its description, and the part that causes it. Each seed gets a new one, which may have memory. */
import type { FaultName } from "../../../src/testing/simulate/faults.ts";
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";

export type Mutant = {
  readonly name: string;
  readonly what: string;
  readonly parts: () => SimulationParts;
  /** The faults without which it stays unseen, if few seeds have all of them. */
  readonly faults?: readonly FaultName[];
};

export type RecordText = {
  position: number;
  commit: string;
  actor: string;
  time: number;
  events: { stream: string; version: number; data: unknown }[];
};
