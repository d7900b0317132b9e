/**
 * Two ways to run work less often than it is requested, and one to repeat it.
 *
 * Guarantees:
 * - Each requested run happens within a bounded time, unless `stop` came first (`throttle.test.ts`).
 * - A request costs no timer of its own while a timer is set (`throttle.test.ts`).
 */
import type { Env } from "./env.ts";

export type Throttled = {
  readonly request: () => void;
  /** Runs now what is still requested, for the last time. */
  readonly stop: () => void;
};

/** Runs `run` at once, then at most once in `ms` milliseconds. Requests in between share one later run. */
export function throttle(env: Pick<Env, "setTimer">, ms: number, run: () => void): Throttled {
  let again = false;
  let cancel: (() => void) | null = null;
  const due = () => {
    cancel = null;
    if (again) request();
  };
  function request(): void {
    again = cancel !== null;
    if (again) return;
    cancel = env.setTimer(due, ms);
    run();
  }
  return {
    request,
    stop() {
      cancel?.();
      cancel = null;
      if (again) run();
      again = false;
    },
  };
}

export type DebounceOptions = {
  /** Milliseconds without a request after which the work runs. */
  readonly waitMs: number;
  /** Milliseconds after the first request when the work runs in any case. */
  readonly maxWaitMs: number;
};

export type Debounced = {
  readonly request: () => void;
  /** Runs now, and cancels the run that is due. */
  readonly runNow: () => void;
  /** Cancels the run that is due. */
  readonly stop: () => void;
};

/** Runs `run` once requests have paused. */
export function debounce(env: Env, { waitMs, maxWaitMs }: DebounceOptions, run: () => void): Debounced {
  let firstAt = 0;
  let lastAt = 0;
  let cancel: (() => void) | null = null;
  const check = () => {
    const left = Math.min(lastAt + waitMs, firstAt + maxWaitMs) - env.elapsed();
    cancel = left > 0 ? env.setTimer(check, left) : null;
    if (!cancel) run();
  };
  return {
    request() {
      lastAt = env.elapsed();
      if (cancel) return;
      firstAt = lastAt;
      cancel = env.setTimer(check, Math.min(waitMs, maxWaitMs));
    },
    runNow() {
      cancel?.();
      cancel = null;
      run();
    },
    stop() {
      cancel?.();
      cancel = null;
    },
  };
}

/** Runs `run` every `ms` milliseconds, until the returned function is called. */
export function repeat(env: Pick<Env, "setTimer">, ms: number, run: () => void): () => void {
  let isStopped = false;
  const turn = () => {
    run();
    if (!isStopped) cancel = env.setTimer(turn, ms);
  };
  let cancel = env.setTimer(turn, ms);
  return () => {
    isStopped = true;
    cancel();
  };
}
