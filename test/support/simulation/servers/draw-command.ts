/** The next command of a person. */
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import type { Command } from "./calls.ts";
import { COUNTERS, NAMES, POISON, type Release } from "./domain.ts";
import type { ServerFaults } from "./draw-faults.ts";
import type { Timers } from "./timers.ts";

/** Events of a long commit. Two of them make a stream that gets a snapshot. */
const LONG = 60;

export class Commands {
  readonly #random: SeededRandom;
  readonly #faults: ServerFaults;
  readonly #timers: Timers | null;
  #jobs = 0;

  constructor(random: SeededRandom, faults: ServerFaults, timers: Timers | null) {
    this.#timers = timers;
    this.#random = random;
    this.#faults = faults;
  }

  draw({ counter, job }: Release): Command {
    const random = this.#random;
    const { poison, long } = this.#faults;
    const kind = random.below(10);
    if (kind < 5) {
      const times = long && random.chance(0.4) ? LONG : 1 + random.below(2);
      const by = poison && random.chance(0.15) ? POISON : 1 + random.below(9);
      const id = times === LONG ? COUNTERS[0] : random.pick(COUNTERS);
      return { request: counter.command.add(id, { by, times }), events: times, takes: null };
    }
    if (kind < 8) {
      const [id, name] = [random.pick(COUNTERS), random.pick(NAMES)];
      return { request: counter.command.name(id, { name }), events: 1, takes: { name, stream: `counter/${id}` } };
    }
    if (kind === 8 && this.#jobs > 0) {
      const request = job.command.finish(`j${1 + random.below(this.#jobs)}`);
      return { request, events: 1, takes: null };
    }
    const start = {
      ms: random.pick([300, 5_000, 30_000]),
      refuses: random.chance(0.2),
      isPoison: poison && random.chance(0.2),
    };
    const reminders = this.#timers?.reminders(start.ms);
    const request = job.command.start(`j${++this.#jobs}`, {
      ...start,
      ...(reminders && { reminders: [...reminders] }),
    });
    return { request, events: 1, takes: null };
  }
}
