/**
 * Runs background work for the logs of a server: which logs have work, and how many of them run at once.
 *
 *     poke (an append, a hint, a reader) ──┐
 *     walk over all logs (`due`) ──────────┴─> waiting logs ──> at most `runsMax` runs
 *
 * Guarantees (model-keepers.test.ts, subscribers.test.ts):
 * - A poke is a hint. A log whose poke was lost, such as by a crash, is found by the walk.
 * - A run that fails is tried again, later each time, and stops no other log.
 * - A log has one run at a time. After `close` no run begins.
 */
import type { LogName } from "../../core/values/ids.ts";
import { type Env, jittered } from "./env.ts";

export type LogPoolOptions = {
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The most logs whose work runs at once. */
  readonly runsMax: number;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** Does the work of a log, and returns the time of its next work. Now or earlier: at once. Infinity: after a poke. */
  readonly run: (log: LogName) => Promise<number>;
  /** Returns a page of the logs that may have work, behind the log `after`. */
  readonly due: (
    after: string | null,
    limit: number,
  ) => Promise<{ readonly logs: readonly string[]; readonly next: string | null }>;
};

const WALK_LOGS = 1_000;
/** Milliseconds between two pages of a walk, so that many logs do not block the server. */
const WALK_PAUSE_MS = 50;
/** The most milliseconds of a timer. A run that comes too early returns its time again. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const RETRY_MS = { first: 500, max: 30_000 };

export class LogPool {
  readonly #options: LogPoolOptions;
  /** The logs whose work runs. True: the log was poked meanwhile. */
  readonly #running = new Map<LogName, boolean>();
  readonly #waiting = new Set<LogName>();
  readonly #failures = new Map<LogName, number>();
  readonly #timers = new Set<() => void>();
  /** The timer of each log with a later time. */
  readonly #later = new Map<LogName, () => void>();
  #whenIdle: (() => void) | null = null;
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

  /** Starts the first walk. */
  start(): void {
    if (this.#options.ticks) this.#after(0, () => void this.#walk(null));
  }

  /** Reports that a log may have work. Null: every log may. */
  poke(log: LogName | null): void {
    if (this.#closed) return;
    if (log === null) return void this.#walkPage(null).catch(this.#options.report);
    if (this.#running.has(log)) this.#running.set(log, true);
    else this.#waiting.add(log);
    this.#startWaiting();
  }

  /** Begins no more runs, and waits for the running ones. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#waiting.clear();
    for (const cancel of this.#timers) cancel();
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
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
    const { env, report, run } = this.#options;
    this.#later.get(log)?.();
    this.#later.delete(log);
    let nextAt = Infinity;
    try {
      nextAt = await run(log);
      this.#failures.delete(log);
    } catch (error) {
      const failures = (this.#failures.get(log) ?? 0) + 1;
      this.#failures.set(log, failures);
      // A closed store fails each call, and its server does not run any more.
      if (!this.#closed) report(error);
      nextAt = env.now() + jittered(env, Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.max));
    }
    const isPoked = this.#running.get(log) === true;
    this.#running.delete(log);
    if (isPoked || nextAt <= env.now()) this.poke(log);
    else if (nextAt !== Infinity)
      this.#later.set(
        log,
        this.#after(nextAt - env.now(), () => this.poke(log)),
      );
    this.#startWaiting();
    if (this.#running.size === 0) this.#whenIdle?.();
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
