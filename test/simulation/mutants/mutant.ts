/** A planted fault: what is wrong, and the part that makes it so. Made anew for each seed, so that it may remember. */
import type { SimulationParts } from "../../../src/testing/simulate/parts.ts";

export type Mutant = { readonly name: string; readonly what: string; readonly parts: () => SimulationParts };

export type RecordText = { position: number; commit: string; actor: string; time: number; events: { stream: string; version: number; data: unknown }[] };
