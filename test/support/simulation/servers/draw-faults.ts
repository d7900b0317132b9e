/** The faults of one simulated world of servers. */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { StoreFaults } from "../followers/shared-store.ts";
import type { Changes } from "./domain.ts";

export type ServerFaults = StoreFaults & {
  readonly pause: boolean;
  readonly crash: boolean;
  readonly restore: boolean;
  /** The clock of a node jumps forwards or back. */
  readonly clock: boolean;
  /** Amounts that a model refuses, and jobs that the process manager refuses. */
  readonly poison: boolean;
  /** The probability that a handler fails. */
  readonly handlerFailure: number;
  /** The changes of the second release. Null: there is one release. */
  readonly changes: Changes | null;
  /** Commits with many events, so that streams get snapshots. */
  readonly long: boolean;
};

export function drawFaults(random: SeededRandom): ServerFaults {
  // A snapshot is read by a node that started after it was written.
  const long = random.chance(0.25);
  return {
    failure: random.pick([0, 0, 0.02, 0.08]),
    leaseSkew: random.chance(0.4),
    slowness: random.pick([2, 20, 100]),
    pause: random.chance(0.4),
    crash: random.chance(0.5) || long,
    restore: random.chance(0.25),
    clock: random.chance(0.25),
    poison: random.chance(0.4),
    handlerFailure: random.pick([0, 0.1, 0.4]),
    changes: random.chance(0.5) ? { fold: random.chance(0.6), process: random.chance(0.7) } : null,
    long,
  };
}
