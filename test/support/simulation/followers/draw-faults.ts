/** The faults of one simulated world of followers. */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { StoreFaults } from "./shared-store.ts";

export type FollowerFaults = StoreFaults & {
  readonly pause: boolean;
  readonly crash: boolean;
  readonly poison: boolean;
  /** The step before which an import ends that wrote the log until then. Null: no import. */
  readonly importedAt: number | null;
  /** The step before which the log is dropped. Null: it is not dropped. */
  readonly droppedAt: number | null;
  /** Nodes change to a release with one more event, or back. */
  readonly releases: boolean;
  /** The step before which the log goes back to an earlier time, and its followers do not. Null: no restore. */
  readonly restoredAt: number | null;
};

export function drawFaults(random: SeededRandom, steps: number): FollowerFaults {
  return {
    failure: random.pick([0, 0.02, 0.1]),
    leaseSkew: random.chance(0.5),
    slowness: random.pick([2, 20, 200]),
    pause: random.chance(0.5),
    crash: random.chance(0.5),
    poison: random.chance(0.5),
    importedAt: random.chance(0.3) ? 1 + random.below(steps - 1) : null,
    droppedAt: random.chance(0.15) ? random.below(steps) : null,
    pageEvents: random.pick([2, 5, 500]),
    releases: random.chance(0.3),
    restoredAt: random.chance(0.2) ? random.below(steps) : null,
  };
}
