/**
 * What is not pure: the clock, randomness and waiting.
 *
 * Place: everything in the sync server that needs one of these is given it, so that tests and the simulator can put their
 * own in its place. `runtimeEnv` is the real one and runs on Node, Workers and browsers alike.
 */
import { type BaseEnv, bytePool } from "../../core/values/env.ts";

export type Env = BaseEnv & {
  /**
   * Resolves once what has already arrived was handed on: the log writer waits for it, so that pushes that came
   * together are written together.
   */
  readonly nextTurn: () => Promise<void>;
};

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

// Node has it; Workers may not, and there a timer of 0 comes about as soon. No type knows both.
const { setImmediate: immediately } = globalThis as { readonly setImmediate?: (run: () => void) => void };

export function wait(env: Env, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    env.setTimer(resolve, delayMs);
  });
}

/** Random hexadecimal digits, two a byte. */
export function randomHex(env: Env, bytes: number): string {
  return Array.from(env.randomBytes(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A whole delay around `middleMs`, between half and one and a half of it, so that many who wait do not come back at once. */
export function jittered(env: Env, middleMs: number): number {
  const [byte = 128] = env.randomBytes(1);
  return Math.round(middleMs * (0.5 + byte / 256));
}
