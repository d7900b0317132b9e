/**
 * Work that is asked for often and done seldom, so that it does not stand in a person's way.
 *
 * Holds: what was asked for is done, within a bounded time, unless `stop` came first; asking costs no timer each time.
 */
import type { Env } from "./env.ts";

/** Does `run` at once, then at most once in `ms`; asked for meanwhile, it is done once more at the end. */
export function throttle(
  env: Pick<Env, "setTimer">,
  ms: number,
  run: () => void,
): { readonly ask: () => void; readonly stop: () => void } {
  let again = false;
  let cancel: (() => void) | null = null;
  const due = () => {
    cancel = null;
    if (again) ask();
  };
  function ask(): void {
    again = cancel !== null;
    if (again) return;
    cancel = env.setTimer(due, ms);
    run();
  }
  return {
    ask,
    /** What is still asked for is done now, for the last time. */
    stop() {
      cancel?.();
      cancel = null;
      if (again) run();
      again = false;
    },
  };
}

export type DebounceOptions = {
  /** Nothing was asked for in so long. */
  readonly waitMs: number;
  /** Or so long has passed since it was first asked for. */
  readonly maxWaitMs: number;
};

/** Does `run` in a pause. */
export function debounce(
  env: Env,
  { waitMs, maxWaitMs }: DebounceOptions,
  run: () => void,
): { readonly ask: () => void; readonly now: () => void; readonly stop: () => void } {
  let firstAt = 0;
  let lastAt = 0;
  let cancel: (() => void) | null = null;
  const check = () => {
    const left = Math.min(lastAt + waitMs, firstAt + maxWaitMs) - env.elapsed();
    cancel = left > 0 ? env.setTimer(check, left) : null;
    if (!cancel) run();
  };
  return {
    ask() {
      lastAt = env.elapsed();
      if (cancel) return;
      firstAt = lastAt;
      cancel = env.setTimer(check, Math.min(waitMs, maxWaitMs));
    },
    now() {
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
