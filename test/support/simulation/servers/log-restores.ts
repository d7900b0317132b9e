/**
 * Restores of the log alone, and the operator who then resets what is diverged: to the beginning, or to a record of the
 * log, such as the last one.
 *
 * It has a random source of its own, so that worlds without it are those of before.
 */
import { type SeededRandom, seededRandom } from "../../../../src/testing/seeded-random.ts";
import type { Owner } from "../../../../src/testing/simulate/scheduler.ts";
import type { Judge } from "./judge.ts";
import { FOLLOWERS } from "./lost-places.ts";
import type { ServerNode } from "./node.ts";
import { LOG, MAILER } from "./names.ts";

const SOURCE = 104_729;
/** A quarter of the worlds have such restores. */
const SHARE = 4;
/** Half of the restores remove only so many appends. */
const FEW = 6;

export class LogRestores {
  readonly #random: SeededRandom;
  readonly #steps: ReadonlySet<number>;
  /** The node that resets a follower, by the name of the follower. */
  readonly #resetting = new Map<string, Owner>();

  private constructor(random: SeededRandom, steps: number) {
    this.#random = random;
    this.#steps = new Set(Array.from({ length: 1 + random.below(2) }, () => random.below(steps)));
  }

  /** The restores of the world with this seed. Null: it has none. */
  static of(seed: number, steps: number): LogRestores | null {
    const random = seededRandom(seed * SOURCE + 1);
    return random.below(SHARE) === 0 ? new LogRestores(random, steps) : null;
  }

  isBefore(step: number): boolean {
    return this.#steps.has(step);
  }

  /** The number of appends that a restore keeps. */
  kept(appends: number): number {
    const removed = this.#random.below(1 + (this.#random.chance(0.5) ? Math.min(FEW, appends) : appends));
    return appends - removed;
  }

  /** Begins to reset what a node reported as diverged, and at the end also what is paused. */
  operate(nodes: readonly ServerNode[], judge: Judge, isAtEnd: boolean): void {
    const { lostPlaces } = judge;
    for (const name of FOLLOWERS.keys()) {
      const isKnown = lostPlaces.isReported(name) || (isAtEnd && lostPlaces.isLost(name) && lostPlaces.isPaused(name));
      if (!isKnown || judge.ends.length === 0 || this.#resetting.get(name)?.state === "running") continue;
      const node = newest(nodes);
      if (!node) continue;
      this.#resetting.set(name, node.owner);
      void this.#reset(node, judge, name)
        .catch(() => {})
        .finally(() => this.#resetting.delete(name));
    }
  }

  async #reset({ server }: ServerNode, judge: Judge, follower: string): Promise<void> {
    const name = FOLLOWERS.get(follower) ?? "";
    const log = server.log(LOG);
    const calls = name === MAILER ? log.subscribers : log.processes;
    const status = (await calls.list()).find((one) => one.name === name);
    if (!judge.lostPlaces.isLost(follower)) return;
    if (status?.state !== "diverged") judge.report(`${follower} is diverged, and its state is ${status?.state}`);
    const { ends } = judge;
    const end = this.#random.pick([null, ends.at(-1) ?? null, this.#random.pick(ends)]);
    judge.beginReset(follower);
    const options = { from: end === null ? "beginning" : { cursor: end }, effects: "repeat" } as const;
    await (name === MAILER ? log.subscribers.reset(name, options) : log.processes.reset(name, options));
  }
}

/** A running node of the newest release. An older one would go back to its own code. */
function newest(nodes: readonly ServerNode[]): ServerNode | undefined {
  const release = nodes.find(({ release: { process } }) => process === 2)?.release;
  return nodes.find((node) => node.owner.state === "running" && (release === undefined || node.release === release));
}
