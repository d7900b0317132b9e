/** What a user of `simulate` gives, and what comes back. */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Domain } from "../../core/domain/define-domain.ts";
import type { Json } from "../../core/values/json.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { FaultName } from "./faults.ts";
import type { SimulationParts } from "./parts.ts";

/** What the one who makes commands may look at: rows as the tab shows them, by projection and key. */
export type CommandFacts = {
  readonly random: SeededRandom;
  readonly actor: string;
  readonly rows: (projection: string) => ReadonlyMap<string, Json>;
};

/** Makes the next command, or several that are one commit. */
export type CommandMaker = (facts: CommandFacts) => CommandRequest | readonly CommandRequest[];

export type SimulateDomains = { readonly newest: DomainDefinition; readonly previous: DomainDefinition | null };

export type SimulateOptions = {
  /** What people do, drawn from `random` and nothing else. */
  readonly commands: CommandMaker;
  /** An older release of the domain: some sides run it for a while. */
  readonly previous?: Domain;
  /** Devices, at most. Default 4. */
  readonly clients?: number;
  /** Steps of one seed, at most. Default 50. */
  readonly steps?: number;
  /** How many seeds. Default 100. */
  readonly seeds?: number;
  /** The first of them. Default 1. */
  readonly firstSeed?: number;
  /** Faults that may be drawn. Default: all. */
  readonly faults?: readonly FaultName[];
  /** Ends early after this time by `now`, which the caller gives since nothing here looks at a clock. */
  readonly until?: () => boolean;
  /** Seeds that broke are made shorter before they are told. Default true. */
  readonly shrinks?: boolean;
  /** Ends with the first seed that broke. Default false. */
  readonly stopsAtFirst?: boolean;
  readonly parts?: SimulationParts;
  /** Told after each seed. */
  readonly onSeed?: (seed: number, problems: readonly string[]) => void;
};

export type BrokenSeed = {
  readonly seed: number;
  /** Which invariants were broken, in a sentence each. */
  readonly problems: readonly string[];
  /** The faults that were on, and the shortest plan found that still breaks. */
  readonly summary: string;
  /** What happened in it, line by line. */
  readonly trace: readonly string[];
};

export type SimulationReport = {
  readonly seeds: number;
  readonly broken: readonly BrokenSeed[];
  readonly picks: number;
  readonly coverage: ReadonlyMap<FaultName, number>;
};
