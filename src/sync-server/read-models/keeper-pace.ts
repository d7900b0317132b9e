/**
 * The pace of the keepers of a process: whose turn it is, and how long a long fold rests while pushes wait.
 *
 * Guarantees (keeper-pace.test.ts):
 * - While pushes wait, a long fold works a fifth of the time, or the share of its job.
 * - A job with a share of its own rests always. A fold without one rests only while pushes wait.
 * - A fold without a share of its own comes nearer to the head: it folds twice the events that the log gets, or it does
 *   not rest. Otherwise a slow machine with many pushes would never build new rows.
 * - A clock that jumps, such as after the machine slept, makes no long rest.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { KeeperFacts, Step } from "./next-step.ts";

/** The share of the time in which long folds work while pushes wait. */
export const DUTY = 0.2;

/** The events that a long fold folds for each event that the log gets meanwhile, at least. */
const GAIN = 2;

/** The head of the log at a time. */
type SeenHead = { readonly position: number; readonly at: number };

/** The time and the events of one fold. */
export type FoldWork = {
  /** Milliseconds. */
  readonly ms: number;
  /** The events that it folded. */
  readonly events: number;
  /** The position of the head when it began. */
  readonly head: number;
};

type Pace = {
  readonly restUntil: number;
  /** Milliseconds of the rest. */
  readonly restMs: number;
  readonly isTurnOfLong: boolean;
  readonly isTurnOfFold: boolean;
  /** The head at the last long fold. Null: there was none. */
  readonly seen: SeenHead | null;
};

/** Milliseconds of one fold, at most. A page is far less, so that a longer one is a jump of the clock. */
const FOLD_MS_MAX = 10_000;

const NO_PACE: Pace = { restUntil: 0, restMs: 0, isTurnOfLong: false, isTurnOfFold: false, seen: null };

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
    const { isTurnOfLong, isTurnOfFold } = this.#paceOf(log);
    return { isResting: this.restUntil(log) > this.#now(), isTurnOfLong, isTurnOfFold, hasOrphans: this.hasOrphans };
  }

  /** The time until which the long folds of a log rest. 0: the clock jumped back to a time before the rest. */
  restUntil(log: LogName): number {
    const { restUntil, restMs } = this.#paceOf(log);
    return this.#now() + 1 < restUntil - restMs ? 0 : restUntil;
  }

  /** Forgets a log without work. */
  forget(log: LogName): void {
    this.#logs.delete(log);
  }

  /** Notes a comparison. */
  compared(log: LogName): void {
    this.#logs.set(log, { ...this.#paceOf(log), isTurnOfLong: false, isTurnOfFold: true });
  }

  /** Notes a fold. */
  folded(log: LogName, { isLong, tasks }: Extract<Step, { kind: "fold" }>, work: FoldWork): void {
    const before = this.#paceOf(log);
    if (!isLong) {
      this.#logs.set(log, { ...before, isTurnOfLong: true, isTurnOfFold: false });
      return;
    }
    const duties = tasks.flatMap(({ notes }) => notes?.job?.duty ?? []);
    const now = this.#now();
    const restMs =
      duties.length > 0
        ? restOf(work, Math.min(...duties))
        : Math.min(restOf(work, this.#isBusy() ? DUTY : 1), restThatGains(work, before.seen, now));
    const seen = { position: work.head, at: now };
    this.#logs.set(log, { restUntil: now + restMs, restMs, isTurnOfLong: false, isTurnOfFold: false, seen });
  }

  #paceOf(log: LogName): Pace {
    return this.#logs.get(log) ?? NO_PACE;
  }
}

function restOf({ ms }: FoldWork, duty: number): number {
  return (Math.min(Math.max(1, ms), FOLD_MS_MAX) * (1 - duty)) / duty;
}

/** The longest rest with which the log gets at most half of the events that a fold folds in this time. */
function restThatGains({ ms, events, head }: FoldWork, seen: SeenHead | null, now: number): number {
  const grown = seen ? head - seen.position : 0;
  if (!seen || grown <= 0) return Infinity;
  const msOfEvent = (now - seen.at) / grown;
  return Math.max(0, (events / GAIN) * msOfEvent - ms);
}
