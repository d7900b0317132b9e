/** The options of `simulate`, and its report. */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Domain } from "../../core/domain/define-domain.ts";
import type { Json } from "../../core/values/json.ts";
import type { SeededRandom } from "../seeded-random.ts";
import type { FaultName } from "./faults.ts";
import type { SimulationParts } from "./parts.ts";

/** The view for a maker of commands: the rows of the tab, by projection and key. */
export type CommandFacts = {
  readonly random: SeededRandom;
  readonly actor: string;
  readonly rows: (projection: string) => ReadonlyMap<string, Json>;
};

/** Makes the next command, or several commands for one commit. */
export type CommandMaker = (facts: CommandFacts) => CommandRequest | readonly CommandRequest[];

export type SimulateDomains = { readonly newest: DomainDefinition; readonly previous: DomainDefinition | null };

export type SimulateOptions = {
  /** Makes the commands of people, drawn from `random` and nothing else. */
  readonly commands: CommandMaker;
  /** An older release of the domain: some sides run it for a while. */
  readonly previous?: Domain;
  /** Devices, at most. @default 4 */
  readonly clients?: number;
  /** Steps of one seed, at most. @default 50 */
  readonly steps?: number;
  /** Number of seeds. @default 100 */
  readonly seeds?: number;
  /** The first seed. @default 1 */
  readonly firstSeed?: number;
  /** Faults that may be drawn. @default all */
  readonly faults?: readonly FaultName[];
  /** Ends early after this time by `now`, which the caller passes because the simulator reads no clock. */
  readonly until?: () => boolean;
  /** Shortens broken seeds before the report. @default true */
  readonly shrinks?: boolean;
  /** Ends with the first broken seed. @default false */
  readonly stopsAtFirst?: boolean;
  readonly parts?: SimulationParts;
  /** Called after each seed. */
  readonly onSeed?: (seed: number, problems: readonly string[]) => void;
};

export type BrokenSeed = {
  readonly seed: number;
  /** The broken invariants, in a sentence each. */
  readonly problems: readonly string[];
  /** The faults that were on, and the shortest plan that still breaks. */
  readonly summary: string;
  /** The events of the run, line by line. */
  readonly trace: readonly string[];
};

export type SimulationReport = {
  readonly seeds: number;
  readonly broken: readonly BrokenSeed[];
  readonly picks: number;
  readonly coverage: ReadonlyMap<FaultName, number>;
};
