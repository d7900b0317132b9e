/**
 * The functions of the sync server that are not pure: clock, random bytes and timers.
 *
 * Place: a port. Tests and the simulator pass their own `Env`. `runtimeEnv` is the real one, on Node, Workers and
 * browsers.
 */
import { type BaseEnv, bytePool } from "../../core/values/env.ts";

/** The clock, the timers and the random bytes of a sync server. Pass your own to `syncServer({ env })` in a test. */
export type Env = BaseEnv & {
  /**
   * Resolves after the events that have already arrived were handled. The log writer waits for it, because pushes that
   * arrive together should be written together.
   */
  readonly nextTurn: () => Promise<void>;
};

/** The most milliseconds of a timer. A runtime runs a longer one at once, so each caller of `setTimer` caps it. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

export const runtimeEnv: Env = {
  now: () => Date.now(),
  randomBytes: bytePool((count) => crypto.getRandomValues(new Uint8Array(count))),
  setTimer: (run, delayMs) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  nextTurn: () =>
    new Promise((resolve) => {
      if (immediately) immediately(resolve);
      else setTimeout(resolve, 0);
    }),
};

// Node has `setImmediate`. Workers may lack it, and a timer of 0 fires about as soon there. No type describes both
// runtimes.
const { setImmediate: immediately } = globalThis as { readonly setImmediate?: (run: () => void) => void };

export function wait(env: Env, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    env.setTimer(resolve, delayMs);
  });
}

/** Waits for work, but at most for a time. Returns false if the work did not settle in this time. */
export async function settlesWithin(env: Env, work: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: timeOver, resolve } = Promise.withResolvers<false>();
  const cancel = env.setTimer(() => resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), timeOver]);
  } finally {
    // A timer that remains would keep a process alive.
    cancel();
  }
}

/** Random hexadecimal digits, two for each byte. */
export function randomHex(env: Env, bytes: number): string {
  return Array.from(env.randomBytes(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Whole milliseconds between half of `middleMs` and one and a half times of it, so that many waiters do not return at
 * once.
 */
export function jittered(env: Env, middleMs: number): number {
  const [byte = 128] = env.randomBytes(1);
  return Math.round(middleMs * (0.5 + byte / 256));
}

/** Returns the name of this node for leases. It is drawn late, because Workers draw none before the first request. */
export function nodeName(env: Env): () => string {
  let name = "";
  return () => (name ||= randomHex(env, 8));
}
