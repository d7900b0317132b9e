/**
 * Work that is asked for often and done seldom, so that it does not stand in a person's way.
 *
 * Holds: what was asked for is done, within a bounded time, unless `stop` came first; asking costs no timer each time.
 */
import type { Env } from "./env.ts";

/** Does `run` at once, then at most once in `ms`; asked for meanwhile, it is done once more at the end. */
export function atMostEvery(
  env: Pick<Env, "timer">,
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
    cancel = env.timer(ms, due);
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

export type Pause = {
  /** Nothing was asked for in so long. */
  readonly quietMs: number;
  /** Or so long has passed since it was first asked for. */
  readonly mostMs: number;
};

/** Does `run` in a pause. */
export function inPause(
  env: Env,
  { quietMs, mostMs }: Pause,
  run: () => void,
): { readonly ask: () => void; readonly now: () => void; readonly stop: () => void } {
  let firstAt = 0;
  let lastAt = 0;
  let cancel: (() => void) | null = null;
  const check = () => {
    const left = Math.min(lastAt + quietMs, firstAt + mostMs) - env.elapsed();
    cancel = left > 0 ? env.timer(left, check) : null;
    if (!cancel) run();
  };
  return {
    ask() {
      lastAt = env.elapsed();
      if (cancel) return;
      firstAt = lastAt;
      cancel = env.timer(Math.min(quietMs, mostMs), check);
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
