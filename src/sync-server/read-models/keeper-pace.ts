/**
 * The pace of the keepers of a process: whose turn it is, and how long a long fold rests while pushes wait.
 *
 * Guarantees (keeper-pace.test.ts):
 * - While pushes wait, a long fold works a fifth of the time, or the share of its job.
 * - A job with a share of its own rests always. A fold without one rests only while pushes wait.
 * - A fold without a share of its own comes nearer to the head: it folds twice the events that the log gets, or it does
 *   not rest. Otherwise a slow machine with many pushes would never build new rows.
 * - A clock that jumps, such as after the machine slept, makes no long rest.
 * - After a large write, the next page has fewer events. A first page is small, because nobody knows its rows yet.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { KeeperFacts, Step } from "./next-step.ts";
import { WRITE_SIZE } from "./write-size.ts";

/** The share of the time in which long folds work while pushes wait. */
export const DUTY = 0.2;

/** The events that a long fold folds for each event that the log gets meanwhile, at least. */
const GAIN = 2;

/** The head of the log at a time. */
type SeenHead = { readonly position: number; readonly at: number };

/** Events of a page, at most and at first. */
const PAGE_EVENTS = { max: 500, first: 16 } as const;

/** The time and the events of one fold. */
export type FoldWork = {
  /** About the size of its write, in UTF-16 units. */
  readonly size: number;
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
  /** The events of the next page. */
  readonly pageEvents: number;
  /** The head at the last long fold. Null: there was none. */
  readonly seen: SeenHead | null;
};

/** Milliseconds of one fold, at most. A page is far less, so that a longer one is a jump of the clock. */
const FOLD_MS_MAX = 10_000;

const NO_PACE: Pace = {
  restUntil: 0,
  restMs: 0,
  isTurnOfLong: false,
  isTurnOfFold: false,
  pageEvents: PAGE_EVENTS.first,
  seen: null,
};

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

  /** The events of the next page of a log. */
  pageEvents(log: LogName): number {
    return this.#paceOf(log).pageEvents;
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
    const paced = this.#paceOf(log);
    const before = { ...paced, pageEvents: pageEventsAfter(work, paced.pageEvents) };
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
    const ofTurns = { isTurnOfLong: false, isTurnOfFold: false };
    this.#logs.set(log, { ...before, ...ofTurns, restUntil: now + restMs, restMs, seen });
  }

  #paceOf(log: LogName): Pace {
    return this.#logs.get(log) ?? NO_PACE;
  }
}

/** The events of the next page, so that its write has a good size. */
function pageEventsAfter({ events, size }: FoldWork, before: number): number {
  if (events === 0) return before;
  const fitting = Math.floor((events * WRITE_SIZE) / Math.max(1, size));
  return Math.max(1, Math.min(fitting, before * 2, PAGE_EVENTS.max));
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
