/** Wakes one waiting loop. A signal that comes before the wait ends it at once. */
import type { Env } from "../base/env.ts";

export class WakeUp {
  readonly #env: Pick<Env, "setTimer">;
  #isSignalled = false;
  #wake: (() => void) | null = null;

  constructor(env: Pick<Env, "setTimer">) {
    this.#env = env;
  }

  send(): void {
    this.#isSignalled = true;
    this.#wake?.();
  }

  /** Returns true if a signal came since the last call or wait. */
  take(): boolean {
    const isSignalled = this.#isSignalled;
    this.#isSignalled = false;
    return isSignalled;
  }

  /** Resolves at a signal, or after `ms` milliseconds. */
  async wait(ms: number): Promise<void> {
    if (this.take()) return;
    let cancel: (() => void) | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      cancel = this.#env.setTimer(resolve, ms);
    });
    cancel?.();
    this.#wake = null;
    this.take();
  }
}
