/** The options and the report of `simulate`. */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Domain } from "../../core/domain/define-domain.ts";
import type { Json } from "../../core/values/json.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { FaultName } from "./faults.ts";
import type { SimulationParts } from "./parts.ts";

/** The input of a command maker. `rows` returns the rows of a projection by key, as the tab shows them. */
export type CommandFacts = {
  /** The seed's own chance. */
  readonly random: SeededRandom;
  /** The person who acts. */
  readonly actor: string;
  /** The rows of a projection, by key. */
  readonly rows: (projection: string) => ReadonlyMap<string, Json>;
};

/** Makes the next command, or several commands for one commit. */
export type CommandMaker = (facts: CommandFacts) => CommandRequest | readonly CommandRequest[];

export type SimulateDomains = { readonly newest: DomainDefinition; readonly previous: DomainDefinition | null };

/** Options of `simulate`. */
export type SimulateOptions = {
  /** Makes the commands of people. It may draw only from `random`, otherwise a seed does not repeat. */
  readonly commands: CommandMaker;
  /** An older release of the domain, which some tabs and servers run for a while. */
  readonly previous?: Domain;
  /**
   * The largest number of devices.
   * @default 4
   */
  readonly clients?: number;
  /**
   * The largest number of steps in a seed, without the steps of later faults.
   * @default 50
   */
  readonly steps?: number;
  /**
   * The number of seeds.
   * @default 100
   */
  readonly seeds?: number;
  /**
   * The first seed.
   * @default 1
   */
  readonly firstSeed?: number;
  /**
   * Faults that a seed may draw.
   * @default all faults
   */
  readonly faults?: readonly FaultName[];
  /** Called before each seed. If it returns true, the run stops. The simulation itself reads no clock. */
  readonly until?: () => boolean;
  /**
   * Shortens a broken seed before it is reported.
   * @default true
   */
  readonly shrinks?: boolean;
  /**
   * Stops after the first broken seed.
   * @default false
   */
  readonly stopsAtFirst?: boolean;
  /** Replaces parts of the product, for example with a store of your own. */
  readonly parts?: SimulationParts;
  /** Called after each seed. */
  readonly onSeed?: (seed: number, problems: readonly string[]) => void;
};

/** A seed that breaks an invariant. */
export type BrokenSeed = {
  /** The seed's number. */
  readonly seed: number;
  /** A sentence for each broken invariant. */
  readonly problems: readonly string[];
  /** The faults and the steps of the shortest plan that still breaks. */
  readonly summary: string;
  /** The events of that run, line by line. */
  readonly trace: readonly string[];
};

/** How many commits people made, and how many of them were accepted, or rejected by the device or the server. */
export type CommitCounts = { readonly made: number; readonly accepted: number; readonly rejected: number };

/** The report of a simulation. */
export type SimulationReport = {
  /** The number of seeds that ran. */
  readonly seeds: number;
  /** The broken seeds. Empty: every invariant held. */
  readonly broken: readonly BrokenSeed[];
  /** How the commits of `commands` ended. If few of them are accepted, the run proves little. */
  readonly commits: CommitCounts;
  /** The number of waits that the schedulers of all seeds ran. */
  readonly picks: number;
  /** For each fault, the number of seeds with it. */
  readonly coverage: ReadonlyMap<FaultName, number>;
};
