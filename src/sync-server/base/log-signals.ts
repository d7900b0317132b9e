/**
 * Waits for a change of a log, such as new records or new rows.
 *
 * Guarantees (log-signals.test.ts):
 * - A signal is a hint: `wait` also ends after its time, and its caller reads again.
 * - A log that nobody waits for uses no memory.
 */
import type { LogName } from "../../core/values/ids.ts";
import { type Env, TIMER_MS_MAX } from "./env.ts";

export class LogSignals {
  readonly #env: Pick<Env, "setTimer">;
  readonly #waiting = new Map<LogName, Set<() => void>>();
  #closed = false;

  constructor(env: Pick<Env, "setTimer">) {
    this.#env = env;
  }

  /** True after `close`. Then no wait lasts. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Resolves at the next `send` for this log, after `ms` milliseconds, or when `signal` aborts. */
  wait(log: LogName, ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#closed || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(log) ?? new Set();
      this.#waiting.set(log, waiting);
      const end = (): void => {
        cancel();
        signal?.removeEventListener("abort", end);
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(log);
        resolve();
      };
      const cancel = this.#env.setTimer(end, Math.min(ms, TIMER_MS_MAX));
      signal?.addEventListener("abort", end, { once: true });
      waiting.add(end);
    });
  }

  /** Ends the waits for a log. Null: the waits for every log. */
  send(log: LogName | null): void {
    const waits = log === null ? [...this.#waiting.values()] : [this.#waiting.get(log) ?? []];
    for (const end of waits.flatMap((ends) => [...ends])) end();
  }

  /** Ends all waits, now and later. */
  close(): void {
    this.#closed = true;
    this.send(null);
  }
}
