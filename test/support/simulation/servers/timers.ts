/**
 * Timers of a job that remind of it, and an outage during which they become due.
 *
 * It has a random source of its own, so that worlds without it are those of before.
 */
import { type SeededRandom, seededRandom } from "../../../../src/testing/seeded-random.ts";

const SOURCE = 7_919;
/** A third of the worlds have reminders, and half of these have an outage. */
const SHARE = 3;
export const REMINDERS_MAX = 100;

/** All nodes are down before this step, and their clocks jump back. */
export type Outage = { readonly step: number; readonly downMs: number; readonly backMs: number };

export class Timers {
  readonly #random: SeededRandom;
  readonly outage: Outage | null;

  private constructor(random: SeededRandom, steps: number) {
    this.#random = random;
    const outage = { step: random.below(steps), downMs: 5_000 + random.below(40_000), backMs: random.below(30_000) };
    this.outage = random.chance(0.5) ? outage : null;
  }

  /** The timers of the world with this seed. Null: it has none. */
  static of(seed: number, steps: number): Timers | null {
    const random = seededRandom(seed * SOURCE + 1);
    return random.below(SHARE) === 0 ? new Timers(random, steps) : null;
  }

  /** Milliseconds from the start of a job to each of its reminders. Some come after its deadline `ms`. */
  reminders(ms: number): readonly number[] {
    const count = this.#random.chance(0.1) ? REMINDERS_MAX : 1 + this.#random.below(4);
    return Array.from({ length: count }, () => this.#random.below(Math.ceil(ms * 1.2)));
  }
}
