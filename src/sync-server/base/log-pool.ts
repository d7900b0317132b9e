/**
 * Runs background work for the logs of a server: which logs have work, and how many of them run at once.
 *
 *     poke (an append, a hint, a reader) ──┐
 *     walk over all logs (`due`) ──────────┼─> waiting logs ──> at most `runsMax` runs
 *     work (an alarm of the runtime) ──────┘
 *
 * Guarantees (model-keepers.test.ts, subscribers.test.ts):
 * - A poke is a hint. A log whose poke was lost, such as by a crash, is found by the walk.
 * - A run that fails is tried again, later each time, and stops no other log. No poke makes it earlier, because a
 *   waiting reader pokes again after each failure (log-pool.test.ts).
 * - A log has one run at a time. After `close` no run begins.
 * - With a turn, no timer outlasts it, and each run that begins ends soon after it (log-pool.turns.test.ts).
 */
import type { LogName } from "../../core/values/ids.ts";
import { reasonOf, shortText } from "../../core/values/reason.ts";
import { type Env, jittered, TIMER_MS_MAX } from "./env.ts";
import type { Turn } from "./turn.ts";

export type LogPoolOptions = {
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The most logs whose work runs at once. */
  readonly runsMax: number;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** The turn of a runtime that sleeps between events. Null: timers start later work. */
  readonly turn: Turn | null;
  /** Does the work of a log, and returns the time of its next work. Now or earlier: at once. Infinity: after a poke. */
  readonly run: (log: LogName) => Promise<number>;
  /** Returns a page of the logs that may have work, behind the log `after`. */
  readonly due: (
    after: string | null,
    limit: number,
  ) => Promise<{ readonly logs: readonly string[]; readonly next: string | null }>;
};

const WALK_LOGS = 1_000;
/** Milliseconds until the work continues that a turn has cut off. A shorter rest belongs to the turn. */
const REST_MS = 1_000;
/** Milliseconds between two pages of a walk, so that many logs do not block the server. */
const WALK_PAUSE_MS = 50;
const REASON_LENGTH_MAX = 500;
const RETRY_MS = { first: 500, max: 30_000 };

export class LogPool {
  readonly #options: LogPoolOptions;
  /** The logs whose work runs. True: the log was poked meanwhile. */
  readonly #running = new Map<LogName, boolean>();
  readonly #waiting = new Set<LogName>();
  /** The logs whose last run failed, with the number of failures since the last success and the last reason. */
  readonly #failures = new Map<LogName, { readonly count: number; readonly reason: string }>();
  readonly #timers = new Set<() => void>();
  /** The later time of each log that has one, and the end of its timer. */
  readonly #later = new Map<LogName, { readonly at: number; readonly cancel: () => void }>();
  readonly #whenIdle = new Set<() => void>();
  /** The logs that rest for a moment within the turn. */
  #resting = 0;
  /** True: nothing reported work since the start. */
  #isFresh = true;
  #closed = false;

  constructor(options: LogPoolOptions) {
    this.#options = options;
  }

  /** True after `close`. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** True: more logs have work than may run at once. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** The reason why the last run of a log failed on this node, such as a full disk. Null: it did not fail. */
  failureOf(log: LogName): string | null {
    return this.#failures.get(log)?.reason ?? null;
  }

  /** Starts the first walk. */
  start(): void {
    if (this.#options.ticks) this.#after(0, () => void this.#walk(null));
  }

  /** Reports that a log may have work. Null: every log may. */
  poke(log: LogName | null): void {
    if (this.#closed) return;
    this.#isFresh = false;
    if (log === null) return void this.#walkPage(null).catch(this.#options.report);
    const { at = 0 } = this.#later.get(log) ?? {};
    if (!this.#failures.has(log) || at <= this.#options.env.now()) this.#begin(log);
  }

  #begin(log: LogName): void {
    if (this.#running.has(log)) this.#running.set(log, true);
    else this.#waiting.add(log);
    this.#startWaiting();
  }

  /**
   * Starts the work of a log if it is due, and resolves when no run is left. Returns the time of the next work, or
   * Infinity. It is for a runtime that sleeps between events. The first call finds the work of an earlier memory.
   */
  async work(log: LogName): Promise<number> {
    if (this.#isFresh || (this.#later.get(log)?.at ?? Infinity) <= this.#options.env.now()) this.poke(log);
    await this.#idle();
    return this.#later.get(log)?.at ?? Infinity;
  }

  /** Begins no more runs, and waits for the running ones. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const { cancel } of this.#later.values()) cancel();
    for (const cancel of this.#timers) cancel();
    this.#reportIdle();
    await this.#idle();
  }

  get #isIdle(): boolean {
    return this.#running.size === 0 && this.#resting === 0;
  }

  async #idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#whenIdle.add(resolve));
  }

  #reportIdle(): void {
    if (!this.#isIdle) return;
    for (const report of this.#whenIdle) report();
    this.#whenIdle.clear();
  }

  #startWaiting(): void {
    for (const log of this.#waiting) {
      if (this.#closed || this.#running.size >= this.#options.runsMax) return;
      this.#waiting.delete(log);
      this.#running.set(log, false);
      void this.#run(log);
    }
  }

  async #run(log: LogName): Promise<void> {
    const { env, report, run, turn } = this.#options;
    turn?.enter();
    this.#later.get(log)?.cancel();
    this.#later.delete(log);
    let nextAt = Infinity;
    try {
      nextAt = await run(log);
      this.#failures.delete(log);
    } catch (error) {
      const failures = (this.#failures.get(log)?.count ?? 0) + 1;
      this.#failures.set(log, { count: failures, reason: shortText(reasonOf(error), REASON_LENGTH_MAX) });
      // A closed store fails each call, and its server does not run any more.
      if (!this.#closed) report(error);
      nextAt = env.now() + jittered(env, Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.max));
    }
    const isPoked = this.#running.get(log) === true;
    this.#running.delete(log);
    this.#plan(log, isPoked && !this.#failures.has(log) ? 0 : nextAt);
    this.#startWaiting();
    // After the next run began. Otherwise it would begin a turn of its own.
    turn?.leave();
    this.#reportIdle();
  }

  /** Runs a log again at a time. In a turn that is over, the runtime must wake first. */
  #plan(log: LogName, nextAt: number): void {
    const { env, turn } = this.#options;
    const now = env.now();
    if (nextAt === Infinity) return;
    if (nextAt <= now && turn?.isOver !== true) return this.#begin(log);
    const at = turn?.isOver === true ? Math.max(nextAt, now + REST_MS) : nextAt;
    const isAlarm = turn !== null && at - now >= REST_MS;
    const cancel = isAlarm ? () => {} : this.#after(at - now, () => this.#begin(log));
    this.#later.set(log, { at, cancel: turn && !isAlarm ? this.#rest(turn, cancel) : cancel });
  }

  /** The turn lasts while a log rests. Returns the end of the rest. */
  #rest(turn: Turn, cancelTimer: () => void): () => void {
    let isResting = true;
    this.#resting++;
    turn.enter();
    return () => {
      if (!isResting) return;
      isResting = false;
      this.#resting--;
      turn.leave();
      cancelTimer();
    };
  }

  async #walk(after: string | null): Promise<void> {
    const { report, walkMs } = this.#options;
    const next = await this.#walkPage(after).catch((error: unknown) => {
      if (!this.#closed) report(error);
      return null;
    });
    this.#after(next === null ? walkMs : WALK_PAUSE_MS, () => void this.#walk(next));
  }

  async #walkPage(after: string | null): Promise<string | null> {
    if (this.#closed) return null;
    const { logs, next } = await this.#options.due(after, WALK_LOGS);
    for (const log of logs) this.poke(log);
    return next;
  }

  #after(delayMs: number, run: () => void): () => void {
    if (this.#closed) return () => {};
    const cancelTimer = this.#options.env.setTimer(
      () => {
        this.#timers.delete(cancel);
        if (!this.#closed) run();
      },
      // A run that comes too early returns its time again.
      Math.min(delayMs, TIMER_MS_MAX),
    );
    const cancel = (): void => {
      cancelTimer();
      this.#timers.delete(cancel);
    };
    this.#timers.add(cancel);
    return cancel;
  }
}
