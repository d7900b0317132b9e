/**
 * The pace of the keepers of a process: whose turn it is, and how long a long fold rests while pushes wait.
 *
 * Guarantees (keeper-pace.test.ts):
 * - While pushes wait, a long fold works a fifth of the time, or the share of its job.
 * - A job with a share of its own rests always. A fold without one rests only while pushes wait.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { KeeperFacts, Step } from "./next-step.ts";

/** The share of the time in which long folds work while pushes wait. */
export const DUTY = 0.2;

type Pace = { restUntil: number; isTurnOfLong: boolean; isTurnOfFold: boolean };

export class KeeperPace {
  readonly #now: () => number;
  readonly #isBusy: () => boolean;
  readonly #logs = new Map<LogName, Pace>();
  /** The store may have rows of orphaned tables. True at first, because a process may have died before its sweep. */
  hasOrphans = true;

  constructor(now: () => number, isBusy: () => boolean) {
    this.#now = now;
    this.#isBusy = isBusy;
  }

  factsOf(log: LogName): Required<Pick<KeeperFacts, "isResting" | "isTurnOfLong" | "isTurnOfFold" | "hasOrphans">> {
    const { isTurnOfLong = false, isTurnOfFold = false } = this.#logs.get(log) ?? {};
    return { isResting: this.restUntil(log) > this.#now(), isTurnOfLong, isTurnOfFold, hasOrphans: this.hasOrphans };
  }

  /** The time until which the long folds of a log rest. */
  restUntil(log: LogName): number {
    return this.#logs.get(log)?.restUntil ?? 0;
  }

  /** Forgets a log without work. */
  forget(log: LogName): void {
    this.#logs.delete(log);
  }

  /** Notes a comparison. */
  compared(log: LogName): void {
    this.#logs.set(log, { restUntil: this.restUntil(log), isTurnOfLong: false, isTurnOfFold: true });
  }

  /** Notes a fold that took `ms` milliseconds. */
  folded(log: LogName, { isLong, tasks }: Extract<Step, { kind: "fold" }>, ms: number): void {
    if (!isLong) {
      this.#logs.set(log, { restUntil: this.restUntil(log), isTurnOfLong: true, isTurnOfFold: false });
      return;
    }
    const duties = tasks.flatMap(({ notes }) => notes?.job?.duty ?? []);
    const duty = duties.length > 0 ? Math.min(...duties) : this.#isBusy() ? DUTY : 1;
    const restMs = (Math.max(1, ms) * (1 - duty)) / duty;
    this.#logs.set(log, { restUntil: this.#now() + restMs, isTurnOfLong: false, isTurnOfFold: false });
  }
}
